"""Channels in parts that follow each other in time, whose alarms are compared with windows of known trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unrolled.data.channels import Channels
from unrolled.errors import InputError
from unrolled.tasks.anomalies.detector import AnomalyDetector
from unrolled.tasks.anomalies.labelled_windows import read_windows
from unrolled.tasks.held_out.data import Data, Split

__all__ = ["ChannelData"]

Windows = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class ChannelData(Data):
    """Channels to watch, and the windows of steps in which something was wrong.

    A detector learns from the steps before the first window. Half of the windows, the earlier ones, compare detectors; the later
    half is for the test; the boundary lies in the middle between two windows.

    Attributes:
        channels: the values.
        windows: first and last step of each, in order.
        start: the first step that is judged; those before are only what its scores are computed from.

    >>> from unrolled.data.channels import read_channels
    >>> data = ChannelData.of(read_channels(np.arange(1000.0)), [(500, 509), (800, 819)])
    >>> learned, test = data.test_split()
    >>> train, validation = learned.validation_split(0)
    >>> len(train.channels.values), len(validation.channels.values), test.start, test.windows
    (500, 655, 655, ((800, 819),))
    """

    channels: Channels
    windows: Windows
    start: int = 0

    @classmethod
    def of(
        cls, channels: Channels, windows: Any, values: Mapping[str, Any] | None = None, *, source: str = "the data"
    ) -> ChannelData:
        """Channels with windows as :meth:`unrolled.AnomalyDetector.evaluate` takes them.

        Raises:
            InputError: a window holds no row of the data, and so on.
        """
        bounds = read_windows(windows, channels.times, len(channels.values), channels.frame_like)
        ordered: Sequence[Any] = sorted(map(tuple, bounds.tolist()))
        return cls(
            estimator=AnomalyDetector,
            values=values or {},
            source=source,
            notes=tuple(channels.inferred),
            channels=channels,
            windows=tuple(ordered),
        )

    def test_split(self) -> Split:
        """From the middle between the two halves of the windows on."""
        half = len(self.windows) // 2
        if not half:
            raise InputError(
                f"{self.source}: {len(self.windows)} window{'s' * (len(self.windows) != 1)} of known trouble, need at least 2:"
                " one to compare detectors by, and a later one for the test"
            )
        boundary = (self.windows[-half - 1][1] + self.windows[-half][0]) // 2 + 1
        earlier = tuple(each for each in self.windows if each[1] < boundary)
        return Split(
            replace(self, channels=self.channels.steps_between(0, boundary), windows=earlier),
            replace(self, start=boundary, windows=self.windows[len(earlier) :]),
        )

    def validation_split(self, round: int) -> Split:
        """From the first window on; the same in every round."""
        return Split(self._normal(), replace(self, start=self.windows[0][0]))

    def scores(self, fitted: Any) -> dict[str, float]:
        """Precision of the episodes of alarms, recall of the windows, and their harmonic mean."""
        before = max(0, self.start - fitted.context_)
        part = self.channels.steps_between(before, len(self.channels.values))
        stamps = np.arange(len(part.values)) if part.times is None else part.times
        at = [(stamps[first - before], stamps[last - before]) for first, last in self.windows]
        found = fitted.evaluate(part, [tuple(map(_plain, each)) for each in at])
        total = found.precision + found.recall
        f1 = 2 * found.precision * found.recall / total if total else 0.0
        return {"f1": f1, "precision": found.precision, "recall": found.recall}

    def describe(self) -> str:
        """How many steps, channels and windows."""
        steps, channels = self.channels.values.shape
        several = f" of {channels} channels" if channels > 1 else ""
        return f"{steps:,} steps{several}, {len(self.windows)} windows of known trouble"

    @property
    def learned_from(self) -> str:
        """The steps before all trouble."""
        return "on the steps before the first window"

    @property
    def identity(self) -> Any:
        """The values and the windows."""
        times = None if self.channels.times is None else self.channels.times.astype(np.int64)
        return [self.channels.names, self.channels.values, times, self.windows]

    def _learn(self, estimator: AnomalyDetector) -> None:
        estimator.fit_channels(self._normal().channels)

    def _normal(self) -> ChannelData:
        """What is before all trouble."""
        if not self.windows:
            return self
        return replace(self, channels=self.channels.steps_between(0, self.windows[0][0]), windows=())


def _plain(moment: Any) -> Any:
    return int(moment) if isinstance(moment, np.integer) else moment
