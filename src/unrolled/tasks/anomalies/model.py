"""A fitted anomaly detector's insides: from values in the user's units to scores, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.cycles import SEASONS, Cycle, calendar, seasonal_medians
from unrolled.codecs.ranges import Count
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.sliding_windows import sliding_windows
from unrolled.networks.autoencoder import Autoencoder, AutoencoderConfig
from unrolled.networks.lead_forecast import LeadForecast, LeadForecastConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.tasks.ensemble import Members, named_members

__all__ = ["AnomalyModel", "ScoringConfig", "highest"]

CERTAIN = float(np.finfo(np.float32).max)  # the score of what cannot be: above every threshold, and still a number
LARGEST_INPUT = 5.0  # deviations; an anomaly that the network reads should not upset its outputs afterwards


class ScoringConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a detector reads, and its networks' sizes."""

    network: LeadForecastConfig | AutoencoderConfig
    window: Count
    smoothing: Count
    cycles: tuple[Cycle, ...]
    """Of the calendar."""
    seasons: tuple[Count, ...] = ()
    """Steps of the seasons whose medians are read."""

    @property
    def settling(self) -> int:
        """Steps at the start that the networks do not read: not all medians are known there."""
        return max(self.seasons, default=0)

    @property
    def context(self) -> int:
        """Steps before the first that has a score."""
        if isinstance(self.network, AutoencoderConfig):
            return self.settling + self.window - 1
        return self.settling + self.window + self.network.leads[-1] + self.smoothing - 2

    @property
    def history(self) -> int:
        """Steps before a value that its score may depend on: what a detector remembers of its training."""
        return self.context + (SEASONS - 1) * self.settling


@dataclass(frozen=True)
class AnomalyModel:
    """Networks whose forecasts, or windows rebuilt, are averaged, and the scale of what they read.

    Weights are packed at the first use, and kept as long as the model; a copy begins without.
    """

    shape: ScoringConfig
    channels: list[Standardization]
    members: Members
    history: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    """The end of the training data: ``values [T, C]``, and ``times [T]`` where there are such."""

    def __reduce__(self) -> tuple[type[AnomalyModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.channels, self.members, self.history)

    @cached_property
    def _forecasters(self) -> list[LeadForecast]:
        config = self.shape.network
        assert isinstance(config, LeadForecastConfig)
        return [LeadForecast(KernelEngine(tensors), config) for tensors in self.members]

    @cached_property
    def _autoencoders(self) -> list[Autoencoder]:
        config = self.shape.network
        assert isinstance(config, AutoencoderConfig)
        return [Autoencoder(KernelEngine(tensors), config) for tensors in self.members]

    def scores(self, values: Values, times: NDArray[Any] | None) -> Values:
        """The score of each channel at each step, ``[T, C]``, for ``values [T, C]``; NaN for the first steps.

        A score depends on its own step and those before it, to the last bit. That of a channel that never changed in
        training is no network's: 0, and at every step with another value, also the first ones, the largest there is.
        """
        z = self.scaled(values)
        scores = np.full(z.shape, np.nan)
        if len(z) > self.shape.context:
            x, network = self.inputs(z, times), self.shape.network
            if isinstance(network, LeadForecastConfig):
                scores[self.shape.context :] = self._forecast(z, x, network)
            else:
                scores[self.shape.context :] = self._rebuilt(z, x, network)
        for score, column, channel in zip(scores.T, values.T, self.channels, strict=True):
            if channel.constant:
                score[self.shape.context :] = 0.0
                score[channel.departs(column)] = CERTAIN
        return scores

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

    def _forecast(self, z: Values, x: NDArray[np.float32], shape: LeadForecastConfig) -> Values:
        start, T = self.shape.settling, len(z)
        mean, spread = _averages([network.forecast(x[start:]) for network in self._forecasters])
        first = start + self.shape.window + shape.leads[-1] - 1
        errors: list[Values] = []
        for place, k in enumerate(shape.leads):
            then = slice(first - start - k, T - start - k)
            errors.append(abs(z[first:] - mean[then, place]) / spread[then, place])
        error, w = _mean(errors), self.shape.smoothing
        return _mean([error[j : len(error) - w + 1 + j] for j in range(w)])

    def _rebuilt(self, z: Values, x: NDArray[np.float32], shape: AutoencoderConfig) -> Values:
        W, last = shape.window, self.shape.smoothing
        x, z = x[self.shape.settling :], z[self.shape.settling :]
        windows = np.lib.stride_tricks.sliding_window_view(x, W, axis=0).transpose(0, 2, 1)
        mean, spread = _averages([network.reconstruct(windows, last) for network in self._autoencoders])
        ends = sliding_windows(z[W - last :], last).transpose(0, 2, 1)
        error = abs(ends - mean) / spread  # [T - W + 1, last, C]
        return _mean([error[:, k] for k in range(last)])

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        return named_members(self.members) | {f"history.{name}": t for name, t in self.history.items()}


def highest(scores: Values) -> Values:
    """Of several channels' scores ``[T, C]`` the highest at each step ``[T]``; NaN where none has one."""
    return np.fmax.reduce(scores, axis=1)


def _averages(predicted: Sequence[tuple[Values, Values]]) -> tuple[Values, Values]:
    return _mean([mean for mean, _ in predicted]), _mean([spread for _, spread in predicted])


def _mean(arrays: Sequence[Values]) -> Values:
    """Of arrays of one shape, added in their order, so that no number's bits depend on how many stand beside it."""
    return sum(arrays[1:], arrays[0]) / len(arrays)
