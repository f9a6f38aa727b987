"""The scale of a series: chosen by hand-checked rules, whatever the unit, undone exactly."""

import numpy as np
import pytest

from unrolled.codecs.inputs import NumberCodec
from unrolled.codecs.scaling import SeriesScaling, Standardization, binary_unit, is_constant, prefers_log

T = np.arange(60)
WAVE = np.sin(2 * np.pi * T / 12)


@pytest.mark.parametrize(
    ("y", "log"),
    [
        (np.exp(0.03 * T + 0.3 * WAVE), True),
        (100 + T + 10 * WAVE, False),
        (np.full(60, 7.0), False),
        (WAVE, False),
        (np.exp(0.03 * T + 0.3 * WAVE) - 1.1, False),
        (np.array([1.0, 2.0, 3.0]), True),
        (np.array([10.0, 11.0, 12.0]), False),
    ],
)
def test_logarithm_is_for_series_that_vary_with_their_level(y, log):
    assert prefers_log(y, 12) is log


def test_scale_is_the_mean_seasonal_change():
    y = np.array([1.0, 5.0, 2.0, 8.0, -4.0, 9.0])
    scaling = SeriesScaling.fit(y, 2)
    assert scaling == SeriesScaling(log=False, scale=(1 + 3 + 6 + 1) / 4)
    assert SeriesScaling.fit(y, 10).scale == np.abs(np.diff(y)).mean()  # no whole season: single steps


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, -0.3, 1e9, 1e-300, 1e300])
def test_constant_series_have_scale_one_and_stay_what_they_are(value):
    scaling = SeriesScaling.fit(np.full(30, value), 12)
    assert scaling == SeriesScaling(log=False, scale=1.0, constant=value)
    assert scaling.transform(np.array([value, 17.0])).tolist() == [0.0, 0.0]
    assert scaling.inverse(np.array([-1.0, 0.0, 1e9])).tolist() == [value] * 3


@pytest.mark.parametrize(
    ("x", "constant"),
    [
        ([1.1] * 1000, True),
        ([0.1 + 0.2, 0.3, 0.3], True),
        ([1e-13, 2e-13], False),
        ([14.62] * 99 + [14.63], False),
        ([1e9, 1e9 + 1e-3], False),
        ([5e-324, 0.0], False),
        ([-1.7e308, 1.7e308], False),
        (np.array([1.1, 1.1000001], np.float32), True),  # one place of float32 apart
        (np.array([1.1, 1.10001], np.float32), False),
        ([10_000_001.0, 10_000_002.0], False),  # held by float32, but whole numbers
        ([2.0**53, 2.0**53 + 2], True),
    ],
)
def test_what_differs_by_rounding_is_constant(x, constant):
    assert is_constant(np.array(x, np.float64)) is constant


@pytest.mark.parametrize("season", [1, 12])
def test_scale_of_a_season_that_repeats_exactly_is_told_by_its_steps(season):
    y = np.resize([1.0, 4.0, 2.0, 8.0], 60)
    expected = max(0.01, season == 1) * np.abs(np.diff(y)).mean()
    assert SeriesScaling.fit(y, season, log=False).scale == pytest.approx(expected)
    noise = 1e-14 * np.random.default_rng(0).normal(size=60)
    assert SeriesScaling.fit(y + noise, season, log=False).scale == pytest.approx(expected)


@pytest.mark.parametrize("power", [-900, -40, 3, 900])
def test_scales_follow_the_unit_to_the_last_bit(power):
    rng, unit = np.random.default_rng(0), 2.0**power
    noise = rng.normal(size=60)
    for y in (noise, rng.gamma(2, size=60), np.r_[np.zeros(50), 1, 0, 2], WAVE, 1e6 + noise):
        assert prefers_log(y * unit, 12) is prefers_log(y, 12)
        one, other = (SeriesScaling.fit(x, 12, log=False) for x in (y, y * unit))
        assert other.scale == one.scale * unit
        assert (other.transform(y * unit) == one.transform(y)).all()
        one, other = (Standardization.fit(x) for x in (y, y * unit))
        assert (other.mean, other.deviation) == (one.mean * unit, one.deviation * unit)
        assert (other.transform(y * unit) == one.transform(y)).all()


def test_one_changed_value_decides_nothing_by_rounding():
    """Of blocks without spread but for one, neither of Guerrero's ratios varies less: the choice must not be a toss."""
    for level, changed in [(5.0, 6.0), (0.3, 0.7), (14.62, 14.63), (1.1, 1e-3)]:
        y = np.r_[np.full(40, level), np.full(20, changed)]
        assert prefers_log(y, 12) is False
        assert prefers_log(3 * y, 12) is False


def test_the_unit_of_two():
    for x in (1.0, 1.5, 1e-310, 5e-324, 1e300, 1.7e308):
        assert binary_unit(np.array([x, -x / 3])) <= x < 2 * binary_unit(np.array([x])) or x > 8e307
    assert binary_unit(np.zeros(3)) == binary_unit(np.zeros(0)) == 1.0


@pytest.mark.parametrize("log", [True, False])
def test_inverse_undoes(log):
    y = np.random.default_rng(0).uniform(1, 100, 50)
    scaling = SeriesScaling.fit(y, 4, log=log)
    np.testing.assert_allclose(scaling.inverse(scaling.transform(y)), y, rtol=1e-13)


def test_inverse_stays_finite():
    assert np.isfinite(SeriesScaling(log=True, scale=1.0).inverse(np.array([1e9, -1e9]))).all()


def test_standardization():
    x = np.array([1.0, 3.0])
    assert Standardization.fit(x).transform(x).tolist() == [-1.0, 1.0]
    assert Standardization.fit(np.array([4.0, 4.0])) == Standardization(4.0, 1.0, constant=True)


@pytest.mark.parametrize("value", [1.1, 0.0, 1e-13, 1e300, np.float64(np.float32(1.1))])
def test_a_constant_column_is_left_out_and_comes_back_as_it_was(value):
    column = Standardization.fit(np.full(1000, value))
    assert column.transform(np.array([value, value + 0.1, -1e9])).tolist() == [0.0] * 3
    assert column.inverse(np.array([-3.0, 0.5])).tolist() == [value] * 2
    codec = NumberCodec.fit([np.stack([np.full(9, value), np.arange(9.0)], axis=1)])
    assert codec.encoder()(np.array([[value + 1, 4.0], [value, 4.0]])).tolist() == [[0.0, 0.0]] * 2


def test_what_departs_from_a_constant():
    c = Standardization.fit(np.full(50, 14.62))
    near = np.nextafter(14.62, 15)
    assert c.departs(np.array([14.62, near, np.float32(14.62), 14.62 * 3 / 3])).tolist() == [False] * 4
    assert c.departs(np.array([14.63, 14.6200001, 14.62 + 1e-9, 0.0, -14.62, 1e300])).all()
    single = Standardization.fit(np.full(50, np.float64(np.float32(14.62))))
    assert single.departs(np.array([np.float32(14.62), 14.62, 14.6200001])).tolist() == [False, False, True]
    zero = Standardization.fit(np.zeros(50))
    assert zero.departs(np.array([0.0, -0.0, 1e-300, 5e-324])).tolist() == [False, False, True, True]
    assert Standardization.fit(np.full(9, 1e300)).departs(np.array([1e300, 2e300])).tolist() == [False, True]


def test_what_lies_far_off_stays_a_number_in_float32():
    far = np.array([[1e300], [-1e300]])
    assert np.isfinite(NumberCodec.fit([np.array([[1.0], [3.0]])]).encoder()(far)).all()
    assert np.isfinite(SeriesScaling(log=False, scale=1e-3).transform(far).astype(np.float32)).all()
