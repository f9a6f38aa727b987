r"""The Jacobians of a recurrent layer along data: what a step does to small changes of its state, and many steps do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.cells import Activation, Cell
from unrolled.charts.chart import Chart
from unrolled.charts.decay import decay_figure
from unrolled.errors import InputError
from unrolled.insight.result_frame import frame_of
from unrolled.insight.step_map import Path, path_of

__all__ = ["Jacobians", "jacobians", "jacobians_along"]

NEITHER = 1e-3
"""Below this size of the largest exponent a hundred steps change a state by a tenth."""
SEEN = 3
"""Times the steps that were looked at beyond which the verdict foretells nothing."""


@dataclass(frozen=True)
class Jacobians:
    r"""The Jacobians :math:`J_t = \partial s_t / \partial s_{t-1}` of the whole state, such as ``h`` and ``c`` side by side.

    Attributes:
        place: the layer and direction, or the name of the cell.
        widths: the numbers of each state, in the order in which they stand side by side.
        matrices: ``[T, B, N, N]``, in the order in which the layer takes its steps.
        bound: :math:`\lambda = \gamma \sigma_{\max}(U)`, which no singular value exceeds; None for a cell that is no simple RNN.
    """

    place: str
    widths: Mapping[str, int]
    matrices: Values
    bound: float | None

    @cached_property
    def singular_values(self) -> Values:
        """Of each step, ``[T, B, N]``, descending."""
        return np.linalg.svd(self.matrices, compute_uv=False).astype(np.float64)

    def product(self, start: int = 0, end: int | None = None) -> Values:
        r""":math:`J_{end-1} \cdots J_{start}`, ``[B, N, N]``: what changes of the state before step ``start`` become.

        Raises:
            InputError: there are no such steps.
        """
        T, B, N, _ = self.matrices.shape
        after = T if end is None else end
        if not 0 <= start < after <= T:
            raise InputError(f"product of steps {start} to {after}: expected 0 <= start < end <= {T}")
        found = np.broadcast_to(np.eye(N), (B, N, N))
        for J in self.matrices[start:after]:
            found = J @ found
        return found

    def lyapunov(self, skip: int | None = None) -> Values:
        r"""The Lyapunov spectrum along the data: rates of growth a step, ``[N]``, descending; the mean over the sequences.

        A running QR decomposition keeps the directions apart: :math:`J_t Q_{t-1} = Q_t R_t`, and the exponents are the means
        of :math:`\log |R_{t,ii}|`. Source: Benettin et al. 1980, Meccanica 15.

        Args:
            skip: first steps that only turn the directions; a tenth of all unless given.

        Raises:
            InputError: no step would be left.
        """
        T, B, N, _ = self.matrices.shape
        first = skip if skip is not None else T // 10
        if not 0 <= first < T:
            raise InputError(f"skip is {first}, expected 0 to {T - 1} for {T} steps")
        directions, total = np.broadcast_to(np.eye(N), (B, N, N)), np.zeros((B, N))
        for t, J in enumerate(self.matrices):
            directions, R = np.linalg.qr(J @ directions)
            if t >= first:
                with np.errstate(divide="ignore"):  # a direction that a step forgets at once
                    total += np.log(np.abs(np.diagonal(R, axis1=1, axis2=2)))
        return np.sort(total.mean(0) / (T - first))[::-1]

    @property
    def verdict(self) -> str:
        """One sentence with the numbers that say so: of what becomes of a change of the state, which a gradient that flows back
        through the states alone shares. What a loss sends to other steps directly is not in it."""
        rate = float(self.lyapunov()[0])
        T = len(self.matrices)
        seen = f"{T} step{'s' * (T != 1)}"
        numbers = f"the largest Lyapunov exponent over {seen} is {rate:.3f}, a factor of {math.exp(rate):.3g} a step"
        change = f"A change of the state of {self.place}"
        if math.isnan(rate):
            return f"The Jacobians of {self.place} are not finite: look for inputs or weights that are not."
        if abs(rate) < NEITHER:
            said = f"{change} neither shrinks nor grows: {numbers}"
        elif rate < 0:
            said = f"{change} shrinks: {numbers}{_foretold('1 %', math.log(0.01) / rate, T)}"
        else:
            said = f"{change} grows: {numbers}{_foretold('100 times', math.log(100) / rate, T)}"
        if self.bound is None:
            return f"{said}."
        promised = "promises" if self.bound < 1 else "does not promise" if rate < 0 else "allows"
        return f"{said}; the bound γ σ_max(U) = {self.bound:.3g} {promised} it."

    def plot(self) -> Chart:
        """The largest, the middle and the smallest singular value of each step, means over the sequences."""
        values = self.singular_values.mean(1)
        N = values.shape[1]
        lines = {"largest": values[:, 0], "middle": values[:, N // 2], "smallest": values[:, -1]}
        label = f"singular values of the Jacobians of {self.place}"
        return Chart(decay_figure(lines if N > 2 else {"largest": values[:, 0]}, "step", label, mark=1.0))

    def to_frame(self) -> Any:
        """A polars frame with one row for each step, sequence and singular value: ``step``, ``sequence``, ``rank``, ``value``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = [(*place, float(value)) for place, value in np.ndenumerate(self.singular_values)]
        return frame_of(("step", "sequence", "rank", "value"), rows)

    def __str__(self) -> str:
        return self.verdict


def jacobians(model: Any, inputs: Any, *, place: str | None = None, member: int = 0) -> Jacobians:
    r"""The exact Jacobians of one recurrent layer along data.

    .. math::
        J_t = \frac{\partial s_t}{\partial s_{t-1}}, \qquad
        \frac{\partial s_t}{\partial s_k} = J_t J_{t-1} \cdots J_{k+1}, \qquad
        \|J_t\| \le \gamma\, \sigma_{\max}(U) \text{ for } h_t = \varphi(W x_t + U h_{t-1} + b)

    :math:`s` is the whole state, for an LSTM ``h`` and ``c``; :math:`\gamma` is the largest slope of :math:`\varphi`. They
    come from the hand-derived backward pass of the cell, in float64. Source: Pascanu, Mikolov, Bengio 2013, arXiv 1211.5063.

    Args:
        model: any torch module with layers of ``torch.nn.RNN``, ``LSTM``, ``GRU`` or of :mod:`unrolled.nn`, without dropout
            (``model.eval()``); a fitted estimator; or a pair of the name of a cell of :data:`unrolled.cells.CELLS` and its
            parameters, which needs no torch.
        inputs: what the module is called with, a tuple if that is more than one; for an estimator data as
            :func:`unrolled.insight.gradient_flow` takes them, a classifier, regressor or tagger without ``y`` if you like; for a
            cell ``x [T, B, I]``.
        place: which layer and direction of a module: ``l0`` is the first of a model that is a layer itself,
            ``encoder.l1_reverse`` the second of ``model.encoder``, backwards; by default the first that runs.
        member: which network of an estimator.

    Returns:
        A :class:`Jacobians`.

    Raises:
        InputError: there is no such layer, or its sequences have several lengths; the message says which there are.
        MissingExtraError: a module without torch.

    >>> rng = np.random.default_rng(0)
    >>> U = 1.5 * np.linalg.qr(rng.normal(size=(8, 8)))[0]
    >>> params = {"weight_ih": np.ones((8, 1)), "weight_hh": U, "bias_ih": np.zeros(8), "bias_hh": np.zeros(8)}
    >>> found = jacobians(("rnn_identity", params), rng.normal(size=(20, 1, 1)))
    >>> print(found)
    A change of the state of rnn_identity grows: the largest Lyapunov exponent over 20 steps is 0.405, a factor of 1.5 a
    step, 100 times after 12 steps; the bound γ σ_max(U) = 1.5 allows it.
    >>> found.product(0, 3).shape
    (1, 8, 8)
    """
    return jacobians_along(path_of(model, inputs, place, member))


def jacobians_along(path: Path) -> Jacobians:
    """Those of what a layer went through."""
    matrices = np.stack([path.step.jacobian(x, s) for x, s in zip(path.x, path.before, strict=True)])
    return Jacobians(path.place, path.step.widths, matrices, _bound(path.step.cell, path.step.params))


def _foretold(size: str, steps: float, seen: int) -> str:
    """When a change has become so large or small, unless that is far beyond the steps that were seen.

    >>> _foretold("1 %", 10.2, 8), _foretold("1 %", 49.5, 6)
    (', 1 % after 11 steps', '')
    """
    return f", {size} after {math.ceil(steps)} steps" if 0 < steps <= SEEN * seen else ""


def _bound(cell: Cell, params: Mapping[str, Values]) -> float | None:
    """``γ σ_max(U)`` of a simple RNN."""
    if cell.name not in ("rnn_tanh", "rnn_relu", "rnn_identity", "irnn", "indrnn"):
        return None
    U = params["weight_hh"]
    (activation,) = cell.activations
    return steepest(activation) * float(np.abs(U).max() if U.ndim == 1 else np.linalg.norm(U, 2))


def steepest(activation: Activation) -> float:
    """``γ``, the largest slope of an activation function."""
    alpha, beta = activation.constants
    return {
        "sigmoid": 0.25, "hard_sigmoid": abs(alpha), "leaky_relu": max(1.0, alpha), "affine": abs(alpha),
        "scaled_tanh": abs(alpha * beta), "elu": max(1.0, alpha),
    }.get(activation.name, 1.0)  # fmt: skip
