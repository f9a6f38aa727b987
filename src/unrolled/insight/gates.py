"""The gates of recurrent layers along data: how open they are, how long a state lasts, which units do nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.cells import get_cell
from unrolled.charts.chart import Chart
from unrolled.charts.heatmap import heatmap_figure
from unrolled.errors import InputError
from unrolled.insight.gate_roles import GateRoles, roles_of
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import watched_run
from unrolled.insight.watching import Trace, padded
from unrolled.kernels.admission import whole_number

__all__ = ["LayerGates", "gates", "layer_gates"]

CLOSED, OPEN = 0.1, 0.9
"""Below and above which a gate counts as saturated."""
STILL = 1e-6
"""The largest standard deviation of the output of a unit that counts as dead."""
RELATIVE = ("min_lstm", "slstm")
"""Cells whose gates mean something beside each other only."""
MOST_STEPS, MOST_UNITS = 60, 40


class Saturation(NamedTuple):
    """The shares of a gate's values that are below 0.1 and above 0.9."""

    closed: float
    open: float


@dataclass(frozen=True)
class LayerGates:
    r"""The gates of one direction of one layer.

    Attributes:
        place: such as ``encoder.l0``.
        cell: the name of the cell in the registry.
        values: gate → ``[T, B, H]`` in the order of time, NaN past the end of a sequence; candidates are among them.
            Sequences are in the order in which they were given.
        output: ``h``, likewise.
    """

    place: str
    cell: str
    values: dict[str, Values]
    output: Values

    @property
    def saturation(self) -> dict[str, Saturation]:
        """Of each gate between 0 and 1; none for candidates, and for cells whose gates mean something together only."""
        described = get_cell(self.cell)
        named = () if described.name in RELATIVE else _shares(self.cell)
        found: dict[str, Saturation] = {}
        for name in named:
            values = self.values[name]
            values = values[~np.isnan(values)]
            if len(values):
                found[name] = Saturation(float((values < CLOSED).mean()), float((values > OPEN).mean()))
        return found

    @property
    def time_constants(self) -> Values | None:
        r"""Steps after which a unit's state has decayed to :math:`1/e`, ``[H]``: :math:`\tau = -1 / \overline{\log k}`, of the
        gate ``k`` that keeps the state; None for a cell without such a gate."""
        described = get_cell(self.cell)
        if not described.keeps or described.name in RELATIVE:
            return None
        values = self.values[described.keeps.removeprefix("-")]
        if np.isnan(values).all():
            return None
        kept = 1 - values if described.keeps.startswith("-") else values
        with np.errstate(divide="ignore"):
            return -1 / np.nanmean(np.log(kept), axis=(0, 1))

    @property
    def roles(self) -> GateRoles | None:
        """Whether the reset gates of a GRU act in the short term and its update gates in the long term. None for other cells: an
        LSTM keeps its state by a forget gate and has no reset gate, so that there is no such pair to compare."""
        tau = self.time_constants
        if tau is None or not {"r", "z"} <= self.values.keys() or get_cell(self.cell).keeps != "z":
            return None
        return roles_of(self.place, self.values["r"], self.values["z"], tau)

    @property
    def dead(self) -> NDArray[np.intp]:
        """The units whose output never changes, whatever is read."""
        if np.isnan(self.output).all():
            return np.empty(0, np.intp)
        return np.flatnonzero(np.nanstd(self.output, axis=(0, 1)) < STILL)

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        said = [f"{name} is closed in {s.closed:.0%} and open in {s.open:.0%}" for name, s in self.saturation.items()]
        tau = self.time_constants
        if tau is not None:
            said.append(f"a state lasts {np.median(tau):.3g} steps in the median unit, {tau.max():.3g} in the longest")
        said.append(f"{len(self.dead)} of {self.output.shape[2]} units dead")
        return f"{self.place}: {'; '.join(said)}"

    def plot(self, gate: str, sequence: int = 0) -> Chart:
        """One gate in one sequence, a row for each unit and a column for each step, as far as a picture can hold them.

        Raises:
            InputError: there is no such gate, it is not between 0 and 1, or there is no such sequence.
        """
        if gate not in _shares(self.cell):
            raise InputError(
                f"{self.place} has no gate {gate!r} between 0 and 1; it has {', '.join(_shares(self.cell))}"
            )
        values = self.values[gate]
        whole_number("sequence", sequence, 0, values.shape[1] - 1)
        shown = np.nan_to_num(values[:MOST_STEPS, sequence, :MOST_UNITS].T)
        rows, columns = ([str(k) if k % 5 == 0 else "" for k in range(n)] for n in shown.shape)
        return Chart(
            heatmap_figure(shown, rows, columns, f"gate {gate} of {self.place}: units by steps, black where it is 1")
        )

    def to_frame(self) -> Any:
        """A polars frame with one row for each step, sequence and unit, and a column for each gate and ``h``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        columns = {**self.values, "h": self.output}
        first = next(iter(self.values.values()))
        columns = {name: values for name, values in columns.items() if values.shape == first.shape}
        places = np.argwhere(~np.isnan(first))
        rows = [(*place, *(float(each[tuple(place)]) for each in columns.values())) for place in places.tolist()]
        return frame_of(("step", "sequence", "unit", *columns), rows)

    def __str__(self) -> str:
        return self.verdict


def gates(model: Any, inputs: Any, *, member: int = 0) -> dict[str, LayerGates]:
    """Look at the gates of every recurrent layer of a model while it runs.

    Args:
        model: any torch module with layers of ``torch.nn.RNN``, ``LSTM``, ``GRU`` or of :mod:`unrolled.nn`, or a fitted
            estimator.
        inputs: what it is called with, a tuple if that is more than one; for an estimator data as
            :func:`unrolled.insight.gradient_flow` takes them, where a classifier, regressor or tagger does without ``y``.
        member: which network of an estimator.

    Returns:
        By place (``l0``, ``encoder.l1_reverse``) the :class:`LayerGates`.

    Raises:
        InputError: there is no recurrent layer that can be looked into, or none ran.
        MissingExtraError: torch is not installed.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> found = gates(torch.nn.LSTM(2, 4), torch.randn(30, 8, 2))
    >>> print(found["l0"])
    l0: i is closed in ...% and open in ...%; ...; a state lasts ... steps in the median unit, ...; 0 of 4 units dead
    """
    seen = watched_run(model, inputs, member)
    return {place: layer_gates(trace) for place, trace in seen.traces.items()}


def _shares(cell: str) -> list[str]:
    """The gates that are between 0 and 1."""
    described = get_cell(cell)
    named = {described.keeps.removeprefix("-"), described.writes, *({"i", "f", "o", "r", "z"} & set(described.gates))}
    return [name for name in described.gates if name in named and name != described.candidate]


def layer_gates(trace: Trace) -> LayerGates:
    """The gates of one direction of a layer that was watched."""
    names = get_cell(trace.cell).gates
    values = {name: padded(trace, [step.gates[name] for step in trace.steps]) for name in names}
    return LayerGates(
        trace.place, get_cell(trace.cell).name, values, padded(trace, [step.states["h"] for step in trace.steps])
    )
