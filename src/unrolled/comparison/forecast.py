r"""Forecasting: from the last ``W`` values of a series the next ``H``.

.. math::
    \hat z[o..o+H-1] = a + V\,h[W] + b, \qquad h = \mathrm{body}(z[o-W..o-1] - a), \qquad a = \text{mean of the window}

on the scale of :class:`unrolled.codecs.scaling.SeriesScaling`, a logarithm where a series varies in proportion to its level,
for every origin ``o`` whose whole horizon lies in a part. Scored is the error in units of the seasonal-naive forecast's on the
training part (MASE).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.scaling import SeriesScaling
from unrolled.comparison.body import BodyModule, BodyStart
from unrolled.comparison.family import Context
from unrolled.comparison.task import DROPOUT, PROBED, Part, Task, digest_of
from unrolled.errors import InputError
from unrolled.insight import GradientFlow, gradient_flow
from unrolled.metrics.forecast_errors import mase
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.training.engine import NetworkOptions
from unrolled.training.examples import Examples, examples_problem
from unrolled.training.problem import Problem
from unrolled.training.target_loss import target_loss

__all__ = ["ForecastTask", "Origins", "forecast_task"]


MOST_JUDGED = 500
"""Origins of the validation part, and of the test part, at most."""


class Origins(NamedTuple):
    """Where forecasts of a part begin: in which series ``[n]``, and at which of its steps ``[n]``."""

    series: NDArray[np.int64]
    steps: NDArray[np.int64]


@dataclass(frozen=True)
class ForecastTask(Task):
    """Series that are cut in time.

    Attributes:
        values: the series ``[T_i]``.
        learned: how many of each series' steps are in the training part.
        scalings: their scales, by the training part.
        season, window, horizon: ``m``, ``W`` and ``H``.
        origins: of the training, validation and test part.
    """

    name = "forecast"
    measure = "MASE"
    best_is_high = False
    sees_ahead = False

    values: list[Values]
    learned: list[int]
    scalings: list[SeriesScaling]
    season: int
    window: int
    horizon: int
    origins: tuple[Origins, Origins, Origins]

    def network(self, config: StackConfig, start: BodyStart | None) -> BodyModule:
        """An encoder that reads a window and puts out all steps ahead."""
        shape = EncoderConfig(config, pooling="last", outputs=self.horizon)
        return BodyModule(Encoder, shape, NetworkOptions(dropout=DROPOUT), start)

    def problem(self, make: Callable[[], BodyModule]) -> Problem[BodyModule, Any]:
        """Squared errors on the scale of ``z``."""
        training, validation = (Examples(*self.windows(origins)[0]) for origins in self.origins[:2])
        return examples_problem(make, target_loss("squares"), training, self.batch_size, validation=validation)

    def predict(self, module: BodyModule) -> Values:
        """Forecasts ``[n, H]`` in the units of the series."""
        (items, _), level = self.windows(self.origins[2])
        with torch.no_grad():
            outputs = np.concatenate([module(items[at : at + 1024]).numpy() for at in range(0, len(items), 1024)])
        return self.in_units(level[:, None] + outputs, self.origins[2])

    def each(self, predictions: Values, *, validation: bool = False) -> Values:
        """MASE from each origin."""
        origins, errors = self.origins[1 if validation else 2], list[float]()
        for forecast, i, o in zip(predictions, *origins, strict=True):
            y, past = self.values[i], self.values[i][: self.learned[i]]
            errors.append(mase(y[o : o + self.horizon], forecast, past, self.season) or 0.0)
        return np.array(errors)

    def flow(self, module: BodyModule) -> GradientFlow:
        """Along windows."""
        (items, targets), _ = self.windows(self.origins[2])
        truth = torch.from_numpy(targets[:PROBED])
        return gradient_flow(module, ((items[:PROBED],), truth), torch.nn.functional.mse_loss)

    @property
    def predicted_steps(self) -> int:
        """Those of all windows."""
        return len(self.origins[2].steps) * self.window

    def windows(self, origins: Origins) -> tuple[Part, Values]:
        """What is read ``[W, 1]``, and what comes ``[n, H]``, both without the windows' means ``[n]``."""
        z = [scaling.transform(series) for scaling, series in zip(self.scalings, self.values, strict=True)]
        W, H = self.window, self.horizon
        rows = np.stack([z[i][o - W : o + H] for i, o in zip(*origins, strict=True)])
        level = rows[:, :W].mean(1)
        rows = (rows - level[:, None]).astype(np.float32)
        return Part(list(rows[:, :W, None]), rows[:, W:]), level

    def in_units(self, z: Values, origins: Origins) -> Values:
        """Forecasts ``[n, H]`` on the scales of their series in the units of these."""
        return np.stack([self.scalings[i].inverse(row) for row, i in zip(z, origins.series, strict=True)])


def forecast_task(
    values: Sequence[Values],
    ends: Sequence[tuple[int, int]],
    *,
    season: int,
    window: int,
    horizon: int,
    batch_size: int,
) -> ForecastTask:
    """The task of series that end their training and validation part after so many steps.

    Raises:
        InputError: a part has no origin.

    >>> task = forecast_task([np.arange(60.0) ** 2], [(40, 50)], season=4, window=8, horizon=4, batch_size=16)
    >>> print(task.about)
    1 series: 29 origins to learn from, 7 to validate, 7 to test; the last 8 values forecast the next 4
    """
    series = list(values)
    if any(mase(y[:1], y[:1], y[:end], season) is None for y, (end, _) in zip(series, ends, strict=True)):
        raise InputError(
            f"season_length is {season}, but in its training part a series repeats itself after as many steps, or has no more:"
            " there is nothing to measure errors by; leave that series out, or name another season"
        )
    scalings = [
        SeriesScaling.fit(y[:end], season, log=None if y.min() > 0 else False)
        for y, (end, _) in zip(series, ends, strict=True)
    ]
    first = [(window, end) for end, _ in ends]
    parts = (first, list(ends), [(end, len(y)) for y, (_, end) in zip(series, ends, strict=True)])
    named = zip(("training", "validation", "test"), parts, strict=True)
    learned, *judged = (_origins(name, bounds, window, horizon) for name, bounds in named)
    origins = learned, *map(_some, judged)
    counts = [len(each.steps) for each in origins]
    about = (
        f"{len(series)} series: {counts[0]:,} origins to learn from, {counts[1]:,} to validate, {counts[2]:,} to test;"
        f" the last {window} values forecast the next {horizon}"
    )
    digest = digest_of([*series, *(array for each in origins for array in each)])
    return ForecastTask(
        Context(1, window, before=window), batch_size, about, digest, series, [end for end, _ in ends], scalings, season,
        window, horizon, (origins[0], origins[1], origins[2]),
    )  # fmt: skip


def _some(origins: Origins) -> Origins:
    """As many as are enough to judge by, evenly among all."""
    n = len(origins.steps)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_JUDGED)).round().astype(np.int64))
    return Origins(origins.series[chosen], origins.steps[chosen])


def _origins(part: str, bounds: Sequence[tuple[int, int]], window: int, horizon: int) -> Origins:
    """All from which a whole horizon lies within the bounds of its series."""
    found = [(i, o) for i, (low, high) in enumerate(bounds) for o in range(max(low, window), high - horizon + 1)]
    if not found:
        raise InputError(
            f"window is {window}, but after as many steps no horizon of {horizon} lies in the {part} part, which ends after"
            f" {max(high for _, high in bounds)} steps; give more history, a smaller window, or forecast fewer steps"
        )
    series, steps = np.array(found).T
    return Origins(series, steps)
