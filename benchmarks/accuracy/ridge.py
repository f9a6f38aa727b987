"""A linear forecast of windows, the baseline that networks for long horizons have to beat.

NLinear of Zeng et al. 2023 (*Are transformers effective for time series forecasting?*, arXiv 2205.13504) solved in closed
form: every window less a value of its own, one matrix from ``W`` steps to ``H`` for all series, by ridge regression.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
CHUNK = 4096


class Ridge:
    """Least squares over every window of every series ``[T_i]``, less the window's last value (or its mean)."""

    def __init__(self, series: list[Values], window: int, horizon: int, *, last: bool = True) -> None:
        self.window, self.last = window, last
        gram, moments = 0.0, 0.0
        for values in series:
            runs = np.lib.stride_tricks.sliding_window_view(values, window + horizon)
            for start in range(0, len(runs), CHUNK):
                some = runs[start : start + CHUNK]
                x, level = self._inputs(some[:, :window])
                gram = gram + x.T @ x
                moments = moments + x.T @ (some[:, window:] - level)
        penalty = 1e-3 * np.trace(gram) / len(gram)
        self.matrix = np.linalg.solve(gram + penalty * np.eye(len(gram)), moments)

    def _inputs(self, windows: Values) -> tuple[Values, Values]:
        level = windows[:, -1:] if self.last else windows.mean(1, keepdims=True)
        return np.concatenate([windows - level, np.ones_like(level)], axis=1), level

    def __call__(self, windows: Values) -> Values:
        """``[n, W]`` to ``[n, H]``."""
        x, level = self._inputs(windows)
        return x @ self.matrix + level
