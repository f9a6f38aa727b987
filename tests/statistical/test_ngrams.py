"""Language models of n-grams against a slow one in dictionaries, and numbers worked out by hand."""

import itertools
import math
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.runtime.decoding.sampling import Sampling, streams
from unrolled.statistical import ngrams as module
from unrolled.statistical.ngrams import BEFORE, NGrams


def text(seed, V, n, lengths=(0, 12)):
    """Sequences in which some tokens and pairs are frequent."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(V, 0.3), size=V)
    found = []
    for _ in range(n):
        y = [int(rng.integers(V))]
        while len(y) < lengths[1]:
            y.append(int(rng.choice(V, p=table[y[-1]])))
        found.append(y[: rng.integers(*lengths)])
    return found


class Slow:
    """The equations of Chen and Goodman 1998 in dictionaries."""

    def __init__(self, sequences, V, order, eos):
        self.V, self.order = V, order
        raw = Counter()
        for y in sequences:
            padded = [BEFORE] * (order - 1) + list(y) + ([] if eos is None else [eos])
            raw.update(tuple(padded[i : i + order]) for i in range(len(padded) - order + 1))
        self.c = {order: raw}
        for k in range(order - 1, 0, -1):
            before = defaultdict(set)
            for gram in self.c[k + 1]:
                before[gram[1:]].add(gram[0])
            self.c[k] = Counter({gram: len(tokens) for gram, tokens in before.items()})
        self.D = {}
        for k, c in self.c.items():
            n = Counter(c.values())
            self.D[k] = [0, Fraction(1, 2), Fraction(1), Fraction(3, 2)]
            if all(n[i] for i in (1, 2, 3, 4)):
                Y = Fraction(n[1], n[1] + 2 * n[2])
                D = [i - (i + 1) * Y * Fraction(n[i + 1], n[i]) for i in (1, 2, 3)]
                if min(D) >= 0:
                    self.D[k] = [0, *D]

    def p(self, h, w):
        k = len(h) + 1
        lower = self.p(h[1:], w) if h else Fraction(1, self.V)
        c = {v: self.c[k][(*h, v)] for v in range(self.V)}
        total = sum(c.values())
        if not total:
            return lower
        D = self.D[k]
        left = sum(D[min(n, 3)] for n in c.values())
        return Fraction(c[w] - D[min(c[w], 3)], total) + Fraction(left, total) * lower


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("eos", [None, 0])
@pytest.mark.parametrize("n", [2, 150])
def test_probabilities_equal_the_slow_ones_and_sum_to_one(order, eos, n):
    V = 5
    sequences = [[v for v in y if v != eos] for y in text(order, V, n)]
    sequences[0] = [1, 2, 3]
    model, slow = NGrams.counted(sequences, tokens=V, order=order, eos=eos), Slow(sequences, V, order, eos)
    contexts = {tuple(w) for y in sequences for w in module._windows(np.array(y, int), order)[:, :-1].tolist()}
    rng = np.random.default_rng(0)
    contexts |= {tuple(h) for h in rng.integers(0, V, size=(20, order - 1)).tolist()}  # most were never seen
    contexts = np.array(sorted(contexts), int).reshape(len(contexts), order - 1)[:300]
    log_p = model.following(contexts)
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1, rtol=1e-13)
    pick = rng.permutation(len(contexts))[:25]
    expected = [[float(slow.p(tuple(h), w)) for w in range(V)] for h in contexts[pick].tolist()]
    np.testing.assert_allclose(np.exp(log_p[pick]), expected, rtol=1e-12)
    for w in range(V):
        assert np.array_equal(model.log_p(contexts, np.full(len(contexts), w)), log_p[:, w])
    for n in pick[:5]:
        assert np.array_equal(model.following(contexts[n : n + 1])[0], log_p[n])


def test_discounts_are_those_of_the_counts():
    """n1 .. n4 are 6, 3, 2, 1: Y = 1/2, D1 = 1 - 2 Y 3/6, D2 = 2 - 3 Y 2/3, D3 = 3 - 4 Y 1/2."""
    counts = np.array([1] * 6 + [2] * 3 + [3] * 2 + [4])
    np.testing.assert_allclose(module._discounts(counts), [0, 0.5, 1.0, 2.0])
    assert module._discounts(counts[:-1]).tolist() == [0, *module.FEW]  # without a count of 4
    assert module._discounts(np.array([1] * 9 + [2, 3, 4])).tolist() == [0, *module.FEW]  # 2 - 3 Y < 0


def test_by_hand():
    """San Francisco: 1 follows 0 four times and nothing else; 2 comes after three different tokens, once each."""
    y = [0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 2]
    p = np.exp(NGrams.counted([y], tokens=4, order=2).following(np.array([[3], [BEFORE]])))
    # pairs: (-, 0), (0 1) 4 times, (1 0) 3 times, (1 2), (2 3), (3 2), (2 2); tokens before 0: 2, 1: 1, 2: 3, 3: 1
    total, left = 7, 0.5 + 1 + 1.5 + 0.5  # of the counts 1, 2, 3, 1 and their discounts
    lower = [(c - d) / total + left / total / 4 for c, d in ((2, 1), (1, 0.5), (3, 1.5), (1, 0.5))]
    np.testing.assert_allclose(p[0], np.add([0, 0, 0.5, 0], np.multiply(0.5, lower)), rtol=1e-12)
    np.testing.assert_allclose(p[1], np.add([0.5, 0, 0, 0], np.multiply(0.5, lower)), rtol=1e-12)
    assert lower[2] > lower[1]


@pytest.mark.parametrize("order", [1, 3, 5])
def test_perplexity_is_that_of_every_token_and_end(order):
    sequences, held_out = text(0, 6, 60), [*text(1, 6, 5), []]
    slow, model = Slow(sequences, 7, order, 6), NGrams.counted(sequences, tokens=7, order=order, eos=6)
    logs = []
    for y in held_out:
        padded = [BEFORE] * (order - 1) + list(y) + [6]
        logs += [math.log(slow.p(tuple(padded[i : i + order - 1]), padded[i + order - 1])) for i in range(len(y) + 1)]
    assert model.perplexity(held_out) == pytest.approx(math.exp(-np.mean(logs)), rel=1e-12)
    assert model.perplexity(sequences) < 7
    uniform = NGrams.counted([list(range(7))], tokens=7, order=1)
    assert uniform.perplexity([[0, 3, 3]]) == pytest.approx(7)


def test_more_context_helps_where_there_is_some():
    sequences = text(2, 8, 400)
    of = [NGrams.counted(sequences[:300], tokens=9, order=n, eos=8).perplexity(sequences[300:]) for n in (1, 2)]
    assert of[1] < 0.8 * of[0]


def test_it_is_decoded_as_a_network_is():
    model = NGrams.counted(text(0, 5, 50), tokens=6, order=3, eos=5)
    state, seen = model.start(2), np.full((2, 2), BEFORE)
    for step in Sampling()(model, state, [BEFORE, BEFORE], streams(0, 2), max_length=6):
        assert step.log_p.tolist() == model.log_p(seen, step.tokens).tolist()
        seen = np.concatenate([seen, step.tokens[:, None]], 1)[:, 1:]
    _, state = model.advance(model.start(2), np.array([3, 4]))
    assert model.select(state, np.array([1, 0, 1])).tolist() == [[BEFORE, 4], [BEFORE, 3], [BEFORE, 4]]


@pytest.mark.parametrize("order", [1, 2, 4])
def test_arrays_give_the_same_model(order):
    model = NGrams.counted(text(0, 5, 50), tokens=6, order=order, eos=5)
    arrays = model.arrays()
    assert list(arrays) == [f"{kind}_{k}" for k in range(1, order + 1) for kind in ("ngrams", "counts")]
    again = NGrams.from_arrays({**arrays, "other": np.zeros(3)}, tokens=6, eos=5)
    contexts = np.array(list(itertools.product(range(-1, 6), repeat=order - 1)), int).reshape(
        7 ** (order - 1), order - 1
    )
    assert np.array_equal(model.following(contexts), again.following(contexts))
    grams = arrays[f"ngrams_{order}"]
    assert grams.dtype == np.int32
    assert grams.tolist() == sorted(grams.tolist())


def damaged():
    good = NGrams.counted(text(0, 5, 50), tokens=6, order=2, eos=5).arrays()
    yield {}, "order is 0, expected a whole number of at least 1"
    yield {k: v for k, v in good.items() if k != "ngrams_1"}, "order is 0"
    yield {**good, "ngrams_2": good["ngrams_2"][::-1]}, "ngrams_2 are not in ascending order, each once"
    yield (
        {**good, "ngrams_2": np.repeat(good["ngrams_2"][:1], len(good["ngrams_2"]), 0)},
        "ngrams_2 are not in ascending",
    )
    yield {**good, "ngrams_2": good["ngrams_2"] + 1}, "ngrams_2 hold what is no token"
    yield {**good, "ngrams_2": good["ngrams_2"] - 2}, "ngrams_2 hold what is no token"
    yield {**good, "ngrams_1": good["ngrams_2"]}, "ngrams_1 and counts_1 are"
    yield {**good, "ngrams_2": good["ngrams_2"].astype(float)}, "ngrams_2 and counts_2 are"
    yield {**good, "ngrams_1": np.empty((0, 1), int), "counts_1": np.empty(0, int)}, "ngrams_1 and counts_1 are"
    yield {**good, "counts_1": good["counts_1"] * 0}, "counts_1 hold a count below 1"
    yield {**good, "counts_1": good["counts_1"][1:]}, "ngrams_1 and counts_1 are"


@pytest.mark.parametrize(("arrays", "message"), list(damaged()))
def test_damaged_arrays(arrays, message):
    with pytest.raises(InputError, match=message):
        NGrams.from_arrays(arrays, tokens=6, eos=5)


def test_what_does_not_fit():
    for given, options, message in [
        ([[0]], {"order": 0}, "order is 0, expected a whole number of at least 1"),
        ([[0]], {"tokens": 0}, "tokens is 0"),
        ([[0]], {"eos": 3}, "eos is 3, expected one of the tokens, 0 to 2"),
        ([[0], [0, 3]], {}, "sequence 1, position 1: 3, expected 0 to 2"),
        ([[-1]], {}, "sequence 0, position 0: -1"),
        ([[0, 2]], {"eos": 2}, "sequence 0, position 1: 2, expected 0 to 2 other than 2, which ends a sequence"),
        ([[0.5]], {}, "sequence 0: expected whole numbers"),
        ([], {}, "there is no token to count"),
        ([[], []], {}, "there is no token to count"),
    ]:
        with pytest.raises(InputError, match=message):
            NGrams.counted(given, **{"tokens": 3, "order": 2, **options})
    model = NGrams.counted([[0, 1]], tokens=3, order=2)
    for call, message in [
        (lambda: model.following(np.array([0])), r"contexts: expected whole numbers \[N, 1\]"),
        (lambda: model.following(np.array([[3]])), "contexts hold what is no token: expected 0 to 2"),
        (lambda: model.advance(model.start(1), np.array([-2])), "contexts hold what is no token"),
        (lambda: model.log_p(np.array([[0]]), np.array([3])), "tokens: expected 1 from 0 to 2"),
        (lambda: model.perplexity([[]]), "there is no token to guess"),
        (lambda: model.perplexity([[5]]), "sequence 0, position 0: 5"),
    ]:
        with pytest.raises(InputError, match=message):
            call()
