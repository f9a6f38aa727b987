r"""Independently recurrent network (IndRNN): a unit sees no other unit's state.

.. math::
   a[t] = W x[t] + u \circ h[t-1] + b, \qquad h[t] = \varphi(a[t])

with :math:`\varphi` = ReLU unless another one is chosen. Backward, with :math:`\delta h[t]` the whole gradient that reaches
:math:`h[t]`:

.. math::
   \delta a[t] = \varphi'(a[t]) \circ \delta h[t], \quad
   \delta h[t-1] = u \circ \delta a[t], \quad \delta x[t] = W^T \delta a[t]

.. math::
   dW = \sum_t \delta a[t]\, x[t]^T, \quad du = \sum_t \delta a[t] \circ h[t-1], \quad db = \sum_t \delta a[t]

Over :math:`k` steps a unit's gradient is multiplied by :math:`u^k` and slopes: ``|u|`` near 1 preserves it.
Shapes: ``x[t] [B, I]``, ``h[t] [B, H]``, ``W [H, I]``, ``u`` is ``weight_hh [H]``, ``b`` is ``bias_ih [H]``.
Source: Li, Li, Cook, Zhu, Gao 2018, arXiv 1803.04831.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("indrnn")
>>> params = {name: np.ones(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> h, (last,), tape = cell.forward(params, np.array([1.0, 2.0, -9.0]).reshape(3, 1, 1))
>>> h.ravel()
array([2., 5., 0.])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import BIAS_IH, Cell, Parameter
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["INDRNN"]


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t] [B, H]``; there are no masks."""
    W, u, b = params["weight_ih"], params["weight_hh"], params["bias_ih"]
    (phi,) = cell.functions
    a = x @ W.T + u * h_prev + b
    h = phi(a)
    return h, (h,), {"h": h}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, u = params["weight_ih"], params["weight_hh"]
    (phi,) = cell.activations
    (h_prev,), (h,) = now.before, now.made
    da = phi.slope(h) * dh
    dx = da @ W
    dh_prev = u * da
    dW = da.T @ now.x
    du = (da * h_prev).sum(0)
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": du, "bias_ih": db}


INDRNN = Cell(
    name="indrnn",
    title="independently recurrent network",
    gates=("h",),
    states=("h",),
    recurrence="no_product",
    elementwise=True,
    source="Li et al. 2018, arXiv 1803.04831",
    step=step,
    step_backward=step_backward,
    parameters=(Parameter("weight_ih", ("G*H", "I")), Parameter("weight_hh", ("H",)), BIAS_IH),
    activations=(Activation("relu"),),
)
