"""Estimators of sequences do not depend on the unit of a channel or of what is predicted, and constants stay constants."""

import numpy as np
import pytest

import unrolled
from unrolled import SequenceClassifier, SequenceRegressor, SequenceTagger
from unrolled.metrics.regression import regression_measures

TINY = {"hidden_size": 6, "members": 1, "max_epochs": 2, "random_state": 0}


def sequences(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, 2)) + np.array([0, 5]) for length in rng.integers(4, 9, n)]


X = sequences()
Y = np.array([x[:, 0].sum() for x in X])


@pytest.mark.parametrize("units", [[2.0**-40, 2.0**300], [2.0**800, 2.0**-900]])
def test_units_of_two_change_no_bit(units):
    other = [x * units for x in X]
    classes = [SequenceClassifier(**TINY).fit(x, Y > 0).predict_proba(x) for x in (X, other)]
    assert np.array_equal(*classes)
    tags = [["a" if step[0] > 0 else "b" for step in x] for x in X]
    scores = [SequenceTagger(**TINY).fit(x, tags).predict_proba(x) for x in (X, other)]
    assert all(np.array_equal(*pair) for pair in zip(*scores, strict=True))
    numbers = [SequenceRegressor(**TINY).fit(x, Y * unit).predict(x) for x, unit in ((X, 1.0), (other, units[0]))]
    assert np.array_equal(numbers[0] * units[0], numbers[1])


def test_units_of_ten_change_no_more_than_rounding():
    units = [1e-13, 1e300]
    classes = [SequenceClassifier(**TINY).fit(x, Y > 0).predict_proba(x) for x in (X, [x * units for x in X])]
    np.testing.assert_allclose(*classes, rtol=1e-3)
    numbers = [SequenceRegressor(**TINY).fit(X, Y * unit).predict(X) / unit for unit in (1.0, 1e-13, 1e300)]
    np.testing.assert_allclose(numbers[1:], [numbers[0]] * 2, rtol=1e-3, atol=1e-3)


def test_float32_is_read_as_the_same_numbers_in_float64():
    single = [x.astype(np.float32) for x in X]
    double = [x.astype(np.float64) for x in single]
    assert np.array_equal(*(SequenceRegressor(**TINY).fit(x, Y).predict(x) for x in (single, double)))
    targets = Y.astype(np.float32)
    given = [SequenceRegressor(**TINY).fit(X, y).predict(X) for y in (targets, targets.astype(np.float64))]
    assert np.array_equal(*given)


@pytest.mark.parametrize("value", [1.1, 0.0, 1e-300, 1e9])
def test_a_channel_that_never_changed_means_nothing_when_it_does(value, tmp_path):
    def with_channel(values):
        return [np.c_[x, np.full(len(x), values)] for x in X]

    classifier = SequenceClassifier(**TINY).fit(with_channel(value), Y > 0)
    classifier.save(tmp_path / "model")
    expected = classifier.predict_proba(with_channel(value))
    for later in (value + 0.1, 1e300, -1e12):
        for each in (classifier, unrolled.load(tmp_path / "model")):
            assert np.array_equal(each.predict_proba(with_channel(later)), expected)


def test_a_number_far_off_is_no_nan():
    classifier = SequenceClassifier(**TINY).fit(X, Y > 0)
    for far in (1e30, -1e300):
        probabilities = classifier.predict_proba([np.full((5, 2), far)])
        assert np.isfinite(probabilities).all()


@pytest.mark.parametrize("value", [1.1, 0.0, -1e-13, 1e300])
def test_targets_that_never_change_are_predicted_as_they_are(value):
    regressor = SequenceRegressor(**TINY).fit(X, np.full(len(X), value))
    assert (regressor.predict(sequences(seed=1)) == value).all()
    assert regressor.score(X, np.full(len(X), value)) == 1.0
    both = SequenceRegressor(**TINY).fit(X, np.c_[Y, np.full(len(X), value)])
    assert (both.predict(X)[:, 1] == value).all()
    assert (both.predict(X)[:, 0] == SequenceRegressor(**TINY).fit(X, np.c_[Y, Y * 0 + 3]).predict(X)[:, 0]).all()


@pytest.mark.parametrize("unit", [1.0, 2.0**-900, 2.0**900])
def test_measures_of_numbers_in_any_unit(unit):
    y, predicted = np.array([1.0, 3.0, 5.0, 9.0]) * unit, np.array([1.0, 2.0, 6.0, 9.0]) * unit
    found = regression_measures(y, predicted)
    assert found["r2"] == pytest.approx(1 - 2 / 35)
    assert (found["mae"] / unit, found["rmse"] / unit) == (0.5, np.sqrt(0.5))


def test_r_squared_of_targets_that_never_change():
    y = np.full(7, 1.1)  # whose mean is not 1.1, by rounding
    assert regression_measures(y, y)["r2"] == 1
    assert regression_measures(y, y + 1e-9)["r2"] == 0
