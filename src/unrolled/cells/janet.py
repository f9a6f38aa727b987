r"""JANET, an LSTM with just the forget gate.

.. math::
   s = W_f x[t] + U_f h[t-1] + b_f, \quad f = \sigma(s), \quad k = \sigma(s - \beta), \quad
   g = \tanh(W_g x[t] + U_g h[t-1] + b_g)

.. math::
   c[t] = f \circ c[t-1] + (1-k) \circ g, \qquad h[t] = c[t]

with :math:`\beta = 1`. Forget gate ``f``, candidate ``g``; memory and output are one, so ``h`` is the only state. Backward, with
:math:`\delta h[t]` the whole gradient that reaches :math:`h[t]`:

.. math::
   \delta s = \delta h \circ \left(h[t-1] \circ f \circ (1-f) - g \circ k \circ (1-k)\right), \quad
   \delta a_g = \delta h \circ (1-k) \circ (1-g^2)

.. math::
   \delta h[t-1] = \delta h \circ f + U_f^T \delta s + U_g^T \delta a_g, \quad
   \delta x[t] = W_f^T \delta s + W_g^T \delta a_g

.. math::
   dW_* = \sum_t \delta a_*\, x[t]^T, \quad dU_* = \sum_t \delta a_*\, h[t-1]^T, \quad db_* = \sum_t \delta a_*

with :math:`a_f = s`. Shapes: ``x[t] [B, I]``, ``h[t]`` and every gate ``[B, H]``, ``W [2H, I]``, ``U [2H, H]``, ``b [2H]``
with the gates' blocks in the order of ``GATES``; ``b`` is ``bias_ih + bias_hh``.
Source: van der Westhuizen, Lasenby 2018, arXiv 1804.04849.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("janet")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> h, (last,), tape = cell.forward(params, np.zeros((3, 1, 1)), (np.ones((1, 1)),))
>>> h.ravel()      # with all parameters 0 the forget gate is 1/2: the state halves at each step
array([0.5  , 0.25 , 0.125])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["JANET"]

GATES = ("f", "g")
BETA = 1.0


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates; ``k`` is stored with them."""
    W, U, b = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"]
    a = split(x @ W.T + (masks.state * h_prev) @ U.T + b, GATES)
    f, k = sigmoid(a["f"]), sigmoid(a["f"] - BETA)
    g = tanh(a["g"])
    h = f * h_prev + (1 - k) * (masks.candidate * g)
    return h, (h,), {"f": f, "g": g, "k": k}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    (h_prev,), mask = now.before, now.masks
    f, g, k = (now.gates[name] for name in "fgk")
    ds = dh * (h_prev * f * (1 - f) - mask.candidate * g * k * (1 - k))
    da_g = mask.candidate * (dh * (1 - k)) * (1 - g**2)
    da = stack({"f": ds, "g": da_g}, GATES)
    dh_prev = dh * f + mask.state * (da @ U)
    dx = da @ W
    dW, dU, db = da.T @ now.x, da.T @ (mask.state * h_prev), da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db}


JANET = Cell(
    name="janet",
    title="JANET, an LSTM with just the forget gate",
    gates=GATES,
    states=("h",),
    recurrence="one_product",
    elementwise=True,
    source="van der Westhuizen, Lasenby 2018, arXiv 1804.04849",
    step=step,
    step_backward=step_backward,
    keeps="f",
    candidate="g",
)
