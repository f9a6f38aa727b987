"""What parts of a forecast count, and how wide it is: by hand, and on simulated errors whose distribution is known."""

import numpy as np
import pytest

from unrolled.codecs.student_t import student_t_quantile
from unrolled.tasks.forecasting.combination import combination_weights, combined
from unrolled.tasks.forecasting.origins import held_out, origins_of
from unrolled.tasks.forecasting.plausible import within
from unrolled.tasks.forecasting.spread import Spread


def test_weights_are_the_tempered_powers_of_the_errors():
    errors = np.array([[1.0], [2.0], [4.0]])
    for evidence in (0.5, 3.0):
        power = errors[:, 0] ** (-8 * evidence / (evidence + 1))
        assert combination_weights(errors, np.array([evidence]))[:, 0] == pytest.approx(power / power.sum())


def test_without_evidence_all_methods_count_alike_and_the_network_nothing():
    weights = combination_weights(np.full((7, 1), np.nan), np.array([0.0]))
    assert weights[:, 0].tolist() == pytest.approx([1 / 6] * 6 + [0])


def test_a_perfect_part_leaves_nothing_to_the_others():
    assert combination_weights(np.array([[0.0], [0.1]]), np.array([1.0]))[0, 0] == pytest.approx(1.0)


def test_series_of_a_panel_lean_on_each_other():
    errors = np.array([[1.0, 1.0, 2.0], [2.0, 2.0, 1.9]])
    alone = combination_weights(errors[:, 2:], np.array([1.0]))[0, 0]
    together = combination_weights(errors, np.ones(3))
    assert alone < together[0, 2]
    assert combination_weights(np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan]]), np.array([1.0, 0.0]))[
        :, 1
    ] == pytest.approx(np.array([2.0**8, 1, 0]) / (2.0**8 + 1))


def test_parts_without_weight_do_not_spoil_the_mean():
    forecasts = np.stack([np.ones((1, 3)), np.full((1, 3), 3.0), np.full((1, 3), np.nan)])
    assert combined(np.array([[0.25], [0.75], [0.0]]), forecasts).tolist() == [[2.5] * 3]


@pytest.mark.parametrize("kind", ["stationary", "walk"])
def test_intervals_hold_what_they_promise(kind):
    rng = np.random.default_rng(0)
    H, R, inside = 4, 12, []
    for _ in range(400):
        steps = rng.normal(size=(R // H + 1, H))  # independent horizons, the last one to come
        errors = steps if kind == "stationary" else steps.cumsum(axis=1)
        spread = Spread.measure(errors[:-1, None], np.array([R / H]))
        low, high = spread.distances(H, (0.1, 0.9))[0].T
        inside.append((low <= errors[-1]) & (errors[-1] <= high))
    assert 0.77 <= np.mean(inside) <= 0.88


def test_the_margin_is_that_of_students_t():
    spread = Spread(np.array([[4.0], [0.0]]), np.array([5.0]))
    expected = 2.0 * student_t_quantile(0.9, np.array([5.0]))[0]
    assert spread.distances(2, (0.1, 0.5, 0.9))[0, 1] == pytest.approx([-expected, 0.0, expected])
    assert spread.times(np.array([3.0])).distances(1, (0.9,))[0, 0, 0] == pytest.approx(3 * expected)


def test_a_spread_never_narrows_ahead():
    errors = np.array([[[3.0, 2.0, 1.0]], [[-3.0, -2.0, -1.0]]])
    growth = Spread.measure(errors, np.array([2.0])).growth
    assert growth[:, 0].tolist() == pytest.approx([14 / 3, 0.0])


def test_what_is_kept_back_leaves_enough_to_learn_from():
    for length in range(1, 80):
        (kept,) = held_out([length], 12, 12, 24)
        assert 0 <= kept < length
        assert length - kept >= min(length, 4)
        if length >= 27:
            assert length - kept >= 24
        assert all(1 <= steps <= kept for steps in origins_of([kept]))


def test_a_runaway_is_held():
    z = np.r_[np.zeros(20), np.arange(10.0)]
    quantiles = within(z, 1, np.array([1e6, -1e6]), np.array([[-1.0, 0.0, 1e9]] * 2))
    assert 9 < quantiles[0, 1] < 12
    assert quantiles.max() < 40
