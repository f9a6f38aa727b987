r"""The ways that states go, in the few directions in which they differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.cells import get_cell
from unrolled.charts.chart import Chart
from unrolled.charts.plane import Dot, plane_figure
from unrolled.errors import InputError
from unrolled.insight.fixed_points import FixedPoints
from unrolled.insight.result_frame import frame_of
from unrolled.insight.step_map import path_of
from unrolled.insight.subject import watched_run
from unrolled.insight.watching import padded
from unrolled.kernels.admission import whole_number

__all__ = ["Trajectories", "trajectories"]

MOST = 0.95
"""The share of the variance that the verdict counts directions for."""
SHOWN = 20
"""Sequences that a picture can show."""
COLOURS = {"stable": "forecast", "saddle": "truth", "unstable": "truth", "slow": "history"}


@dataclass(frozen=True)
class Trajectories:
    """States along sequences, and the directions in which they differ most.

    Attributes:
        place: the layer and direction, or the name of the cell.
        values: the states in those directions, ``[T + 1, B, K]`` in the order of steps, the state before the first among them;
            NaN past the end of a sequence. Sequences are in the order in which they were given.
        directions: of length 1 and at right angles to each other, ``[K, N]``; a state is all states of the cell side by side.
        mean: of the states, ``[N]``.
        shares: how much of the variance lies in each direction, falling; also of those that were not kept.
    """

    place: str
    values: Values
    directions: Values
    mean: Values
    shares: Values

    def project(self, states: Values) -> Values:
        """States ``[..., N]`` in these directions, ``[..., K]``."""
        return (np.asarray(states, np.float64) - self.mean) @ self.directions.T

    @property
    def dimensions(self) -> float:
        r"""The participation ratio :math:`(\sum_k \lambda_k)^2 / \sum_k \lambda_k^2` of the variances: about how many directions
        the states fill."""
        total = float(np.square(self.shares).sum())
        return float(self.shares.sum()) ** 2 / total if total else 0.0

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        if not self.shares.any():
            return f"{self.place}: the states do not move"
        needed = int(np.searchsorted(np.cumsum(self.shares), MOST - 1e-9)) + 1
        first = ", ".join(f"{share:.0%}" for share in self.shares[:2])
        return (
            f"{self.place}: states of {len(self.mean)} numbers move in about {self.dimensions:.2g} directions; the first"
            f" {'two have' if len(self.shares) > 1 else 'has'} {first} of the variance, {needed} have {MOST:.0%}"
        )

    def plot(self, points: FixedPoints | None = None) -> Chart:
        """The first sequences in the plane of the first two directions, and fixed points of the same layer among them.

        Raises:
            InputError: there is one direction only, or the points are of states of another size.
        """
        if len(self.directions) < 2:
            raise InputError(f"{self.place} has one direction: there is no plane to show its states in")
        paths = [path[~np.isnan(path[:, 0]), :2] for path in self.values[:, :SHOWN].swapaxes(0, 1)]
        dots = list[Dot]()
        if points is not None and not isinstance(points, FixedPoints):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"points is {points!r:.40}, expected what fixed_points returns, or None")
        for point in points.points if points is not None else ():
            if point.state.shape != self.mean.shape:
                raise InputError(
                    f"points are of states of {len(point.state)} numbers, expected {len(self.mean)}, as here"
                )
            x, y = self.project(point.state)[:2].tolist()
            dots.append(Dot(x, y, COLOURS[point.kind], f"{point.kind}, {point.unstable} unstable"))
        across, up = (f"direction {k + 1}, {share:.0%} of the variance" for k, share in enumerate(self.shares[:2]))
        shown = (
            ", from small dots to large ones"
            if points is None
            else ": stable points blue, others orange, slow ones grey"
        )
        return Chart(plane_figure(paths, dots, across, up, f"states of {self.place}{shown}"))

    def to_frame(self) -> Any:
        """A polars frame with one row for each step and sequence: ``step`` (0 before the first), ``sequence`` and the
        directions.

        Raises:
            MissingExtraError: polars is not installed.
        """
        names = [f"direction_{k + 1}" for k in range(len(self.directions))]
        rows = [
            (t, b, *values)
            for t, step in enumerate(self.values.tolist())
            for b, values in enumerate(step)
            if values[0] == values[0]  # not NaN
        ]
        return frame_of(("step", "sequence", *names), rows)

    def __str__(self) -> str:
        return self.verdict


def trajectories(
    model: Any, inputs: Any, *, place: str | None = None, directions: int = 10, member: int = 0
) -> Trajectories:
    r"""Look at the ways that the states of a recurrent layer go.

    .. math::
        \Sigma = \frac1n \sum_{t,b} (s_{tb} - \bar s)(s_{tb} - \bar s)^\top = V \Lambda V^\top, \qquad
        p_{tb} = V_{1..K}^\top (s_{tb} - \bar s)

    States are projected on the directions in which they vary most (principal components); each points to where its largest
    number is above 0.

    Args:
        model, inputs, place, member: as :func:`unrolled.insight.jacobians` takes them, but for sequences of several lengths,
            which are fine here.
        directions: how many are kept at most.

    Returns:
        A :class:`Trajectories`.

    Raises:
        InputError: there is no such layer, or its states are not finite.
        MissingExtraError: a module without torch.

    >>> params = {"weight_ih": np.ones((2, 1)), "weight_hh": 0.9 * np.array([[0, -1], [1, 0]]), "bias_ih": np.zeros(2),
    ...           "bias_hh": np.zeros(2)}
    >>> found = trajectories(("rnn_identity", params), np.ones((30, 1, 1)))
    >>> print(found)
    rnn_identity: states of 2 numbers move in about ... directions; the first two have ...%, ...% of the variance, 2 have 95%
    >>> found.values.shape
    (31, 1, 2)
    """
    whole_number("directions", directions, 1)
    name, states, inside = _states(model, inputs, place, member)
    visited = states[inside]
    if not len(visited):
        raise InputError(f"{name} has been in no state: give it at least one sequence")
    if not np.isfinite(visited).all():
        raise InputError(f"the states of {name} are not finite: look for inputs or weights that are not")
    mean = visited.mean(0)
    _, sizes, found = np.linalg.svd(visited - mean, full_matrices=False)
    found, variances = found[:directions], np.square(sizes)
    largest = np.abs(found).argmax(1)
    found = found * np.sign(found[np.arange(len(found)), largest])[:, None]
    total = variances.sum()
    return Trajectories(name, (states - mean) @ found.T, found, mean, variances / total if total else variances)


def _states(model: Any, inputs: Any, place: str | None, member: int) -> tuple[str, Values, NDArray[np.bool_]]:
    """A layer's name, its states ``[T + 1, B, N]`` in the order of its steps, and which of them are there ``[T + 1, B]``."""
    if isinstance(model, tuple):
        path = path_of(model, inputs, place, member)
        states = np.concatenate([path.before, path.step(path.x[-1], path.before[-1])[None]])
        return path.place, states, np.ones(states.shape[:2], bool)
    trace = watched_run(model, inputs, member).trace(place)
    names = get_cell(trace.cell).states
    after = [padded(trace, [step.states[name] for step in trace.steps]) for name in names]
    first = [padded(trace, [step.before[name] for step in trace.steps]) for name in names]
    before, states = (np.concatenate(each, axis=2)[trace.in_time] for each in (first, after))
    alive = np.arange(max(trace.alive)) < np.array(trace.alive)[:, None]
    runs = trace.as_given(alive, False)  # [T, B], at which steps a sequence takes part
    ways = np.concatenate([before[:1], states])
    begins = runs & ~np.concatenate([np.zeros_like(runs[:1]), runs[:-1]])
    ways[:-1][begins] = before[begins]
    inside = np.concatenate([runs, runs[-1:]])
    inside[1:] |= runs
    return trace.place, ways, inside
