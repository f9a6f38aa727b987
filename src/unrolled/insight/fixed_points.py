r"""Fixed and slow points: states that a step leaves where they are, or almost, while the input stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError
from unrolled.insight.result_frame import frame_of
from unrolled.insight.step_map import StepMap, path_of
from unrolled.kernels.admission import whole_number

__all__ = ["FixedPoint", "FixedPoints", "fixed_points"]

STEPS = 200
"""Of the search from one start, at most."""
FIXED = 1e-16
"""The largest speed of a fixed point."""
LAST_STEPS = 5
"""From each fixed point, for the digits that are left."""
LEAST_GAIN = 1e-6
"""The share by which a step of the search must lower the speed, or it has arrived at a slow point."""
FAST = 0.99
"""The share beyond which the next step is not damped."""


@dataclass(frozen=True)
class FixedPoint:
    """A fixed or slow point."""

    state: Values
    """``[N]``, all states of the cell side by side."""
    speed: float
    """:math:`q = \\frac12 \\|F(s) - s\\|^2`; 0 but for rounding where the point is fixed."""
    eigenvalues: NDArray[np.complex128]
    """Of the Jacobian there, the largest first, ``[N]``."""

    @property
    def fixed(self) -> bool:
        """Whether it is a fixed point and not a slow one."""
        return self.speed <= FIXED

    @property
    def unstable(self) -> int:
        """In how many directions states near it move away: eigenvalues of a modulus above 1."""
        return int((np.abs(self.eigenvalues) > 1).sum())

    @property
    def kind(self) -> str:
        """``stable``, ``saddle`` or, where all directions lead away, ``unstable``; ``slow`` where it is not fixed."""
        if not self.fixed:
            return "slow"
        return "stable" if not self.unstable else "saddle" if self.unstable < len(self.state) else "unstable"


class FixedPoints(NamedTuple):
    """What a search has found."""

    place: str
    """The layer and direction, or the name of the cell."""
    points: tuple[FixedPoint, ...]
    """The points, each once, the slowest first."""
    starts: int
    """How many states the search began from."""
    arrived: int
    """How many of these led to one of the points."""

    def of_kind(self, kind: str) -> list[FixedPoint]:
        """Those that are ``stable``, ``saddle``, ``unstable`` or ``slow``."""
        return [point for point in self.points if point.kind == kind]

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        kinds = {"stable": "stable", "saddle": "saddles", "unstable": "unstable", "slow": "slow points"}
        found = [f"{len(self.of_kind(kind))} {name}" for kind, name in kinds.items() if self.of_kind(kind)]
        return f"{self.place}: {', '.join(found) or 'no points'}, from {self.arrived} of {self.starts} starts"

    def to_frame(self) -> Any:
        """A polars frame with one row for each point: ``kind``, ``speed``, ``unstable``, ``largest`` (of the moduli of its
        eigenvalues).

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = [(p.kind, p.speed, p.unstable, float(np.abs(p.eigenvalues[0]))) for p in self.points]
        return frame_of(("kind", "speed", "unstable", "largest"), rows)

    def __str__(self) -> str:
        return self.verdict


def fixed_points(
    model: Any, inputs: Any, *, place: str | None = None, member: int = 0, x: Any = None, starts: int = 256, noise: float = 0.0,
    slow: float = 1e-4, apart: float = 1e-3, seed: int = 0,
) -> FixedPoints:  # fmt: skip
    r"""Find the fixed and slow points of one recurrent layer.

    .. math::
        q(s) = \tfrac12 \|F(s, x) - s\|^2, \qquad
        (A^\top A + \mu I)\, d = -A^\top (F(s, x) - s), \quad A = \frac{\partial F}{\partial s} - I

    Points where :math:`q = 0` are fixed; minima of :math:`q` above 0 are slow. Every start walks down :math:`q` by
    Levenberg-Marquardt steps ``d`` with the exact Jacobian, and without damping, :math:`\mu = 0`, after a step that has
    lowered :math:`q` a hundredfold: those are Newton's. Near a fixed point small changes of the state are multiplied by
    the Jacobian's eigenvalues at each step, so that one of a modulus above 1 leads away. Source: Sussillo, Barak 2013, Neural
    Computation 25(3).

    Args:
        model, inputs, place, member: as :func:`unrolled.insight.jacobians` takes them; the states that the layer goes through on
            ``inputs`` are where the search begins.
        x: the input that stays the same, ``[I]``, of the layer itself; zeros unless given.
        starts: how many of those states, drawn at random.
        noise: standard deviation of normal numbers that are added to them.
        slow: the largest speed of what is still reported as a slow point.
        apart: points that are nearer to each other are one.
        seed: of what is drawn.

    Returns:
        A :class:`FixedPoints`.

    Raises:
        InputError: ``x`` or a number does not fit, or as for ``jacobians``.

    >>> params = {"weight_ih": np.ones((1, 1)), "weight_hh": np.array([[2.0]]), "bias_ih": np.zeros(1), "bias_hh": np.zeros(1)}
    >>> found = fixed_points(("rnn_tanh", params), np.random.default_rng(0).normal(size=(50, 1, 1)), noise=0.5)
    >>> print(found)  # of h = tanh(2 h)
    rnn_tanh: 2 stable, 1 unstable, from ... of 50 starts
    >>> sorted(round(float(point.state[0]), 4) + 0.0 for point in found.points)
    [-0.9575, 0.0, 0.9575]
    """
    whole_number("starts", starts, 1)
    whole_number("seed", seed)
    numbers: dict[str, Any] = {"noise": noise, "slow": slow, "apart": apart}
    for name, number in numbers.items():
        if not isinstance(number, int | float) or not 0 <= number < np.inf:
            raise InputError(f"{name} is {number!r}, expected a finite number of at least 0")
    path = path_of(model, inputs, place, member)
    visited = path.before.reshape(-1, path.step.size)
    visited = visited[np.isfinite(visited).all(1)]
    if not len(visited):
        raise InputError(f"{path.place} has been in no state of finite numbers: give longer inputs")
    I = path.x.shape[-1]
    try:
        constant = np.zeros(I) if x is None else np.asarray(x, np.float64)
    except (TypeError, ValueError):
        constant = np.empty(0)
    if constant.shape != (I,) or not np.isfinite(constant).all():
        raise InputError(f"x is {x!r:.60}, expected {I} finite numbers: one step of what {path.place} reads")
    generator = np.random.default_rng(seed)
    first = visited[generator.permutation(len(visited))[:starts]]
    first = first + noise * generator.normal(size=first.shape)
    found, speeds = _descend(path.step, constant, first, FIXED, STEPS)
    arrived = np.flatnonzero(speeds <= max(slow, FIXED))
    states, speeds = _distinct(found[arrived], speeds[arrived], apart)
    fixed = speeds <= FIXED
    states[fixed], speeds[fixed] = _descend(path.step, constant, states[fixed], FIXED * 1e-8, LAST_STEPS)
    states, speeds = _distinct(states, speeds, apart)
    jacobian = path.step.jacobian(np.tile(constant, (len(states), 1)), states) if len(states) else np.zeros((0, 1, 1))
    values = np.linalg.eigvals(jacobian).astype(np.complex128)
    points = tuple(
        FixedPoint(state, float(speed), each[np.argsort(-np.abs(each), kind="stable")])
        for state, speed, each in zip(states, speeds, values, strict=True)
    )
    return FixedPoints(path.place, points, len(first), len(arrived))


def _descend(step: StepMap, x: Values, s: Values, enough: float, steps: int) -> tuple[Values, Values]:
    """Minima of ``q`` from every start ``[K, N]``, or what has ``enough`` or is reached in so many steps; and their ``q [K]``."""
    s = s.copy()
    rest = _rest(step, x, s)
    q, damping, fast = 0.5 * (rest**2).sum(1), np.full(len(s), 1e-2), np.zeros(len(s), bool)
    open_ = np.arange(len(s))
    for _ in range(steps):
        open_ = open_[q[open_] > enough]
        if not len(open_):
            break
        open_ = open_[np.argsort(fast[open_], kind="stable")]
        blocks = np.split(open_, range(step.block, len(open_), step.block))
        d = np.concatenate([_downwards(step, x, s[k], rest[k], np.where(fast[k], 0, damping[k])) for k in blocks])
        moved = s[open_] + d
        new_rest = _rest(step, x, moved)
        new_q = 0.5 * (new_rest**2).sum(1)
        better = new_q < q[open_]  # not where it is NaN
        gain = np.where(better, 1 - new_q / q[open_], 0.0)
        rows = open_[better]
        s[rows], rest[rows], q[rows] = moved[better], new_rest[better], new_q[better]
        damping[open_] = np.where(better, damping[open_] / 5, damping[open_] * 4).clip(1e-14, 1e12)
        stuck = np.where(better, gain < LEAST_GAIN, damping[open_] > 1e8) & ~fast[open_]
        fast[open_] = gain > FAST
        open_ = open_[~stuck]
    return s, q


def _downwards(step: StepMap, x: Values, s: Values, rest: Values, damping: Values) -> Values:
    """The step ``d`` of each row; Newton's where there is no damping."""
    A = step.jacobian(np.tile(x, (len(s), 1)), s)
    on_diagonal = np.arange(step.size)
    A[:, on_diagonal, on_diagonal] -= 1
    if not damping.any():
        return _solved(A, -rest)
    transposed = A.swapaxes(1, 2)
    normal = transposed @ A
    normal[:, on_diagonal, on_diagonal] += damping[:, None]
    return _solved(normal, -(transposed @ rest[..., None])[..., 0])


def _solved(A: Values, b: Values) -> Values:
    """``d`` of ``A d = b``, NaN if there is a singular matrix among them: such steps are refused, and damped the next time."""
    try:
        return np.linalg.solve(A, b[..., None])[..., 0].astype(np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(b, np.nan)


def _rest(step: StepMap, x: Values, s: Values) -> Values:
    return step(np.tile(x, (len(s), 1)), s) - s


def _distinct(states: Values, speeds: Values, apart: float) -> tuple[Values, Values]:
    """Of states that are near each other the slowest, the slowest of all first, and their ``q``."""
    left, chosen = np.argsort(speeds, kind="stable"), list[int]()
    while len(left):
        chosen.append(int(left[0]))
        left = left[np.linalg.norm(states[left] - states[left[0]], axis=1) > apart]
    return states[chosen], speeds[chosen]
