"""CTC against the enumeration of all paths of symbols and blanks; in parts the same bits as at once."""

import itertools

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.runtime.decoding.ctc import Fusion, PrefixBeam, align, best_path, prefix_beam
from unrolled.statistical.ngrams import BEFORE, NGrams


def frames(rng, T, V, scale=1.5, never=0.0):
    logits = scale * rng.normal(size=(T, V))
    logits[rng.random(logits.shape) < never] = -np.inf
    logits[np.arange(T), rng.integers(0, V, size=T)] = scale
    return logits - np.logaddexp.reduce(logits, 1, keepdims=True)


def collapse(path, blank):
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def enumerate_paths(log_p, blank):
    """Of all symbols that some path leads to: the log-probability of all paths, of the best one, and that path."""
    T, V = log_p.shape
    found = {}
    for path in itertools.product(range(V), repeat=T):
        score = log_p[np.arange(T), path].sum()
        total, best, at = found.get(collapse(path, blank), (-np.inf, -np.inf, path))
        found[collapse(path, blank)] = (np.logaddexp(total, score), max(best, score), path if score > best else at)
    return {y: values for y, values in found.items() if values[0] > -np.inf}


def spans(path, blank):
    """The first frame of each symbol and the one after its last."""
    at, found = 0, []
    for symbol, same in itertools.groupby(path):
        n = len(list(same))
        if symbol != blank:
            found.append([at, at + n])
        at += n
    return found


SIZES = [(1, 2), (4, 2), (5, 3), (6, 3), (4, 4)]
CASES = [(T, V, blank, never) for T, V in SIZES for blank in (0, V - 1) for never in (0.0, 0.3)]


@pytest.mark.parametrize(("T", "V", "blank", "never"), CASES)
def test_everything_equals_enumeration(T, V, blank, never):
    rng = np.random.default_rng(T + V)
    for _ in range(5):
        log_p = frames(rng, T, V, never=never)
        exact = enumerate_paths(log_p, blank)
        (heard,) = best_path(log_p[:, None], np.array([T]), blank=blank)
        best = max(exact.values(), key=lambda values: values[1])
        assert tuple(heard.symbols) == collapse(best[2], blank)
        assert heard.times.tolist() == spans(best[2], blank)
        assert heard.score == heard.log_p == pytest.approx(best[1], rel=1e-12)
        beam = PrefixBeam(width=1000, blank=blank)
        beam.push(log_p)
        ranked = sorted(exact, key=lambda y: -exact[y][0])
        answers = beam.best(1000)
        assert [tuple(a.symbols) for a in answers] == ranked
        np.testing.assert_allclose([a.log_p for a in answers], [exact[y][0] for y in ranked], rtol=1e-12)
        assert tuple(beam.symbols()) == ranked[0]
        for answer in answers:
            assert answer.times.tolist() == spans(exact[tuple(answer.symbols)][2], blank)
            assert answer.score == answer.log_p


def test_sums_over_everything_are_one():
    log_p = frames(np.random.default_rng(0), 7, 3)
    (answers,) = prefix_beam(log_p[:, None], np.array([7]), width=10**4, n_best=10**4)
    assert sum(np.exp(a.log_p) for a in answers) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize(("weight", "bonus"), [(1.0, 0.0), (0.7, 1.2), (0.0, -0.5), (2.0, 0.3)])
def test_a_language_model_equals_enumeration(ends, weight, bonus):
    rng, V, T = np.random.default_rng(3), 4, 5
    said = [rng.integers(1, V, size=rng.integers(0, 6)) for _ in range(30)]
    model = NGrams.counted(said, tokens=V + 1, order=3, eos=V)
    fusion = Fusion(
        model=model, state=model.start(1), bos=BEFORE, eos=V if ends else None, weight=weight, bonus=bonus
    )  # fmt: skip
    for _ in range(4):
        log_p = frames(rng, T, V)
        expected = {}
        for y, (total, *_) in enumerate_paths(log_p, 0).items():
            steps = [BEFORE, BEFORE, *y, *([V] if ends else [])]
            windows = np.array([steps[t : t + 3] for t in range(len(steps) - 2)]).reshape(-1, 3)
            expected[y] = total + weight * model.log_p(windows[:, :2], windows[:, 2]).sum() + bonus * len(y)
        ranked = sorted(expected, key=lambda y: -expected[y])
        (answers,) = prefix_beam(log_p[:, None], np.array([T]), width=10**4, n_best=20, fusion=fusion)
        assert [tuple(a.symbols) for a in answers] == ranked[:20]
        np.testing.assert_allclose([a.score for a in answers], [expected[y] for y in ranked[:20]], rtol=1e-11)


def plain_beam(log_p, width, score):
    """Hannun et al. 2014, algorithm 1, with probabilities in dictionaries."""
    p, beam = np.exp(log_p), {(): (1.0, 0.0)}
    for t in range(len(p)):
        after = {}

        def add(y, b, n, after=after):
            old = after.get(y, (0.0, 0.0))
            after[y] = (old[0] + b, old[1] + n)

        for y, (b, n) in beam.items():
            add(y, (b + n) * p[t, 0], n * p[t, y[-1]] if y else 0.0)
            for c in range(1, p.shape[1]):
                add((*y, c), 0.0, p[t, c] * (b if y and y[-1] == c else b + n))
        ranked = sorted((y for y in after if sum(after[y])), key=lambda y: -(np.log(sum(after[y])) + score(y)))
        beam = {y: after[y] for y in ranked[:width]}
    return beam


@pytest.mark.parametrize("width", [1, 2, 3, 8])
@pytest.mark.parametrize("weight", [0.0, 0.8])
def test_a_narrow_beam_equals_plain_python(width, weight):
    """Prefixes are dropped and come back: an extension meets the prefix that is there already."""
    rng, V, T = np.random.default_rng(5), 5, 25
    model = NGrams.counted([rng.integers(1, V, size=40) for _ in range(3)], tokens=V, order=2)
    fusion = Fusion(model=model, state=model.start(1), bos=BEFORE, weight=weight, bonus=0.4)

    def score(y):
        steps = np.array([BEFORE, *y])
        return 0.4 * len(y) + (weight * model.log_p(steps[:-1, None], steps[1:]).sum() if len(y) else 0.0)

    for _ in range(4):
        log_p = frames(rng, T, V, scale=1.0)
        expected = plain_beam(log_p, width, score)
        (answers,) = prefix_beam(log_p[:, None], np.array([T]), width=width, n_best=width, fusion=fusion)
        assert {tuple(a.symbols) for a in answers} == set(expected)
        for answer in answers:
            assert answer.log_p == pytest.approx(np.log(sum(expected[tuple(answer.symbols)])), rel=1e-10)
            assert answer.score == pytest.approx(answer.log_p + score(tuple(answer.symbols)), rel=1e-10)


def test_in_parts_and_beside_others_the_bits_are_the_same():
    rng, V = np.random.default_rng(7), 6
    lengths = np.array([20, 0, 7, 31])
    log_p = np.stack([frames(rng, 31, V) for _ in lengths], 1)
    for n, length in enumerate(lengths):
        log_p[length:, n] = np.nan
    model = NGrams.counted([rng.integers(1, V, size=50)], tokens=V, order=3)
    fusion = Fusion(model=model, state=model.start(1), bos=BEFORE, weight=0.5, bonus=0.2)
    together = prefix_beam(log_p, lengths, width=6, n_best=4, fusion=fusion)
    greedy = best_path(log_p, lengths)
    for n, length in enumerate(lengths):
        for parts in ([length], [1] * length, [length // 3, 0, length - length // 3]):
            beam, at = PrefixBeam(width=6, fusion=fusion), 0
            for part in parts:
                chunk = log_p[at : at + part, n].copy()
                beam.push(chunk)
                chunk[:] = np.nan  # what was heard belongs to the beam
                at += part
            for one, other in zip(beam.best(4), together[n], strict=True):
                assert one.symbols.tolist() == other.symbols.tolist()
                assert one.times.tolist() == other.times.tolist()
                assert (one.score, one.log_p) == (other.score, other.log_p)
        (alone,) = best_path(log_p[:length, n : n + 1], lengths[n : n + 1])
        assert (alone.symbols.tolist(), alone.log_p) == (greedy[n].symbols.tolist(), greedy[n].log_p)
    assert together[1][0].symbols.tolist() == greedy[1].symbols.tolist() == []


def test_float32_is_read_as_the_same_numbers():
    log_p = frames(np.random.default_rng(0), 12, 4).astype(np.float32)[:, None]
    one, other = (prefix_beam(x, np.array([12]))[0][0] for x in (log_p, log_p.astype(np.float64)))
    assert (one.symbols.tolist(), one.score) == (other.symbols.tolist(), other.score)


def test_long_recordings_do_not_underflow():
    log_p = frames(np.random.default_rng(0), 3000, 4)
    (answer,) = prefix_beam(log_p[:, None], np.array([3000]), width=4)[0]
    assert -np.inf < answer.log_p < -745
    assert len(answer.times) == len(answer.symbols) > 500
    assert (np.diff(answer.times.ravel()) >= 0).all()


def test_alignments_that_are_impossible():
    log_p = frames(np.random.default_rng(0), 3, 3)
    assert align(log_p, np.array([1, 2, 1])).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert align(log_p, np.array([1, 1])).tolist() == [[0, 1], [2, 3]]
    assert align(log_p, np.array([], int)).shape == (0, 2)
    for symbols in ([1, 1, 2], [1, 2, 1, 2]):
        with pytest.raises(InputError, match="no path of 3 frames leads to these"):
            align(log_p, np.array(symbols))
    for symbol in (0, 3, -1):
        with pytest.raises(InputError, match=f"symbol 1 is {symbol}, expected 0 to 2 other than the blank, 0"):
            align(log_p, np.array([1, symbol]))


def test_what_does_not_fit():
    log_p, model = np.log(np.full((2, 1, 3), 1 / 3)), NGrams.counted([[1]], tokens=2, order=2)
    for options, message in [
        ({"width": 0}, "width is 0, expected a whole number of at least 1"),
        ({"n_best": 17}, "n_best is 17, expected a whole number from 1 to 16"),
        ({"blank": 3}, "blank is 3, expected a whole number from 0 to 2"),
        ({"fusion": Fusion(model=model, state=model.start(1), bos=BEFORE)}, "has 2 tokens for 3 symbols"),
    ]:
        with pytest.raises(InputError, match=message):
            prefix_beam(log_p, np.array([2]), **options)
    larger = NGrams.counted([[1]], tokens=3, order=2)
    with pytest.raises(InputError, match="ends by token 3"):
        prefix_beam(log_p, np.array([2]), fusion=Fusion(model=larger, state=larger.start(1), bos=BEFORE, eos=3))
    for options, message in [
        ({"weight": -1.0}, "weight is -1.0, expected at least 0"),
        ({"bonus": np.inf}, "bonus is inf"),
    ]:
        with pytest.raises(InputError, match=message):
            Fusion(model=model, state=model.start(1), bos=BEFORE, **options)
    for decode in (best_path, prefix_beam):
        with pytest.raises(InputError, match="sequence 0 has length 3, expected 0 to 2"):
            decode(log_p, np.array([3]))
        with pytest.raises(InputError, match=r"shape \[2, 3\], expected \[T, B, V\]"):
            decode(log_p[:, 0], np.array([2]))
        with pytest.raises(InputError, match="frame 1: the log-probability of symbol 2 is nan"):
            decode(np.where(np.arange(6).reshape(2, 1, 3) == 5, np.nan, log_p), np.array([2]))
    beam = PrefixBeam()
    beam.push(log_p[:, 0])
    before = beam.best()[0]
    for wrong in (np.zeros((1, 4)), np.full((1, 3), np.nan), np.full((1, 3), -np.inf), np.zeros(3)):
        with pytest.raises(InputError):
            beam.push(wrong)
        assert beam.best()[0].score == before.score
