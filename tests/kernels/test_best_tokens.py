"""The best tokens after the beginnings of a beam, beside a sort of everything."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.kernels.best_tokens import best_tokens


def by_sorting(log_p, before, sources, wanted):
    """Rows, tokens and sums of each source, by one stable sort of its sums."""
    found = []
    for source in dict.fromkeys(sources.tolist()):
        own = [(r, v) for r in np.flatnonzero(sources == source) for v in range(log_p.shape[1])]
        sums = {(r, v): before[r] + log_p[r, v] for r, v in own}
        order = sorted(own, key=lambda place: -sums[place])  # stable: of equals the first
        found += [(r, v, sums[r, v]) for r, v in order[:wanted] if sums[r, v] > -np.inf]
    return found


@pytest.mark.parametrize("wanted", [1, 3, 40])
@pytest.mark.parametrize("V", [1, 2, 7, 31, 32, 33, 64, 100, 257])
def test_as_by_sorting(V, wanted):
    rng = np.random.default_rng(V)
    sources = np.array([4, 4, 0, 7, 7, 7])
    before = rng.integers(-3, 0, size=6).astype(float)
    for log_p in (rng.normal(size=(6, V)), rng.integers(-3, 1, size=(6, V)).astype(float)):  # without and with equals
        log_p[rng.random(log_p.shape) < 0.2] = -np.inf
        for of in (sources, np.zeros(6, int)):
            rows, tokens, sums = best_tokens(log_p, before, of, wanted)
            assert list(zip(rows, tokens, sums, strict=True)) == by_sorting(log_p, before, of, wanted)
            rows, tokens, sums = best_tokens(log_p, None, of, wanted)
            assert list(zip(rows, tokens, sums, strict=True)) == by_sorting(log_p, np.zeros(6), of, wanted)


@pytest.mark.parametrize("V", [3, 40, 129])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_log_probability_is_told(wrong, V):
    for place in (0, V // 2, V - 1):
        log_p = np.zeros((2, V))
        log_p[1, place] = wrong
        assert best_tokens(log_p, np.zeros(2), np.array([0, 0]), 2) is None
        assert best_tokens(log_p[:1], np.zeros(1), np.array([0]), 2) is not None


def test_nothing_possible_and_other_forms():
    rows, tokens, sums = best_tokens(np.full((2, 3), -np.inf), np.zeros(2), np.array([0, 1]), 2)
    assert rows.size == tokens.size == sums.size == 0
    log_p = np.log([[0.5, 0.25, 0.25]])
    for given in (np.asfortranarray(np.repeat(log_p, 2, 0))[1:], log_p.astype(np.float32)):
        rows, tokens, sums = best_tokens(given, np.zeros(1), np.array([0], np.int32), 2)
        assert tokens.tolist() == [0, 1]
        np.testing.assert_allclose(sums, log_p[0, :2], rtol=1e-7)


@pytest.mark.parametrize(
    ("log_p", "before", "sources", "wanted"),
    [
        (np.zeros(3), None, np.zeros(3, int), 1),
        (np.zeros((2, 3)), None, np.zeros(3, int), 1),
        (np.zeros((2, 3)), np.zeros(3), np.zeros(2, int), 1),
        (np.zeros((2, 3)), None, np.zeros(2, int), 0),
    ],
)
def test_what_does_not_fit_is_refused(log_p, before, sources, wanted):
    with pytest.raises(InputError):
        best_tokens(log_p, before, sources, wanted)


@pytest.mark.parametrize("sources", [[0, 1, 0], [3, 3, 1, 3], [0, 1, 0, 1, 0, 1]])
def test_a_source_whose_rows_are_apart_counts_as_several(sources):
    log_p = np.random.default_rng(0).normal(size=(len(sources), 50))
    runs = np.cumsum(np.diff(sources, prepend=sources[0]) != 0)
    for wanted in (1, 40):
        rows, tokens, sums = best_tokens(log_p, None, np.array(sources), wanted)
        expected = by_sorting(log_p, np.zeros(len(sources)), runs, wanted)
        assert list(zip(rows, tokens, sums, strict=True)) == expected
