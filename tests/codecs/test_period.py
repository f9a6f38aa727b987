"""Seasons that values show: found where they are plain, never in noise, walks or trends."""

import numpy as np
import pytest

from unrolled.codecs.period import period_of, season_of
from unrolled.data.airline import PASSENGERS

T = np.arange(240)


def rng(seed=0):
    return np.random.default_rng(seed)


def autoregressive(a, e):
    y = np.zeros(len(e))
    for t in range(1, len(e)):
        y[t] = a * y[t - 1] + e[t]
    return y


NO_SEASON = {
    "white noise": lambda e: e,
    "heavy tails": lambda e: e / np.roll(e, 1),
    "counts": lambda e: np.floor(np.abs(e)),
    "rare": lambda e: np.where(np.abs(e) > 1.9, e**2, 0),
    "random walk": np.cumsum,
    "with drift": lambda e: np.cumsum(e + 0.5),
    "smooth walk": lambda e: np.cumsum(np.cumsum(e)),
    "autoregressive": lambda e: autoregressive(0.95, e),
    "alternating": lambda e: autoregressive(-0.7, e),
    "trend": lambda e: 0.1 * np.arange(len(e)) + e,
    "line": lambda e: 3 + 0.7 * np.arange(len(e)),
    "curve": lambda e: np.arange(len(e)) ** 2 + 0.1 * e,
    "growth": lambda e: np.exp(0.02 * np.arange(len(e)) + 0.1 * e),
    "levels": lambda e: np.cumsum(np.where(np.abs(e) > 2, e, 0)),
    "one change": lambda e: np.where(np.arange(len(e)) < 0.7 * len(e), 5.0, 6.0),
    "one far value": lambda e: np.where(np.arange(len(e)) == len(e) // 2, 1e9, e),
}


@pytest.mark.parametrize("kind", NO_SEASON)
@pytest.mark.parametrize("n", [24, 40, 96, 240])
def test_nothing_without_a_season_is_given_one(kind, n):
    for seed in range(15):
        y = NO_SEASON[kind](rng(seed).normal(size=n))
        assert period_of(y) == 1, seed


@pytest.mark.parametrize("season", [3, 7, 12, 20, 48])
@pytest.mark.parametrize("noise", [0, 0.1, 0.3])
def test_plain_seasons_are_found(season, noise):
    e = noise * rng().normal(size=240)
    profile = np.resize(rng(season).normal(size=season), 240)
    profile /= profile[:season].std()
    for y in (profile + e, 0.05 * T + profile + e, profile + 0.3 * e.cumsum(), (T % season < season / 2) + e):
        assert period_of(y) == season


@pytest.mark.parametrize("n", [80, 200, 1000])
def test_a_wave_of_twenty_steps(n):
    assert period_of(np.sin(2 * np.pi * np.arange(n) / 20)) == 20


@pytest.mark.parametrize("unit", [2.0**-1000, 1e-300, 1e-13, 1e300])
def test_the_unit_does_not_matter(unit):
    assert period_of(unit * (np.sin(2 * np.pi * T / 20) + 0.1 * rng().normal(size=240))) == 20
    assert period_of(unit * rng().normal(size=240).cumsum()) == 1


def test_too_short_or_constant():
    for y in (np.zeros(240), np.full(240, 1.1), np.arange(2.0), np.ones(1), np.resize([1.0, 2.0, 5.0], 11)):
        assert period_of(y) == 1


def test_the_calendar_stays_unless_the_values_say_otherwise_plainly():
    air = np.array(PASSENGERS, float)
    assert season_of([air], 12) == season_of([np.log(air)], 12) == season_of([air], 1) == 12
    day = np.sin(2 * np.pi * np.arange(24 * 70) / 24)
    week = np.repeat(np.resize([1, 1, 1, 1, 1, 0, 0], 70), 24) * (2 + day)
    assert season_of([week], 24) == 24  # the week is a multiple of the day
    assert season_of([rng().normal(size=200)], 7) == 7
    assert season_of([np.sin(2 * np.pi * T / 20)], 7) == 20
    assert season_of([np.sin(2 * np.pi * T / 6)], 12) == 12
    assert season_of([np.sin(2 * np.pi * np.arange(40) / 5)], 52) == 52  # and that is too long: left to others to say


def test_a_panel_follows_most_of_its_series():
    wave, noise = np.sin(2 * np.pi * T / 20), rng().normal(size=240)
    assert season_of([wave, wave + 0.1 * noise, noise], 1) == 20
    assert season_of([wave, noise, noise.cumsum()], 1) == 1
    assert season_of([wave, noise], 1) == 1
    assert season_of([wave, wave, wave[:59]], 1) == 1  # less than three seasons
    assert season_of([wave] * 500, 1) == 20
