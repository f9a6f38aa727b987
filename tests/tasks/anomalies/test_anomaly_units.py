"""A detector does not depend on the unit of a channel, and a channel that never changed is watched by rule."""

import numpy as np
import pytest

import unrolled
from unrolled import AnomalyDetector

TINY = {"hidden_size": 8, "members": 1, "max_epochs": 4, "random_state": 0}
METHODS = pytest.mark.parametrize("method", ["forecast", "reconstruction"])


def flow(T=600):
    return 20 + 5 * np.sin(2 * np.pi * np.arange(T) / 24) + np.random.default_rng(0).normal(scale=0.5, size=T)


def test_a_channel_that_never_changes_is_said_and_watched():
    values = np.full(400, 7.0)
    with pytest.warns(UserWarning, match="value: every value is the same"):
        detector = AnomalyDetector(**TINY).fit(values)
    assert detector.windows(values).tolist() == []
    values[350] = 8
    assert detector.windows(values)[["start", "end"]].tolist() == [(350, 350)]


@METHODS
@pytest.mark.parametrize(
    ("usual", "other"), [(14.62, 14.63), (0.0, 1e-9), (1.1, 1.1000001), (-1e12, -1e12 + 1), (7.0, 7.5)]
)
def test_any_other_value_is_an_alarm_and_no_other_step_is(method, usual, other, tmp_path):
    values = np.stack([np.full(600, usual), flow()], axis=1)
    with pytest.warns(UserWarning, match="0: every value is the same, so any other value will be an alarm"):
        detector = AnomalyDetector(**TINY, method=method).fit(values)
    alone = detector.predict(values)["alarm"]
    changed = values.copy()
    changed[[2, 300, 301, 599], 0] = other
    detector.save(tmp_path / "model")
    for each in (detector, unrolled.load(tmp_path / "model")):
        found = each.predict(changed)["alarm"]
        assert found[[2, 300, 301, 599]].all()
        assert each.predict(changed, threshold=1e30)["alarm"].sum() == 4
        assert (each.predict(values.astype(np.float32).astype(float), threshold=1e30)["alarm"] == 0).all()
        assert "0" in each.windows(changed)["channel"].tolist()
        assert np.isfinite(each.score_samples(changed)[each.context_ :]).all()
    assert (found[400:590] == alone[400:590]).all()


@METHODS
def test_a_channel_that_changes_only_after_what_is_learned_from(method):
    values = np.stack([np.full(600, 14.62), flow()], axis=1)
    values[500:510, 0] = 14.7
    detector = AnomalyDetector(**TINY, method=method).fit(values)  # nothing is said, for it does change
    assert not detector.model_.channels[0].constant
    scores = detector.model_.scores(values, None)[detector.context_ :]
    assert np.isfinite(scores).all()
    assert scores.max() < 1e30


@METHODS
def test_units_of_two_change_no_bit_of_a_score(method):
    values = np.stack([flow(), np.random.default_rng(1).normal(size=600)], axis=1)
    expected = AnomalyDetector(**TINY, method=method).fit(values[:500]).score_samples(values)
    for units in ([2.0**-40, 2.0**300], [2.0**700, 2.0**-900]):
        scores = AnomalyDetector(**TINY, method=method).fit(values[:500] * units).score_samples(values * units)
        assert np.array_equal(scores, expected, equal_nan=True)
    units = [1e-13, 1e300]
    scores = AnomalyDetector(**TINY, method=method).fit(values[:500] * units).score_samples(values * units)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)


def test_float32_has_the_scores_of_the_same_numbers_in_float64():
    values = flow().astype(np.float32)
    single, double = (AnomalyDetector(**TINY).fit(x).score_samples(x) for x in (values, values.astype(np.float64)))
    assert np.array_equal(single, double, equal_nan=True)


def test_a_value_beside_which_the_others_vanish_is_said():
    values = flow()
    values[77] = -999999
    with pytest.warns(
        UserWarning, match=r"value: -999999 at row 77 \(counted from 0\) is so far from the other values"
    ):
        scores = AnomalyDetector(**TINY).fit(values).score_samples(values)
    assert np.isfinite(scores[100:]).all()
