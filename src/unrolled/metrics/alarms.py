"""Alarms compared with the windows in which something was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.charts.chart import html_table
from unrolled.data.frames import build_frame
from unrolled.data.table import FrameLike

__all__ = ["AlarmEvaluation", "compare_alarms"]


@dataclass(frozen=True)
class AlarmEvaluation:
    """Which windows have an alarm, and how many episodes lie outside all of them; printed as a sentence.

    Attributes:
        threshold: the score above which there was an alarm.
        found: for each window, whether an episode overlaps it.
        episodes: episodes of alarms, in windows or not.
        false_episodes: those that overlap no window.
        alarmed: share of the steps that lie in episodes; if it is large, finding windows means little.
    """

    threshold: float
    found: tuple[bool, ...]
    episodes: int
    false_episodes: int
    alarmed: float

    @property
    def missed(self) -> int:
        """Windows without an alarm."""
        return len(self.found) - sum(self.found)

    @property
    def precision(self) -> float:
        """Share of the episodes that overlap a window; 1 where there are none."""
        return 1 - self.false_episodes / self.episodes if self.episodes else 1.0

    @property
    def recall(self) -> float:
        """Share of the windows that were found; 1 where there are none."""
        return sum(self.found) / len(self.found) if self.found else 1.0

    def to_frame(self) -> Any:
        """A row a window, as a polars frame; without polars a dictionary of arrays."""
        found = np.array(self.found, np.bool_)
        return build_frame({"window": np.arange(len(found)), "found": found}, FrameLike("polars"))

    def _repr_html_(self) -> str:
        rows = [[f"window {n}", "found" if found else "missed"] for n, found in enumerate(self.found)]
        return html_table(["", ""], rows, below=str(self))

    def __str__(self) -> str:
        episodes = f"{self.false_episodes} false episode{'s' * (self.false_episodes != 1)}"
        return (
            f"{sum(self.found)} of {len(self.found)} windows found, {episodes}: precision {self.precision:.2f}, recall"
            f" {self.recall:.2f} at the threshold {self.threshold:.3g}, {self.alarmed:.1%} of the steps in episodes"
        )


def compare_alarms(
    found: NDArray[np.int64], windows: NDArray[np.int64], threshold: float, steps: int
) -> AlarmEvaluation:
    """Episodes ``[E, 2]`` beside windows ``[N, 2]``, first and last of ``steps`` steps; those that share a step overlap.

    >>> print(compare_alarms(np.array([[0, 3], [8, 9]]), np.array([[3, 5]]), 2.0, steps=60))
    1 of 1 windows found, 1 false episode: precision 0.50, recall 1.00 at the threshold 2, 10.0% of the steps in episodes
    """
    overlap: NDArray[np.bool_] = (found[:, None, 0] <= windows[:, 1]) & (found[:, None, 1] >= windows[:, 0])  # [E, N]
    alarmed: NDArray[np.bool_] = np.any(overlap, axis=0)
    true_ones: NDArray[np.bool_] = np.any(overlap, axis=1)
    share = float((found[:, 1] - found[:, 0] + 1).sum() / steps)
    return AlarmEvaluation(threshold, tuple(alarmed.tolist()), len(found), int((~true_ones).sum()), share)
