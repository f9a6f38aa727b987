r"""Six forecasting methods without a network, each fitted to every series by itself.

``seasonal median`` is the median of the last three seasons, step by step, in which a single holiday leaves no trace;
``level``, ``damped trend`` and ``trend`` are exponential smoothing, with a season where there is one, and the last goes on along
a straight line in the units of the series, also where that is modelled on its logarithm; ``theta`` smooths the level beside
half of the history's slope; ``autoregression`` regresses a series on its past. The four in the middle are one recurrence with
different gains (:mod:`unrolled.statistical.smoothing`). Gains are the best of a grid, by the squared errors one step ahead
and Akaike's corrected criterion with as many parameters as a method has gains and states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.seasonality import initial_states
from unrolled.statistical.autoregression import autoregression, continued
from unrolled.statistical.smoothing import Gains, Start, States, run, squared_errors

__all__ = ["METHODS", "SMOOTHING", "StatisticalMethods"]

SMOOTHING = ("level", "damped trend", "trend", "theta")
METHODS = ("seasonal median", *SMOOTHING, "autoregression")

REACH = 2000  # the last steps of a series, or so many seasons: what lies further back no longer matters
SEASONS = 20
MEDIAN_OF = 3  # seasons
COLUMNS = 50_000  # recurrences that are run side by side
ALPHA = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
GAMMA = (0.0, 0.05, 0.15, 0.3, 0.5)  # of what alpha leaves over
DAMPED = tuple(product((0.05, 0.15, 0.4), (0.8, 0.9, 0.97)))  # beta in parts of alpha, and phi
TREND = tuple((beta, 1.0) for beta in (0.02, 0.1, 0.3))
STATES = {  # and gains, beside those of level and season
    "level": 1,
    "damped trend": 4,
    "trend": 4,
    "theta": 2,
}


@dataclass(frozen=True)
class StatisticalMethods:
    """The methods as they were fitted to ``N`` series.

    Attributes:
        season: ``m``, in steps.
        log_scales: by what the logarithm of each series was divided, 0 for one that is not on its logarithm, ``[N]``.
        gains: alpha, beta, gamma and phi of each method of smoothing, ``[4, 4, N]``.
        seasonal: whether a method starts from a seasonal profile, ``[4, N]``.
        coefficients: of the autoregressions, ``[N, 1 + lags]``.
    """

    season: int
    log_scales: Values
    gains: Values
    seasonal: NDArray[np.bool_]
    coefficients: Values

    @classmethod
    def fit(cls, z: Sequence[Values], season: int, log_scales: Values) -> StatisticalMethods:
        """Choose for scaled series ``[T_i]``, one step each at least.

        Args:
            z: the series.
            season: its length in steps.
            log_scales: as above.

        >>> methods = StatisticalMethods.fit([np.tile([0.0, 1.0, 3.0, 1.0], 10)], 4, np.zeros(1))
        >>> methods.forecast([np.tile([0.0, 1.0, 3.0, 1.0], 11)], 4)[:, 0].round(1).tolist()[0]
        [0.0, 1.0, 3.0, 1.0]
        """
        z = _recent(z, season)
        gains, seasonal = np.zeros((4, len(SMOOTHING), len(z))), np.zeros((len(SMOOTHING), len(z)), np.bool_)
        for k, method in enumerate(SMOOTHING):
            gains[:, k], seasonal[k] = _searched(z, season, method, log_scales)
        rows = [autoregression(series, season) for series in z]
        lags = max(map(len, rows))
        coefficients = np.stack([np.pad(row, (0, lags - len(row))) for row in rows])
        return cls(season, log_scales, gains, seasonal, coefficients)

    def speeds(self) -> tuple[Values, Values]:
        """How fast smoothing follows level and season beside a trend, in parts of what is left over, ``[N]`` each."""
        alpha, _, gamma, _ = self.gains[:, SMOOTHING.index("trend")]
        return alpha, gamma / np.maximum(1 - alpha, np.finfo(np.float64).tiny)

    def select(self, series: Sequence[int]) -> StatisticalMethods:
        """The methods of some of the series."""
        chosen = list(series)
        return StatisticalMethods(
            self.season,
            self.log_scales[chosen],
            self.gains[..., chosen],
            self.seasonal[:, chosen],
            self.coefficients[chosen],
        )

    def transferred(
        self, known: Sequence[tuple[int | None, bool]], z: Sequence[Values], log_scales: Values
    ) -> StatisticalMethods:
        """For series ``z`` of which some are others than those fitted to.

        Autoregressions of others keep their coefficients, and vary around the mean of ``z`` instead of their own.

        Args:
            known: the number of each series among those fitted to, None for one that is new and gets what the middle one
                has; and whether it is what it was.
            z: the series, scaled.
            log_scales: of these.
        """
        middle = int(np.argsort(self.gains[0, 0], kind="stable")[len(self.coefficients) // 2])
        methods = replace(self.select([middle if i is None else i for i, _ in known]), log_scales=log_scales)
        for row, series, (_, same) in zip(methods.coefficients, z, known, strict=True):
            if not same:
                row[0] = series.mean() * (1 - row[1:].sum())
        return methods

    def forecast(self, z: Sequence[Values], horizon: int) -> Values:
        """Forecasts ``[6, N, horizon]`` after all of each series."""
        return self.forecasts(z, horizon, [np.zeros(len(z), np.int64)])[0]

    def forecasts(self, z: Sequence[Values], horizon: int, before: Sequence[NDArray[np.int64]]) -> Values:
        """Forecasts ``[origins, 6, N, horizon]`` from several ends of each series.

        Args:
            z: the series.
            before: for each origin, how many steps before the end of each series it lies, ``[N]``.
        """
        z = _recent(z, self.season)
        states, lengths = self._states(z), np.array([len(series) for series in z])
        forecasts = np.empty((len(before), len(METHODS), len(z), horizon))
        for origin, steps in zip(forecasts, before, strict=True):
            known = np.maximum(lengths - steps, 1)
            pasts = [series[:n] for series, n in zip(z, known, strict=True)]
            origin[0] = [_seasonal_median(past, self.season, horizon) for past in pasts]
            origin[1:-1] = states.ahead(np.tile(known, len(SMOOTHING)), horizon).reshape(-1, len(z), horizon)
            origin[-1] = [
                continued(past[None], weights[None], horizon)[0]
                for past, weights in zip(pasts, self.coefficients, strict=True)
            ]
        return forecasts

    def _states(self, z: list[Values]) -> States:
        """All recurrences along their series, method by method."""
        padded = _padded(z)
        starts = [
            _start(z, self.season, method, seasonal) for method, seasonal in zip(SMOOTHING, self.seasonal, strict=True)
        ]
        start = Start(
            np.concatenate([start.level for start in starts]),
            np.concatenate([start.trend for start in starts]),
            np.concatenate([start.season for start in starts], axis=1),
        )
        bend = np.concatenate([_bend(method, self.log_scales) for method in SMOOTHING])
        alpha, beta, gamma, phi = self.gains.reshape(4, -1)
        gains = Gains(alpha, beta, gamma, phi, bend)
        return run(np.tile(padded, len(SMOOTHING)), gains, start)


def _searched(z: list[Values], season: int, method: str, log_scales: Values) -> tuple[Values, NDArray[np.bool_]]:
    """The best gains ``[4, N]`` of a method, and whether it starts from a seasonal profile ``[N]``."""
    grid, profiled = _grid(method, season)
    alpha, beta, gamma, phi = grid
    C, chunk = len(profiled), max(1, COLUMNS // len(profiled))
    chosen: list[NDArray[np.int64]] = []
    for begin in range(0, len(z), chunk):
        some = z[begin : begin + chunk]
        lengths = np.array([len(series) for series in some])
        start = _start(some, season, method, np.ones(len(some), np.bool_))
        level, trend = (np.repeat(x[:, None], C, axis=1) for x in (start.level, start.trend))
        start = Start(level, trend, start.season[..., None] * profiled)
        bend = _bend(method, log_scales[begin : begin + chunk, None])
        gains = Gains(alpha, beta, gamma, phi, bend)
        errors = squared_errors(_padded(some), lengths, gains, start)
        parameters = 2 + STATES[method] + (grid[2] > 0) + profiled * (season - 1)
        possible = (lengths[:, None] >= 2 * season) | ~profiled
        chosen.append(np.argmin(np.where(possible, _criterion(errors, lengths[:, None], parameters), np.inf), axis=1))
    best = np.concatenate(chosen)
    return grid[:, best], profiled[best]


def _grid(method: str, season: int) -> tuple[Values, NDArray[np.bool_]]:
    """The gains to choose from, ``[4, C]``, and which of them come with a seasonal profile."""
    trends = {"damped trend": DAMPED, "trend": TREND, "theta": ((0.0, 1.0),)}.get(method, ((0.0, 0.0),))
    seasons = [(gamma, True) for gamma in GAMMA] * (season > 1) + [(0.0, False)]
    rows = [
        (alpha, alpha * beta, gamma * (1 - alpha), phi, profiled)
        for alpha, (gamma, profiled), (beta, phi) in product(ALPHA, seasons, trends)
    ]
    *gains, profiled = np.array(rows).T
    return np.stack(gains), profiled == 1


def _bend(method: str, log_scales: Values) -> Values:
    return log_scales if method == "trend" else np.zeros_like(log_scales)


def _criterion(errors: Values, steps: Values, parameters: Values) -> Values:
    p = np.minimum(parameters, steps - 2)
    return steps * np.log(np.maximum(errors, 1e-300) / steps) + 2 * p * steps / np.maximum(steps - p - 1, 0.5)


def _start(z: Sequence[Values], season: int, method: str, seasonal: NDArray[np.bool_]) -> Start:
    """Level, trend and season before the first steps."""
    level, trend, profile = np.zeros(len(z)), np.zeros(len(z)), np.zeros((season, len(z)))
    for i, (series, has_season) in enumerate(zip(z, seasonal, strict=True)):
        level[i], first = initial_states(series, season)
        if method == "theta":
            trend[i] = _slope(series - np.resize(first, len(series))) / 2
        elif method != "level":
            trend[i] = _first_slope(series, season, first) / (2 if method == "damped trend" else 1)
        if season == 1:
            level[i] -= trend[i]  # which is added before the first step
        if has_season:
            profile[:, i] = first
    return Start(level, trend, profile)


def _seasonal_median(z: Values, season: int, horizon: int) -> Values:
    """The median of the last three seasons, or of as many as there are, repeated; the last value where there is none."""
    if len(z) < season:
        return np.full(horizon, z[-1])
    seasons = min(MEDIAN_OF, len(z) // season)
    return np.resize(np.median(z[-seasons * season :].reshape(seasons, season), axis=0), horizon)


def _first_slope(z: Values, season: int, profile: Values) -> float:
    """The slope a series begins with: that of the means of its first seasons, or of its first steps."""
    seasons = min(len(z) // season, 3)
    if season > 1 and seasons > 1:
        means = z[: seasons * season].reshape(seasons, season).mean(axis=1)
        return float(means[-1] - means[0]) / ((seasons - 1) * season)
    head = z[:10]
    return _slope(head - np.resize(profile, len(head)))


def _slope(z: Values) -> float:
    """That of least squares, a step."""
    if len(z) < 3:
        return 0.0
    t = np.arange(len(z)) - (len(z) - 1) / 2
    return float((t * z).sum() / np.square(t).sum())


def _recent(z: Sequence[Values], season: int) -> list[Values]:
    return [series[-max(REACH, SEASONS * season) :] for series in z]


def _padded(z: list[Values]) -> Values:
    """``[T, N]``, each series filled up with its last value."""
    T = max(map(len, z))
    return np.stack([np.pad(series, (0, T - len(series)), mode="edge") for series in z], axis=1)
