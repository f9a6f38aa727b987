r"""Minimal gated unit (MGU): one gate both resets and updates.

.. math::
   f = \sigma(W_f x[t] + U_f h[t-1] + b_f), \quad n = \tanh(W_n x[t] + U_n (f \circ h[t-1]) + b_n)

.. math::
   h[t] = (1-f) \circ h[t-1] + f \circ n

Forget gate ``f``, candidate ``n``. Backward, with :math:`\delta h[t]` the whole gradient that reaches :math:`h[t]`:

.. math::
   \delta n = \delta h \circ f, \quad \delta a_n = \delta n \circ (1 - n^2), \quad
   \delta(f \circ h) = U_n^T \delta a_n

.. math::
   \delta f = \delta h \circ (n - h[t-1]) + \delta(f \circ h) \circ h[t-1], \quad
   \delta a_f = \delta f \circ f \circ (1-f)

.. math::
   \delta h[t-1] = \delta h \circ (1-f) + \delta(f \circ h) \circ f + U_f^T \delta a_f, \quad
   \delta x[t] = \sum_* W_*^T \delta a_*

.. math::
   dW_* = \sum_t \delta a_*\, x[t]^T, \quad db_* = \sum_t \delta a_*, \quad
   dU_f = \sum_t \delta a_f\, h[t-1]^T, \quad dU_n = \sum_t \delta a_n\, (f \circ h[t-1])^T

Shapes: ``x[t] [B, I]``, ``h[t]`` and both gates ``[B, H]``, ``W [2H, I]``, ``U [2H, H]``, ``b [2H]`` with the gates'
blocks in the order of ``GATES``; ``b`` is ``bias_ih + bias_hh``.
Source: Zhou, Wu, Zhang, Zhou 2016, arXiv 1603.09420. The paper's forget gate forgets where it is near 1, the LSTM's where
it is near 0. MGU2, which some libraries also offer, is a later variant whose gate has neither input nor bias.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("mgu")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> h, (last,), tape = cell.forward(params, np.zeros((3, 1, 1)), (np.ones((1, 1)),))
>>> h.ravel()      # with all parameters 0, f is 1/2 and n is 0: the state halves at each step
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

__all__ = ["MGU"]

GATES = ("f", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    b = params["bias_ih"] + params["bias_hh"]
    Wx = split(x @ params["weight_ih"].T + b, GATES)
    U = split(params["weight_hh"], GATES, axis=0)
    met = masks.state * h_prev
    f = sigmoid(Wx["f"] + met @ U["f"].T)
    n = tanh(Wx["n"] + (f * met) @ U["n"].T)
    h = (1 - f) * h_prev + f * (masks.candidate * n)
    return h, (h,), {"f": f, "n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], split(params["weight_hh"], GATES, axis=0)
    (h_prev,), mask = now.before, now.masks
    f, n = now.gates["f"], now.gates["n"]
    met = mask.state * h_prev
    dn = mask.candidate * (dh * f)
    da_n = dn * (1 - n**2)
    dfh = da_n @ U["n"]
    df = dh * (mask.candidate * n - h_prev) + dfh * met
    da_f = df * f * (1 - f)
    dh_prev = dh * (1 - f) + mask.state * (dfh * f + da_f @ U["f"])
    dU = stack({"f": da_f.T @ met, "n": da_n.T @ (f * met)}, GATES, axis=0)
    da = stack({"f": da_f, "n": da_n}, GATES)
    dx = da @ W
    dW = da.T @ now.x
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db}


MGU = Cell(
    name="mgu",
    title="minimal gated unit",
    gates=GATES,
    states=("h",),
    recurrence="two_product",
    source="Zhou et al. 2016, arXiv 1603.09420",
    step=step,
    step_backward=step_backward,
    keeps="-f",
    candidate="n",
)
