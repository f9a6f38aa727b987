"""The linear-chain CRF against the enumeration of all sequences of tags; the same bits alone and beside others."""

import itertools

import numpy as np
import pytest

from unrolled.codecs.tag_scheme import tag_order
from unrolled.errors import InputError
from unrolled.runtime.decoding import crf as crf_module
from unrolled.runtime.decoding.crf import Crf
from unrolled.runtime.decoding.viterbi import k_best, viterbi

TAGS = ["O", "B-a", "I-a", "E-a", "S-a"]


def free(rng, K, scale=1.0):
    return Crf(*(scale * rng.normal(size=size) for size in ((K, K), (K,), (K,))))


def in_scheme(rng, scheme, tags, scale=1.0):
    K = len(tags)
    drawn = (scale * rng.normal(size=size) for size in ((K, K), (K,), (K,)))
    return Crf.ordered(*drawn, tag_order(tags, scheme))


def models(rng, scale=1.0):
    yield free(rng, 1, scale)
    yield free(rng, 3, scale)
    yield in_scheme(rng, "bio", TAGS[:3], scale)
    yield in_scheme(rng, "bioes", TAGS, scale)
    yield Crf(np.array([[0, 1.0, -np.inf], [-np.inf, -np.inf, 0], [2.0, 0, -np.inf]]), np.zeros(3), np.zeros(3))


def enumerate_paths(crf, e):
    """Every sequence of tags of ``e [T, K]`` with its score, best first."""
    T, K = e.shape
    paths = np.array(list(itertools.product(range(K), repeat=T)))
    scores = crf.start[paths[:, 0]] + crf.end[paths[:, -1]] + e[np.arange(T), paths].sum(1)
    scores = scores + crf.transitions[paths[:, :-1], paths[:, 1:]].sum(1)
    order = np.argsort(-scores, kind="stable")
    return paths[order], scores[order]


def batch(rng, K, lengths, scale=1.0):
    """Emissions with rubbish past the lengths."""
    e = scale * rng.normal(size=(max(lengths) + 1, len(lengths), K))
    for n, length in enumerate(lengths):
        e[length:, n] = [np.nan, np.inf][n % 2]
    return e, np.array(lengths)


LENGTHS = [4, 1, 3, 2, 4]


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1000.0])
def test_everything_equals_enumeration(scale):
    """At a scale of 1000 most sums underflow unless each is computed less its own maximum."""
    rng = np.random.default_rng(0)
    for crf in models(rng, scale):
        e, lengths = batch(rng, len(crf.start), LENGTHS, scale)
        e[0, 0, 1:2] = -np.inf
        log_Z, marginals = crf.log_partition(e, lengths), crf.marginals(e, lengths)
        best, several = viterbi(crf, e, lengths), k_best(crf, e, lengths, 6)
        for n, T in enumerate(LENGTHS):
            paths, scores = enumerate_paths(crf, e[:T, n])
            possible = scores > -np.inf
            p = np.exp(scores - scores[0])
            assert log_Z[n] == pytest.approx(scores[0] + np.log(p.sum()), rel=1e-13, abs=1e-12)
            expected = np.array([[p[paths[:, t] == k].sum() for k in range(len(crf.start))] for t in range(T)])
            np.testing.assert_allclose(marginals[:T, n], expected / p.sum(), atol=2e-12 * max(1, scale))
            assert not marginals[T:, n].any()
            assert best.scores[n] == pytest.approx(scores[0], rel=1e-13, abs=1e-12)
            count = min(6, possible.sum())
            np.testing.assert_allclose(several.scores[:count, n], scores[:count], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(
                several.probabilities[:count, n], p[:count] / p.sum(), atol=2e-12 * max(1, scale)
            )
            assert (several.scores[count:, n] == -np.inf).all()
            assert not several.probabilities[count:, n].any()
            assert (several.paths[count:, :, n] == -1).all()
            if scale:  # without ties
                assert best.paths[:T, n].tolist() == paths[0].tolist()
                assert several.paths[:count, :T, n].tolist() == paths[:count].tolist()
            else:
                found = {tuple(path) for path in several.paths[:count, :T, n].tolist()}
                assert len(found) == count
                assert found <= {tuple(path) for path in paths[possible].tolist()}
            assert (best.paths[T:, n] == -1).all()
            assert (several.paths[:, T:, n] == -1).all()


def everything(crf, e, lengths):
    """All results, by sequence."""
    log_Z, marginals = crf.log_partition(e, lengths), crf.marginals(e, lengths)
    best, several = viterbi(crf, e, lengths), k_best(crf, e, lengths, 3)
    for n, T in enumerate(lengths):
        yield [
            log_Z[n], marginals[:T, n], best.paths[:T, n], best.scores[n], several.paths[:, :T, n], several.scores[:, n],
            several.probabilities[:, n],
        ]  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 400.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sequence_has_the_same_bits_alone_and_beside_others(dtype, scale):
    """The scale of 400 sends some rows of some steps, and not their neighbours, another way."""
    rng = np.random.default_rng(1)
    tags = ["O", *(f"{prefix}-{kind}" for kind in "abcdefgh" for prefix in "BI")]
    crf = in_scheme(rng, "bio", tags, scale)
    lengths = rng.integers(1, 30, size=70)
    e = (scale * rng.normal(size=(30, 70, len(tags)))).astype(dtype)
    together = list(everything(crf, e, lengths))
    for n in (0, 7, 34, 69):
        (alone,) = everything(crf, np.ascontiguousarray(e[: lengths[n], n : n + 1]), lengths[n : n + 1])
        for own, beside in zip(alone, together[n], strict=True):
            np.testing.assert_array_equal(own, beside)


def test_both_ways_of_summing_agree(monkeypatch):
    rng = np.random.default_rng(2)
    crf = in_scheme(rng, "bioes", TAGS)
    e, lengths = batch(rng, 5, [9, 4, 7])
    fast = crf.marginals(e, lengths)
    monkeypatch.setattr(crf_module, "SMALLEST", np.inf)
    np.testing.assert_allclose(crf.marginals(e, lengths), fast, atol=1e-13)


def test_long_sequences_stay_exact():
    """1000 steps of independent tags: each marginal is a softmax, and log Z is a sum."""
    rng = np.random.default_rng(3)
    e = 5 * rng.normal(size=(1000, 2, 4))
    crf = Crf(np.zeros((4, 4)), np.zeros(4), np.zeros(4))
    p = np.exp(e) / np.exp(e).sum(2, keepdims=True)
    np.testing.assert_allclose(crf.marginals(e, np.array([1000, 1000])), p, atol=1e-11)
    expected = np.log(np.exp(e).sum(2)).sum(0)
    np.testing.assert_allclose(crf.log_partition(e, np.array([1000, 1000])), expected, rtol=1e-14)


def test_no_sequences():
    crf = free(np.random.default_rng(4), 3)
    e, lengths = np.zeros((2, 0, 3)), np.zeros(0, int)
    assert crf.log_partition(e, lengths).shape == (0,)
    assert crf.marginals(e, lengths).shape == (*viterbi(crf, e, lengths).paths.shape, 3) == (2, 0, 3)
    assert k_best(crf, e, lengths, 2).paths.shape == (2, 2, 0)


def test_what_is_forbidden_altogether():
    """An entity of bioes that may neither end nor be single."""
    crf = Crf.ordered(np.zeros((2, 2)), np.zeros(2), np.zeros(2), tag_order(["B-a", "E-a"], "bioes"))
    e, lengths = np.zeros((3, 2, 2)), np.array([2, 3])
    assert crf.log_partition(e, lengths).tolist() == [0.0, -np.inf]
    for decode in (
        crf.marginals,
        lambda e, lengths: viterbi(crf, e, lengths),
        lambda e, lengths: k_best(crf, e, lengths, 2),
    ):
        with pytest.raises(InputError, match="sequence 1 of 3 steps: the tags' order forbids every sequence"):
            decode(e, lengths)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"e": np.zeros((3, 2, 4))}, r"emissions have shape \[3, 2, 4\], expected \[T, B, 3\]"),
        ({"e": np.zeros((0, 2, 3))}, "emissions have shape"),
        ({"lengths": np.array([1])}, "lengths: expected 2 whole numbers"),
        ({"lengths": np.array([1.0, 2.0])}, "lengths: expected 2 whole numbers, got float64"),
        ({"lengths": np.array([1, 4])}, "sequence 1 has length 4, expected 1 to 3"),
        ({"lengths": np.array([0, 3])}, "sequence 0 has length 0, expected 1 to 3"),
        ({"e": np.full((3, 2, 3), np.nan)}, "sequence 0, step 0: the score of tag 0 is nan"),
        (
            {"e": np.where(np.arange(18).reshape(3, 2, 3) == 16, np.inf, 0)},
            "sequence 1, step 2: the score of tag 1 is inf",
        ),
    ],
)
def test_bad_batches_are_refused(change, message):
    crf = free(np.random.default_rng(5), 3)
    given = {"e": np.zeros((3, 2, 3)), "lengths": np.array([3, 3]), **change}
    for run in (crf.log_partition, crf.marginals, lambda e, lengths: viterbi(crf, e, lengths)):
        with pytest.raises(InputError, match=message):
            run(given["e"], given["lengths"])


def test_bad_parameters_are_refused():
    with pytest.raises(InputError, match=r"transitions has shape \[2, 3\], expected \[2, 2\]"):
        Crf(np.zeros((2, 3)), np.zeros(2), np.zeros(2))
    with pytest.raises(InputError, match="end holds NaN or"):
        Crf(np.zeros((2, 2)), np.zeros(2), np.array([0, np.nan]))
    with pytest.raises(InputError, match="n is 0"):
        k_best(free(np.random.default_rng(6), 2), np.zeros((1, 1, 2)), np.array([1]), 0)


@pytest.mark.parametrize("kind", ["uint8", "uint64", ">i2", "list"])
def test_lengths_and_emissions_in_any_form(kind):
    rng = np.random.default_rng(6)
    crf, e, lengths = free(rng, 3), rng.normal(size=(4, 3, 3)), np.array([4, 1, 3])
    turned = Crf(*(np.asfortranarray(values.astype(">f8")) for values in (crf.transitions, crf.start, crf.end)))
    given = lengths.tolist() if kind == "list" else lengths.astype(kind)
    for form in (np.asfortranarray(e), e.astype(">f8"), np.repeat(e, 2, 0)[::2]):
        for alone, other in zip(everything(crf, e, lengths), everything(turned, form, given), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(alone, other, strict=True))
    with pytest.raises(InputError, match="emissions has masked values"):
        viterbi(crf, np.ma.masked_array(e, e > 1), lengths)
    with pytest.raises(InputError, match="emissions is a list"):
        crf.marginals(e.tolist(), lengths)
    with pytest.raises(InputError, match="transitions has dtype int64"):
        Crf(np.zeros((2, 2), np.int64), np.zeros(2), np.zeros(2))
