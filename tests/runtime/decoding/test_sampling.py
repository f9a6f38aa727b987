"""Drawn answers: frequencies against the exact distribution by chi-square, top-k and top-p against plain Python."""

import itertools
import math

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.runtime.decoding.sampling import Sampling, streams


class Fixed:
    """The next token depends on the last only, by a table ``[V, V]`` of probabilities."""

    def __init__(self, table):
        self.table = np.asarray(table, float)

    def advance(self, state, tokens):
        assert len(state) == len(tokens) > 0
        with np.errstate(divide="ignore"):
            return np.log(self.table[tokens]), state

    def select(self, state, rows):
        return state[rows]


def table(V, seed=0, none=0.2):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(V), size=V)
    p[rng.random(p.shape) < none] = 0
    p[:, -1] += 0.05
    return p / p.sum(1, keepdims=True)


def plain(p, temperature=1.0, top_k=None, top_p=1.0):
    """Of one row, token by token."""
    q = [x ** (1 / temperature) for x in p]
    order = sorted(range(len(q)), key=lambda v: (-q[v], v))[: top_k or len(q)]
    total, kept, so_far = sum(q[v] for v in order), [], 0.0
    for v in order:
        if top_p == 1 or so_far < top_p * total:
            kept.append(v)
        so_far += q[v]
    return [q[v] / sum(q[u] for u in kept) if v in kept else 0.0 for v in range(len(q))]


OPTIONS = [
    {},
    {"temperature": 0.3},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 3},
    {"top_k": 50},
    {"top_p": 0.5},
    {"top_p": 0.9},
    {"top_p": 1e-9},
    {"temperature": 1.7, "top_k": 4, "top_p": 0.6},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_distributions_equal_plain_python(options):
    rng = np.random.default_rng(0)
    p = np.concatenate([table(7, seed) for seed in range(20)])
    p = np.concatenate([p, rng.permuted(np.tile([0.25, 0.25, 0.25, 0.125, 0.125, 0.0, 0.0], (20, 1)), axis=1)])  # ties
    with np.errstate(divide="ignore"):
        q = Sampling(**options).probabilities(np.log(p))
    np.testing.assert_allclose(q, [plain(row, **options) for row in p], rtol=1e-12)
    np.testing.assert_allclose(q.sum(1), 1, rtol=1e-14)


def test_extreme_temperatures():
    log_p = np.log([[0.2, 0.5, 0.3]])
    assert Sampling(temperature=1e-300).probabilities(log_p).tolist() == [[0, 1, 0]]
    np.testing.assert_allclose(Sampling(temperature=1e300).probabilities(log_p), 1 / 3)


def chi_square(counts, p):
    """The statistic's distance from its mean in standard deviations, of cells with an expectation; others must be empty."""
    expected = counts.sum() * p
    assert counts[expected == 0].sum() == 0
    cells = expected > 0
    statistic = ((counts[cells] - expected[cells]) ** 2 / expected[cells]).sum()
    degrees = cells.sum() - 1
    return (statistic - degrees) / math.sqrt(2 * degrees) if degrees else 0.0


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_frequencies_pass_a_chi_square_test(options):
    p = table(6, seed=1)
    n = 4000
    (step,) = Sampling(**options)(Fixed(p), np.zeros(n), np.full(n, 2), streams(1, n), max_length=1)
    assert abs(chi_square(np.bincount(step.tokens, minlength=6), np.array(plain(p[2], **options)))) < 3.5
    assert step.log_p.tolist() == np.log(p[2][step.tokens]).tolist()


def test_whole_answers_have_their_exact_frequencies():
    """Every answer of at most 3 steps, of one stream that goes on and on, and of many streams side by side."""
    p = table(4, seed=2, none=0.0)
    q = np.array([plain(row, 1.3, 3) for row in p])
    sampling, exact = Sampling(temperature=1.3, top_k=3), {}
    for y in itertools.product(range(4), repeat=3):
        y = y[: y.index(3) + 1] if 3 in y else y
        exact[y] = math.prod(q[a, b] for a, b in zip((0, *y), y, strict=False))
    answers, n = sorted(exact), 6000
    probabilities = np.array([exact[y] for y in answers])
    assert probabilities.sum() == pytest.approx(1)
    steps = list(sampling(Fixed(p), np.zeros(n), np.zeros(n, int), streams(0, n), max_length=3, eos=3))
    drawn = [tuple(int(v) for v in row if v >= 0) for row in np.stack([s.tokens for s in steps], 1)]
    counts = np.array([drawn.count(y) for y in answers])
    assert counts.sum() == n
    assert abs(chi_square(counts, probabilities)) < 3.5
    one, drawn = streams(5, 1), []
    for _ in range(1500):
        steps = sampling(Fixed(p), np.zeros(1), [0], one, max_length=3, eos=3)
        drawn.append(tuple(int(s.tokens[0]) for s in steps))
    assert abs(chi_square(np.array([drawn.count(y) for y in answers]), probabilities)) < 3.5


def test_rows_do_not_depend_on_each_other():
    p, N = table(9, seed=3), 12
    sampling = Sampling(temperature=1.1, top_k=7, top_p=0.95)
    options = {"max_length": 30, "eos": 8, "stop": [[1, 2], [3, 3, 3], [5]]}
    together = list(sampling(Fixed(p), np.zeros(N), np.arange(N) % 8, streams(4, N), **options))
    for n in range(N):
        alone = list(sampling(Fixed(p), np.zeros(1), [n % 8], [streams(4, N)[n]], **options))
        assert [int(s.tokens[0]) for s in alone] == [int(s.tokens[n]) for s in together if s.tokens[n] >= 0]
        assert [float(s.log_p[0]) for s in alone] == [float(s.log_p[n]) for s in together][: len(alone)]
        y = [int(s.tokens[0]) for s in alone]
        stops = [[8], *options["stop"]]
        ends = [t for t in range(1, len(y) + 1) if any(y[max(0, t - len(s)) : t] == s for s in stops)]
        assert ends == ([len(y)] if len(y) < 30 or ends else [])
        assert [bool(s.ended[0]) for s in alone] == [False] * (len(y) - 1) + [bool(ends)]
    assert {len(s.tokens) for s in together} == {N}
    assert together[-1].ended.all()


def test_it_streams():
    network = Fixed(table(4, none=0.0))
    calls, advance = [], network.advance
    network.advance = lambda state, tokens: (calls.append(1), advance(state, tokens))[1]
    steps = Sampling()(network, np.zeros(1), [0], streams(0, 1), max_length=10**9)
    assert not calls
    for n in (1, 2, 3):
        next(steps)
        assert len(calls) == n


def test_the_same_seed_draws_the_same_and_another_does_not():
    def draw(seed):
        return [
            int(s.tokens[0])
            for s in Sampling()(Fixed(table(9, none=0.0)), np.zeros(1), [0], streams(seed, 1), max_length=40)
        ]

    assert draw(0) == draw(0) != draw(1)
    assert not list(Sampling()(Fixed(table(4)), np.zeros(0), [], [], max_length=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0}, "temperature is 0, expected a number above 0: .* width of 1 it is greedy"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"temperature": "warm"}, "temperature is 'warm', expected a number above 0"),
        ({"temperature": None}, "temperature is None"),
        ({"top_p": 0.0}, "top_p is 0.0, expected above 0, at most 1"),
        ({"top_p": 1.01}, "top_p is 1.01"),
        ({"top_k": 0}, "top_k is 0, expected a whole number of at least 1"),
    ],
)
def test_options_out_of_their_range(options, message):
    with pytest.raises(InputError, match=message):
        Sampling(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 0}, "max_length is 0"),
        ({"stop": [[1], []]}, r"stop sequence 1 is \[\], expected one or more tokens"),
        ({"stop": [[-1]]}, r"stop sequence 0 is \[-1\]"),
        ({"eos": -1}, "eos is -1"),
        ({"tokens": [1, 1]}, "1 generators for 2 rows"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_drawn(options, message):
    given = {"tokens": [1], "generators": streams(0, 1), "max_length": 3, **options}
    with pytest.raises(InputError, match=message):
        Sampling()(Fixed(table(4)), np.zeros(1), given.pop("tokens"), given.pop("generators"), **given)


def test_no_token_possible():
    with pytest.raises(InputError, match="row 1: no token has a probability above 0"):
        list(Sampling()(Fixed([[0.5, 0.5], [0, 0]]), np.zeros(2), [0, 1], streams(0, 2), max_length=1))
    with pytest.raises(InputError, match="seed is -1"):
        streams(-1, 1)
