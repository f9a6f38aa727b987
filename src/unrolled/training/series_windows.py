"""Windows of many series, drawn for training: one after the other in memory, gathered when needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.window_rnn import WindowInputs, WindowRnnConfig

__all__ = ["DrawnWindows", "SeriesWindows"]


class DrawnWindows(NamedTuple):
    """Inputs of ``B`` windows, the targets around their means, and how much each counts."""

    inputs: WindowInputs
    targets: NDArray[np.float32]  # [B, H]
    weights: NDArray[np.float32]  # [B]


class SeriesWindows:
    """Every run of ``input_window + horizon`` steps of every series of a batch.

    A window's weight falls geometrically with its age within its series, from 1 to ``oldest_weight``.

    >>> config = WindowRnnConfig("gru", 3, 1, input_window=2, horizon=1, quantiles=(0.5,), season=1, members=1)
    >>> none = [np.zeros((4, 0)), np.zeros((3, 0))]
    >>> batch = SeriesBatch.pad([np.arange(4.0), np.arange(3.0)], none, none, np.zeros((2, 0)), 1)
    >>> windows = SeriesWindows(batch, config, oldest_weight=1.0)
    >>> len(windows), windows.draw(np.array([1])).targets.tolist()
    (3, [[1.5]])
    """

    def __init__(self, batch: SeriesBatch, config: WindowRnnConfig, oldest_weight: float) -> None:
        self.config, self.static = config, batch.static
        self.z = np.concatenate([batch.z[:length, i] for i, length in enumerate(batch.lengths)])
        self.past = np.concatenate([batch.past[:length, i] for i, length in enumerate(batch.lengths)])
        self.future = np.concatenate([batch.future[:length, i] for i, length in enumerate(batch.lengths)])
        counts = np.maximum(batch.lengths - config.input_window - config.horizon + 1, 0)
        first = np.cumsum(batch.lengths) - batch.lengths
        place = np.concatenate([np.arange(count) for count in counts])
        self.series = np.repeat(np.arange(len(counts)), counts)
        self.starts = first[self.series] + place
        self.weights = oldest_weight ** ((counts[self.series] - 1 - place) / counts[self.series])

    def __len__(self) -> int:
        return len(self.starts)

    def draw(self, chosen: NDArray[np.int64]) -> DrawnWindows:
        """The windows of these numbers."""
        W, H = self.config.input_window, self.config.horizon
        steps = self.starts[chosen][:, None] + np.arange(W + H)
        z, known = self.z[steps], steps[:, :W]
        static = self.static[self.series[chosen]]
        inputs = WindowInputs.of(self.config, z[:, :W], self.past[known], self.future[steps], static)
        targets = (z[:, W:] - inputs.level[:, None]).astype(np.float32)
        return DrawnWindows(inputs, targets, self.weights[chosen].astype(np.float32))
