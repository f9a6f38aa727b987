"""A fitted anomaly detector's insides: from values in the user's units to scores, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.cycles import calendar, seasonal_medians
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.sliding_windows import sliding_windows
from unrolled.networks.autoencoder import Autoencoder, AutoencoderConfig
from unrolled.networks.lead_forecast import LeadForecast, LeadForecastConfig
from unrolled.runtime.engine import KernelEngine, Storage
from unrolled.tasks.anomalies.regressions import Regressors, View
from unrolled.tasks.anomalies.shape import LARGEST_INPUT, ScoringConfig
from unrolled.tasks.ensemble import Members, named_members

__all__ = ["PAST", "AnomalyModel", "highest"]

CERTAIN = float(np.finfo(np.float32).max)  # the score of what cannot be: above every threshold, and still a number
PAST = 3  # parts of a score that compare a step with what came before it; the others compare it with the other channels


@dataclass(frozen=True)
class AnomalyModel:
    """Networks whose forecasts, or windows rebuilt, are averaged, regressions beside them, and the scale of what they read.

    Weights are packed at the first use, and kept as long as the model; a copy begins without.
    """

    shape: ScoringConfig
    channels: list[Standardization]
    members: Members
    regressions: Mapping[View, Values] = field(default_factory=dict[View, Values])
    """Weights ``[C, F + 1]``."""
    units: Values = field(default_factory=lambda: np.ones((PAST, 1)))
    """The level ``[J, C]`` at which each part of a channel's score would be an alarm by itself."""
    history: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    """The end of the training data: ``values [T, C]``, and ``times [T]`` where there are such."""
    weights: Storage | None = None
    """What the matrices of the networks are stored as, by default as they are."""

    def __reduce__(self) -> tuple[type[AnomalyModel], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    @cached_property
    def _forecasters(self) -> list[LeadForecast]:
        config = self.shape.network
        assert isinstance(config, LeadForecastConfig)
        return [LeadForecast(KernelEngine(tensors, weights=self.weights), config) for tensors in self.members]

    @cached_property
    def _autoencoders(self) -> list[Autoencoder]:
        config = self.shape.network
        assert isinstance(config, AutoencoderConfig)
        return [Autoencoder(KernelEngine(tensors, weights=self.weights), config) for tensors in self.members]

    def scores(self, values: Values, times: NDArray[Any] | None) -> Values:
        """The score of each channel at each step, ``[T, C]``, for ``values [T, C]``; NaN for the first steps.

        A score depends on its own step and those before it, to the last bit. That of a channel that never changed in
        training is no network's: 0, and at every step with another value, also the first ones, the largest there is.
        """
        z = self.scaled(values)
        parts = self.parts(z, times, z) if len(z) > self.shape.context else None
        return self.scored(values, parts)

    def scored(self, values: Values, parts: Values | None) -> Values:
        """:meth:`scores` of values from their :meth:`parts`, None where there are no more than the first steps."""
        scores = np.full(values.shape, np.nan)
        if parts is not None:
            scores[self.shape.context :] = self.combined(parts)
        for score, column, channel in zip(scores.T, values.T, self.channels, strict=True):
            if channel.constant:
                score[self.shape.context :] = 0.0
                score[channel.departs(column)] = CERTAIN
        return scores

    def combined(self, parts: Values) -> Values:
        """One score ``[T, C]`` of the parts ``[J, T, C]``: each in its unit, the root of a mean of roots.

        So a part that alone is alarmed counts less than several that are. That a step does not go with the past and that it
        does not go with the other channels are two things, of which the higher counts.
        """
        root = np.sqrt(parts / self.units[:, None])
        kinds = [_mean(list(each)) for each in (root[:PAST], root[PAST:]) if len(each)]
        return np.minimum(np.maximum.reduce(kinds) ** 2, CERTAIN)

    def parts(self, z: Values, times: NDArray[Any] | None, target: Values) -> Values:
        """The parts ``[J, T - context, C]`` of the scores that ``target [T, C]`` would have in the place of ``z [T, C]``.

        The networks' error averaged over the last steps, that of the last step, and that of the regression on the past; then,
        with several channels, that of the regression on the others, averaged, and of the one on both.
        """
        shape, w = self.shape, self.shape.smoothing
        x, network = self.inputs(z, times), shape.network
        told = self._forecast if isinstance(network, LeadForecastConfig) else self._rebuilt
        read, weights = Regressors(shape, z, times), self.regressions
        parts = [*told(target, x), read.errors("past", weights["past"], target, shape.context)]
        if "others" in weights:
            beside = read.errors("others", weights["others"], target, shape.context - w + 1)
            parts += [_smoothed(beside, w), read.errors("all", weights["all"], target, shape.context)]
        return np.stack(parts)

    def scaled(self, values: Values) -> Values:
        """Values as deviations from the mean of the training part."""
        return np.stack([c.transform(column) for c, column in zip(self.channels, values.T, strict=True)], axis=1)

    def inputs(self, z: Values, times: NDArray[Any] | None) -> NDArray[np.float32]:
        """What the networks read of ``z [T, C]``: values, calendar, earlier seasons; ``[T, I]``."""
        shape = self.shape
        z = np.clip(z, -LARGEST_INPUT, LARGEST_INPUT)
        parts = [z] if times is None else [z, calendar(times, shape.cycles)]
        leads = shape.network.leads if isinstance(shape.network, LeadForecastConfig) else (0,)
        parts += [seasonal_medians(z, m, leads).reshape(len(z), -1) for m in shape.seasons]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _forecast(self, z: Values, x: NDArray[np.float32]) -> tuple[Values, Values]:
        start, T, leads, w = self.shape.settling, len(z), self._forecasters[0].config.leads, self.shape.smoothing
        mean, spread = _averages([network.forecast(x[start:]) for network in self._forecasters])
        first = start + self.shape.window + leads[-1] - 1
        errors: list[Values] = []
        for place, k in enumerate(leads):
            then = slice(first - start - k, T - start - k)
            errors.append(abs(z[first:] - mean[then, place]) / spread[then, place])
        return _smoothed(_mean(errors), w), errors[0][w - 1 :]

    def _rebuilt(self, z: Values, x: NDArray[np.float32]) -> tuple[Values, Values]:
        W, last = self.shape.window, self.shape.smoothing
        x, z = x[self.shape.settling :], z[self.shape.settling :]
        windows = np.lib.stride_tricks.sliding_window_view(x, W, axis=0).transpose(0, 2, 1)
        mean, spread = _averages([network.reconstruct(windows, last) for network in self._autoencoders])
        ends = sliding_windows(z[W - last :], last).transpose(0, 2, 1)
        error = abs(ends - mean) / spread  # [T - W + 1, last, C]
        return _mean([error[:, k] for k in range(last)]), error[:, -1]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        weights = {f"regressions.{view}": t for view, t in self.regressions.items()}
        history = {f"history.{name}": t for name, t in self.history.items()}
        return named_members(self.members) | weights | {"units": self.units} | history


def highest(scores: Values) -> Values:
    """Of several channels' scores ``[T, C]`` the highest at each step ``[T]``; NaN where none has one."""
    return np.fmax.reduce(scores, axis=1)


def _averages(predicted: Sequence[tuple[Values, Values]]) -> tuple[Values, Values]:
    return _mean([mean for mean, _ in predicted]), _mean([spread for _, spread in predicted])


def _mean(arrays: Sequence[Values]) -> Values:
    """Of arrays of one shape, added in their order, so that no number's bits depend on how many stand beside it."""
    return sum(arrays[1:], arrays[0]) / len(arrays)


def _smoothed(error: Values, steps: int) -> Values:
    """Means over so many steps."""
    return _mean([error[j : len(error) - steps + 1 + j] for j in range(steps)])
