"""Beam search against the enumeration of all answers; the same bits alone and beside others."""

import functools
import itertools

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.runtime.decoding.beam import BeamSearch
from unrolled.runtime.decoding.constraints import Phrases
from unrolled.runtime.decoding.decodable import Ensemble
from unrolled.runtime.decoding.forced import forced_log_p
from unrolled.runtime.decoding.largest import largest

BOS, EOS = 9, 0


class Remembering:
    """Probabilities that depend on the source and on the whole history, drawn anew for each; it also attends."""

    def __init__(self, V, S=4, scale=1.0, ties=False, never=0.0, seed=0):
        self.V, self.S, self.scale, self.ties, self.never, self.seed = V, S, scale, ties, never, seed
        self.numbers = functools.cache(self.numbers)

    def numbers(self, history):
        rng = np.random.default_rng([self.seed, *history])
        logits = self.scale * rng.normal(size=self.V)
        if self.ties:
            logits = np.round(logits)
        logits[rng.random(self.V) < self.never] = -np.inf
        if logits.max() == -np.inf:
            logits[EOS] = 0.0
        weights = rng.dirichlet(np.full(self.S, 0.3))
        return logits - np.logaddexp.reduce(logits), weights

    def advance(self, state, tokens):
        assert len(state) == len(tokens) > 0
        state = [(*history, int(token)) for history, token in zip(state, tokens, strict=True)]
        return np.stack([self.numbers(history)[0] for history in state]), state

    def select(self, state, rows):
        return [state[row] for row in rows]

    def attention(self, state):
        return np.stack([self.numbers(history)[1] for history in state])


class Deaf:
    """The same without attention."""

    def __init__(self, network):
        self.advance, self.select = network.advance, network.select


def has(y, phrase):
    return any(tuple(y[i : i + len(phrase)]) == tuple(phrase) for i in range(len(y)))


def repeats(y, n):
    grams = [tuple(y[i : i + n]) for i in range(len(y) - n + 1)]
    return len(set(grams)) < len(grams)


def enumerate_answers(network, source, search, *, prefix=(), phrases=(), length=None):
    """Every answer of at most ``max_length`` steps with its score, the best first, those that have not ended last."""
    found = []
    others = [v for v in range(network.V) if v != EOS]
    for T in range(search.max_length + 1):
        for y in itertools.product(others, repeat=T):
            finished = search.max_length > T
            steps = (*y, EOS) if finished else y
            if tuple(y[: len(prefix)]) != tuple(prefix):
                continue
            if search.block_ngrams and repeats(y, search.block_ngrams):
                continue
            if not all(has(y, phrase) for phrase in phrases):
                continue
            log_p, cover = 0.0, np.zeros(network.S)
            history = (source, BOS)
            for token in steps:
                numbers, weights = network.numbers(history)
                log_p, cover, history = log_p + numbers[token], cover + weights, (*history, token)
            if log_p == -np.inf:
                continue
            score = log_p / (((5 + len(steps)) ** search.length_penalty) / (6**search.length_penalty))
            score += search.coverage_penalty * np.log(np.minimum(cover[:length], 1)).sum()
            found.append((finished, score, y, log_p))
    return sorted(found, key=lambda a: (not a[0], -a[1]))


def assert_same(answers, expected, n):
    assert len(answers) == min(n, len(expected))
    for answer, (finished, score, y, log_p) in zip(answers, expected, strict=False):
        assert (answer.finished, tuple(answer.tokens)) == (finished, y)
        assert answer.score == pytest.approx(score, rel=1e-12)
        assert answer.log_p == pytest.approx(log_p, rel=1e-12)


OPTIONS = [
    {},
    {"length_penalty": 0.6},
    {"length_penalty": 3.0, "n_best": 1},
    {"coverage_penalty": 0.4},
    {"length_penalty": 1.0, "coverage_penalty": 2.0},
    {"block_ngrams": 1},
    {"block_ngrams": 2, "length_penalty": 1.5},
    {"n_best": 1000},
    {"n_best": 1000, "coverage_penalty": 0.2, "length_penalty": 0.5, "block_ngrams": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("never", [0.0, 0.4])
def test_a_beam_of_everything_equals_enumeration(options, never):
    for seed in range(6):
        network = Remembering(V=4, seed=seed, scale=1 + seed, never=never)
        search = BeamSearch(bos=BOS, eos=EOS, max_length=4, width=1000, **{"n_best": 3, **options})
        lengths = np.array([4, 2, 3])
        answers = search(network, [(1,), (2,), (3,)], 3, source_lengths=lengths)
        for source in (1, 2, 3):
            expected = enumerate_answers(network, source, search, length=lengths[source - 1])
            assert_same(answers[source - 1], expected, search.n_best)


PHRASES = [
    [[[1]], [], [[2, 2]]],
    [[[1, 2]], [[3], [1]], [[3, 1], [1, 3]]],  # the last two overlap in 3 1 3
    [[[1, 1, 2]], [[2, 1, 2]], [[1, 2, 3], [2, 3]]],
]


@pytest.mark.parametrize("phrases", PHRASES, ids=str)
@pytest.mark.parametrize("options", [{}, {"length_penalty": 1.0}, {"block_ngrams": 2}, {"n_best": 1000}], ids=str)
def test_phrases_equal_enumeration_of_answers_with_them(phrases, options):
    for seed in range(4):
        network = Remembering(V=4, seed=seed, scale=2.0)
        search = BeamSearch(bos=BOS, eos=EOS, max_length=5, width=3000, **{"n_best": 3, **options})
        answers = search(network, [(1,), (2,), (3,)], 3, phrases=phrases)
        for source in (1, 2, 3):
            assert_same(
                answers[source - 1],
                enumerate_answers(network, source, search, phrases=phrases[source - 1]),
                search.n_best,
            )


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_a_narrow_beam_finds_room_for_phrases(width):
    """Improbable ones: the plain beam never has them."""
    phrases = [[[3, 2, 3], [1, 1]], [[3]], []]
    for seed in range(20):
        network = Remembering(V=6, seed=seed, scale=3.0)
        search = BeamSearch(bos=BOS, eos=EOS, max_length=9, width=width, n_best=1)
        for source, (answer,) in enumerate(search(network, [(1,), (2,), (3,)], 3, phrases=phrases)):
            assert all(has(answer.tokens, phrase) for phrase in phrases[source])


def test_progress_of_phrases_equals_looking_for_them():
    rng = np.random.default_rng(0)
    for _ in range(50):
        given = [[rng.integers(1, 3, size=rng.integers(1, 6)) for _ in range(rng.integers(0, 4))] for _ in range(3)]
        phrases, rows = Phrases(given, eos=0), np.array([0, 1, 1, 2])
        progress, text = phrases.begin(rows), np.empty((4, 0), int)
        for _ in range(12):
            tokens = rng.integers(1, 4, size=4)
            text = np.concatenate([text, tokens[:, None]], 1)
            progress = phrases.after(progress, rows, tokens)
            for r, source in enumerate(rows):
                own = list(dict.fromkeys(map(tuple, given[source])))
                assert phrases.met(progress, rows)[r] == all(has(text[r], p) for p in own)
                for p, k in zip(own, progress[r], strict=False):
                    ends = [j for j in range(len(p) + 1) if tuple(text[r][len(text[r]) - j :]) == p[:j]]
                    assert k == (len(p) if has(text[r], p) else max(ends))


@pytest.mark.parametrize("options", [{}, {"block_ngrams": 1}, {"length_penalty": 1.0, "n_best": 1000}], ids=str)
def test_prefixes_equal_enumeration_of_answers_with_them(options):
    prefixes = [[2, 2], [], [1]]
    network = Remembering(V=4, scale=2.0)
    search = BeamSearch(bos=BOS, eos=EOS, max_length=4, width=1000, **{"n_best": 3, **options})
    answers = search(network, [(1,), (2,), (3,)], 3, prefixes=prefixes)
    for source in (1, 2, 3):
        prefix = prefixes[source - 1]
        expected = enumerate_answers(network, source, search, prefix=prefix)
        if search.block_ngrams and source == 1:  # the prefix itself repeats a token: only what follows is blocked
            assert all(tuple(a.tokens[:2]) == (2, 2) and not repeats(a.tokens[1:], 1) for a in answers[0])
            assert len(answers[0]) == 3
        else:
            assert_same(answers[source - 1], expected, search.n_best)
    met = search(network, [(1,)], 1, prefixes=[[2, 2]], phrases=[[[2, 2]]])[0]
    assert [a.tokens.tolist() for a in met] == [
        a.tokens.tolist() for a in search(network, [(1,)], 1, prefixes=[[2, 2]])[0]
    ]


def plain_beam(network, source, search):
    """Width, penalty of the length and an exact end, for one source, in the plainest Python."""
    beam, finished = [((), 0.0)], []
    for length in range(1, search.max_length + 1):
        lp = ((5 + length) / 6) ** search.length_penalty
        longer = []
        for y, log_p in beam:
            numbers, _ = network.numbers((source, BOS, *y))
            longer += [((*y, token), log_p + numbers[token]) for token in range(network.V)]
        longer = sorted(longer, key=lambda each: -each[1])[: search.width]
        finished += [(log_p / lp, y[:-1]) for y, log_p in longer if y[-1] == EOS]
        finished = sorted(finished, key=lambda each: -each[0])[: search.n_best]
        bar = finished[-1][0] if len(finished) == search.n_best else -np.inf
        bound = ((5 + search.max_length) / 6) ** search.length_penalty
        beam = [(y, log_p) for y, log_p in longer if y[-1] != EOS and log_p / bound > bar]
    return finished


@pytest.mark.parametrize(("width", "n_best"), [(1, 1), (2, 1), (3, 3), (5, 2)])
@pytest.mark.parametrize("length_penalty", [0.0, 0.8, 2.0])
def test_a_narrow_beam_equals_plain_python(width, n_best, length_penalty):
    for seed in range(10):
        network = Remembering(V=7, seed=seed, scale=1.5)
        search = BeamSearch(
            bos=BOS, eos=EOS, max_length=12, width=width, n_best=n_best, length_penalty=length_penalty
        )  # fmt: skip
        answers = search(network, [(n,) for n in range(5)], 5)
        for source in range(5):
            expected = plain_beam(network, source, search)
            got = [(a.score, tuple(a.tokens)) for a in answers[source] if a.finished]
            assert [y for _, y in got] == [y for _, y in expected]
            np.testing.assert_allclose([s for s, _ in got], [s for s, _ in expected], rtol=1e-12)


def test_width_one_is_greedy():
    network = Remembering(V=5, scale=2.0, seed=3)
    answers = BeamSearch(bos=BOS, eos=EOS, max_length=20, width=1)(network, [(n,) for n in range(10)], 10)
    for source, (answer,) in enumerate(answers):
        history = (source, BOS)
        while len(history) < 22 and history[-1] != EOS:
            history = (*history, int(network.numbers(history)[0].argmax()))
        assert (answer.finished, answer.tokens.tolist()) == (history[-1] == EOS, [v for v in history[2:] if v != EOS])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("phrases", [False, True])
def test_answers_have_the_same_bits_alone_and_beside_others(ties, phrases):
    """Sources of several lengths, of which some end early; with ties the same of equals is taken."""
    network = Remembering(V=6, S=5, ties=ties, scale=1.5, never=0.2)
    search = BeamSearch(
        bos=BOS, eos=EOS, max_length=10, width=4, n_best=3, length_penalty=0.7, coverage_penalty=0.3, block_ngrams=3
    )  # fmt: skip
    B = 7
    options = {
        "prefixes": [[1], [], [2, 1], [], [], [3], []],
        "source_lengths": np.array([5, 1, 3, 4, 5, 2, 2]),
    }
    if phrases:
        options["phrases"] = [[], [[4, 4]], [], [[5]], [], [[1], [2]], []]
    together = search(network, [(n,) for n in range(B)], B, **options, attention=True)
    assert any(a.finished for answers in together for a in answers)
    for n in range(B):
        alone = search(network, [(n,)], 1, **{k: v[n : n + 1] for k, v in options.items()}, attention=True)[0]
        assert len(alone) == len(together[n]) > 0
        for one, other in zip(alone, together[n], strict=True):
            assert one.tokens.tolist() == other.tokens.tolist()
            assert (one.score, one.log_p, one.finished) == (other.score, other.log_p, other.finished)
            assert np.array_equal(one.attention, other.attention)


def test_equally_good_answers_come_in_one_order():
    class Even:
        def advance(self, state, tokens):
            return np.full((len(tokens), 3), np.log(1 / 3)), state

        def select(self, state, rows):
            return state

    search = BeamSearch(bos=BOS, eos=EOS, max_length=3, width=20, n_best=7)
    answers = search(Even(), None, 2)
    assert [a.tokens.tolist() for a in answers[0]] == [[], [1], [2], [1, 1], [1, 2], [2, 1], [2, 2]]
    assert [a.tokens.tolist() for a in answers[1]] == [a.tokens.tolist() for a in answers[0]]


def test_attention_is_that_of_each_token_and_the_score_is_eq_14():
    network = Remembering(V=5, scale=1.0, seed=2)
    search = BeamSearch(bos=BOS, eos=EOS, max_length=6, width=6, n_best=6, length_penalty=0.9, coverage_penalty=0.7)
    for source, answers in enumerate(search(network, [(0,), (1,)], 2, attention=True)):
        for answer in answers:
            steps = [*answer.tokens, EOS] if answer.finished else [*answer.tokens]
            weights = [network.numbers((source, BOS, *steps[:t]))[1] for t in range(len(steps))]
            assert np.array_equal(answer.attention, weights)
            lp = ((5 + len(steps)) / 6) ** 0.9
            cp = 0.7 * np.log(np.minimum(np.sum(weights, 0), 1)).sum()
            assert answer.score == pytest.approx(answer.log_p / lp + cp, rel=1e-12)


def test_what_never_ends_is_reported():
    class Endless:
        def advance(self, state, tokens):
            return np.tile([-np.inf, np.log(0.75), np.log(0.25)], (len(tokens), 1)), state

        def select(self, state, rows):
            return state

    (answers,) = BeamSearch(bos=BOS, eos=EOS, max_length=3, width=2, n_best=2)(Endless(), None, 1)
    assert [(a.tokens.tolist(), a.finished) for a in answers] == [([1, 1, 1], False), ([1, 1, 2], False)]
    assert BeamSearch(bos=BOS, eos=EOS, max_length=3)(Endless(), None, 0) == []


@pytest.mark.parametrize("width", [1, 4])
def test_sources_without_a_possible_answer_have_none(width):
    class Dead:
        """After 2 nothing comes, after 1 always the end."""

        def advance(self, state, tokens):
            table = np.full((10, 3), -np.inf)
            table[BOS, 1:], table[1, EOS] = np.log(0.5), 0.0
            return table[tokens], state

        def select(self, state, rows):
            return state

    search = BeamSearch(bos=BOS, eos=EOS, max_length=4, width=width)
    answers = search(Dead(), None, 3, prefixes=[[2], [1], [1, 1]])
    assert [[a.tokens.tolist() for a in each] for each in answers] == [[], [[1]], []]
    assert search(Dead(), None, 1, prefixes=[[2]]) == search(Dead(), None, 1, phrases=[[[2]]]) == [[]]
    assert search(Dead(), None, 2, phrases=[[[2, 1]], [[1, 2]]]) == [[], []]


def test_steps_end_when_nothing_can_win():
    class Counting(Remembering):
        steps = 0

        def advance(self, state, tokens):
            self.steps += 1
            log_p = np.log(np.tile([0.9, 0.05, 0.05], (len(tokens), 1)))
            return log_p, state

        def select(self, state, rows):
            return state

    network = Counting(3)
    search = BeamSearch(bos=BOS, eos=EOS, max_length=50, width=3)
    assert search(network, None, 1)[0][0].tokens.tolist() == []
    assert network.steps == 1
    BeamSearch(bos=BOS, eos=EOS, max_length=50, width=3, length_penalty=2.0)(network, None, 1)
    assert network.steps > 2  # a longer one may win by its length as long as log(0.05) / lp(50) does


def test_forced_scores_equal_the_sum_of_steps_and_those_of_the_beam():
    network = Remembering(V=5, seed=1)
    targets = [[1, 2], [], np.array([3, 3, 3, 4]), [2]]
    forced = forced_log_p(network, [(n,) for n in range(4)], targets, bos=BOS, eos=EOS)
    for n, target in enumerate(targets):
        steps = [*map(int, target), EOS]
        expected = [network.numbers((n, BOS, *steps[:t]))[0][token] for t, token in enumerate(steps)]
        assert forced[n].tolist() == expected
    assert forced_log_p(network, [], [], bos=BOS, eos=EOS) == []
    (answers,) = BeamSearch(bos=BOS, eos=EOS, max_length=8, width=4, n_best=4)(network, [(0,)], 1)
    for answer in answers:
        (again,) = forced_log_p(network, [(0,)], [answer.tokens], bos=BOS, eos=EOS)
        assert np.cumsum(again)[-1] == answer.log_p


def test_an_ensemble_is_the_mean_of_probabilities():
    members = [Remembering(V=4, seed=seed, never=0.3) for seed in range(3)]
    ensemble = Ensemble(members)
    log_p, state = ensemble.advance(tuple([(0,), (1,)] for _ in members), np.array([BOS, BOS]))
    each = [np.stack([m.numbers((n, BOS))[0] for n in (0, 1)]) for m in members]
    np.testing.assert_allclose(np.exp(log_p), np.mean(np.exp(each), 0), rtol=1e-14)
    weights = [np.stack([m.numbers((n, BOS))[1] for n in (0, 1)]) for m in members]
    np.testing.assert_allclose(ensemble.attention(state), np.mean(weights, 0), rtol=1e-14)
    alone, _ = ensemble.advance(tuple([(1,)] for _ in members), np.array([BOS]))
    assert np.array_equal(alone[0], log_p[1])
    assert ensemble.select(state, np.array([1, 1]))[2] == [(1, BOS), (1, BOS)]
    single = BeamSearch(bos=BOS, eos=EOS, max_length=5)
    assert (
        single(Ensemble(members[:1]), ([(0,)],), 1)[0][0].tokens.tolist()
        == single(members[0], [(0,)], 1)[0][0].tokens.tolist()
    )
    with pytest.raises(InputError, match=r"have \[4, 3\] tokens"):
        Ensemble([members[0], Remembering(V=3)]).advance(([(0,)], [(0,)]), np.array([BOS]))
    with pytest.raises(InputError, match="no networks"):
        Ensemble([])
    with pytest.raises(InputError, match="Deaf has no attention"):
        Ensemble([members[0], Deaf(members[1])]).attention(([(0, 9)], [(0, 9)]))


@pytest.mark.parametrize("V", [1, 5, 40, 3001])
@pytest.mark.parametrize("N", [1, 30])
@pytest.mark.parametrize("different", [1, 4, 10**6])
def test_the_largest_equal_a_stable_sort(V, N, different):
    rng = np.random.default_rng(0)
    for k in (1, 2, 5, 39, 60):
        values = rng.integers(0, different, size=(N, V)).astype(float)
        values[rng.random(values.shape) < 0.3] = -np.inf
        assert np.array_equal(largest(values, k), np.argsort(-values, 1, kind="stable")[:, :k])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width is 0, expected a whole number of at least 1"),
        ({"max_length": 0}, "max_length is 0"),
        ({"n_best": 6}, "n_best is 6, expected at most the width of the beam, 5"),
        ({"n_best": 0}, "n_best is 0"),
        ({"length_penalty": -0.1}, "length_penalty is -0.1, expected at least 0"),
        ({"coverage_penalty": float("nan")}, "coverage_penalty is nan"),
        ({"block_ngrams": -1}, "block_ngrams is -1"),
    ],
)
def test_options_out_of_their_range(options, message):
    with pytest.raises(InputError, match=message):
        BeamSearch(bos=BOS, eos=EOS, **{"max_length": 5, **options})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prefixes": [[1]]}, "1 prefixes for 2 sources"),
        ({"phrases": [[]] * 3}, "3 phrases for 2 sources"),
        ({"prefixes": [[1], [EOS]]}, "prefix 1: expected tokens of at least 0 other than 0"),
        ({"prefixes": [[1, 1, 1, 1], []]}, "prefix 0 has 4 tokens, but answers at most 4"),
        ({"prefixes": [[1], [7]]}, "a prefix has token 7, but the network's tokens are 0 to 3"),
        ({"prefixes": [[1.5], []]}, "prefix 0: expected whole numbers"),
        ({"phrases": [[], [[1], []]]}, "source 1, phrase 1 is empty"),
        ({"phrases": [[], [[1, EOS]]]}, "source 1, phrase 0: .* other than 0"),
        ({"phrases": [[], [[-1]]]}, "source 1, phrase 0"),
        ({"phrases": [[], [[1, 1, 1, 1]]]}, "a phrase has 4 tokens, but answers at most 4"),
        ({"phrases": [[], [[5]]]}, "a phrase has token 5, but the network's tokens are 0 to 3"),
        ({"source_lengths": np.array([1])}, "source_lengths: expected 2 whole numbers"),
    ],
)
def test_what_does_not_fit_the_sources(given, message):
    with pytest.raises(InputError, match=message):
        BeamSearch(bos=BOS, eos=EOS, max_length=4)(Remembering(V=4), [(0,), (1,)], 2, **given)


def test_networks_that_do_not_fit():
    search = BeamSearch(bos=BOS, eos=EOS, max_length=4, coverage_penalty=1.0)
    with pytest.raises(InputError, match="Deaf has no attention: a coverage penalty"):
        search(Deaf(Remembering(V=4)), [(0,)], 1)
    with pytest.raises(InputError, match="eos has token 4"):
        BeamSearch(bos=BOS, eos=4, max_length=4)(Remembering(V=4), [(0,)], 1)

    class Broken(Remembering):
        def advance(self, state, tokens):
            log_p, state = super().advance(state, tokens)
            log_p[0, 2] = np.nan
            return log_p, state

    with pytest.raises(InputError, match="row 0: the log-probability of token 2 is nan"):
        search(Broken(V=4), [(0,)], 1)

    class Flat(Remembering):
        def advance(self, state, tokens):
            return np.zeros(4), state

    with pytest.raises(InputError, match=r"advance returned shape \[4\], expected \[1, V\]"):
        search(Flat(V=4), [(0,)], 1)
    with pytest.raises(InputError, match="target 1, position 1: token 7, expected 0 to 3"):
        forced_log_p(Remembering(V=4), [(0,), (1,)], [[1], [2, 7]], bos=BOS, eos=EOS)
