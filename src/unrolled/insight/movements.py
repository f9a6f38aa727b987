r"""Which steps move which unit: :math:`|h_t - h_{t-1}|`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.charts.heatmap import heatmap_figure
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import watched_run
from unrolled.insight.watching import Trace, padded
from unrolled.kernels.admission import whole_number

__all__ = ["Moved", "Movements", "movements"]

MOST_STEPS, MOST_UNITS = 60, 20
"""That a picture can show."""
HALF = 0.5


class Moved(NamedTuple):
    """One step that has moved a unit."""

    step: int
    sequence: int
    distance: float
    """:math:`|h_t - h_{t-1}|`"""


@dataclass(frozen=True)
class Movements:
    r"""How far each step moves each unit of one direction of one layer.

    Attributes:
        place: such as ``encoder.l0``.
        values: :math:`|h_t - h_{t-1}|`, ``[T, B, H]`` in the order of time, NaN past the end of a sequence; of a layer that reads
            backwards :math:`|h_t - h_{t+1}|`. Sequences are in the order in which they were given.
    """

    place: str
    values: Values

    @property
    def by_unit(self) -> Values:
        """The mean of each unit, ``[H]``."""
        return np.nanmean(self.values, axis=(0, 1))

    @property
    def by_step(self) -> Values:
        """The mean of each step over units and sequences, ``[T]``."""
        return np.nanmean(self.values, axis=(1, 2))

    def top(self, unit: int, count: int = 5) -> list[Moved]:
        """The steps that move one unit furthest.

        Raises:
            InputError: there is no such unit, or ``count`` is below 1.
        """
        whole_number("unit", unit, 0, self.values.shape[2] - 1)
        whole_number("count", count, 1)
        moved = np.nan_to_num(self.values[..., unit], nan=-1.0)
        order = np.argsort(-moved, axis=None, kind="stable")[:count]
        places = zip(*np.unravel_index(order, moved.shape), strict=True)
        return [Moved(int(t), int(b), float(moved[t, b])) for t, b in places if moved[t, b] >= 0]

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        moved = self.values[~np.isnan(self.values)]
        if not np.isfinite(moved).all():
            return f"{self.place}: outputs are not finite"
        if not moved.any():
            return f"{self.place}: nothing moves"
        unit = int(self.by_unit.argmax())
        step, sequence, distance = self.top(unit, 1)[0]
        return (
            f"{self.place}: {_half(self.by_unit)} of {self.values.shape[2]} units and {_half(moved)} of {len(moved)} single"
            f" movements have half of all; unit {unit} moves most, {self.by_unit[unit]:.2g} a step, and furthest at step"
            f" {step} of sequence {sequence}, by {distance:.2g}"
        )

    def plot(self, sequence: int = 0) -> Chart:
        """The movements in one sequence: a row for each of the units that move most in it, a column for each step.

        Raises:
            InputError: there is no such sequence.
        """
        whole_number("sequence", sequence, 0, self.values.shape[1] - 1)
        moved = np.nan_to_num(self.values[:MOST_STEPS, sequence].T)
        units = np.argsort(-moved.sum(1), kind="stable")[:MOST_UNITS]
        largest = float(moved.max(initial=0.0)) or 1.0
        columns = [str(t) if t % 5 == 0 else "" for t in range(moved.shape[1])]
        label = f"what moves {self.place}: units by steps, 1 is {largest:.2g}"
        return Chart(heatmap_figure(moved[units] / largest, list(map(str, units)), columns, label))

    def to_frame(self) -> Any:
        """A polars frame with one row for each step, sequence and unit: ``step``, ``sequence``, ``unit``, ``distance``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = [(*place, float(each)) for place, each in np.ndenumerate(self.values) if not np.isnan(each)]
        return frame_of(("step", "sequence", "unit", "distance"), rows)

    def __str__(self) -> str:
        return self.verdict


def movements(model: Any, inputs: Any, *, member: int = 0) -> dict[str, Movements]:
    """Look at how far each step moves each unit of every recurrent layer.

    Args:
        model, inputs, member: as :func:`unrolled.insight.gates` takes them.

    Returns:
        By place (``l0``, ``encoder.l1_reverse``) the :class:`Movements`.

    Raises:
        InputError: there is no recurrent layer that can be looked into, or none ran.
        MissingExtraError: torch is not installed.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> found = movements(torch.nn.GRU(2, 4), torch.randn(30, 8, 2))["l0"]
    >>> print(found)
    l0: ... of 4 units and ... of 960 single movements have half of all; unit ... moves most, ... a step, ...
    >>> found.top(0, count=2)
    [Moved(step=..., sequence=..., distance=...), Moved(step=..., sequence=..., distance=...)]
    """
    seen = watched_run(model, inputs, member)
    return {place: Movements(place, _distances(trace)) for place, trace in seen.traces.items()}


def _distances(trace: Trace) -> Values:
    """What each step does to ``h``; of a cell that hands on another state from the step before, at first from 0."""
    h = padded(trace, [step.states["h"] for step in trace.steps])
    if "h" in trace.steps[0].before:
        return np.abs(h - padded(trace, [step.before["h"] for step in trace.steps]))
    after = h[trace.in_time]
    before = np.nan_to_num(np.concatenate([np.zeros_like(after[:1]), after[:-1]]), posinf=np.inf, neginf=-np.inf)
    return np.abs(after - before)[trace.in_time]


def _half(values: Values) -> int:
    """How many of the largest have half of the sum."""
    falling = np.sort(values)[::-1]
    return int(np.searchsorted(np.cumsum(falling), HALF * falling.sum())) + 1
