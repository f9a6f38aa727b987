r"""Minimal LSTM (minLSTM): gates and candidate see the input only, and forget and input gate share one sum.

.. math::
   f, i = \sigma(a_f, a_i), \quad n = a_n, \quad a_* = W_* x[t] + b_*, \qquad
   h[t] = \frac{f \circ h[t-1] + i \circ n}{f + i}

Forget gate ``f``, input gate ``i``, candidate ``n``. The share of the old state is computed without the quotient, which is
0/0 where both gates are shut:

.. math::
   s = \frac{f}{f+i} = \sigma(\log f - \log i), \qquad h[t] = s \circ h[t-1] + (1-s) \circ n

Backward, with :math:`\delta h[t]` the whole gradient that reaches :math:`h[t]`:

.. math::
   \delta s = \delta h \circ (h[t-1] - n), \quad
   \delta a_f = \delta s \circ s \circ (1-s) \circ (1-f), \quad \delta a_i = -\delta s \circ s \circ (1-s) \circ (1-i)

.. math::
   \delta a_n = \delta n = \delta h \circ (1-s), \quad \delta h[t-1] = \delta h \circ s

.. math::
   \delta x[t] = \sum_* W_*^T \delta a_*, \quad dW_* = \sum_t \delta a_*\, x[t]^T, \quad db_* = \sum_t \delta a_*

Shapes: ``x[t] [B, I]``, ``h[t]`` and every gate ``[B, H]``, ``W [3H, I]``, ``b [3H]`` with the gates' blocks in the order
of ``GATES``; ``b`` is ``bias_ih``.
Source: Feng et al. 2024, arXiv 2410.01201: the length-independent form, whose gates are divided by their sum. The paper's
second form, which it runs in log space and which common code implements alone, passes candidate and initial state through
``g(a) = a + 1/2`` where ``a ≥ 0`` and ``σ(a)`` elsewhere, so that states stay positive; this is the first form, without ``g``.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("min_lstm")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["weight_ih"][2] = 1             # f and i are equal, n is the input
>>> h, (last,), tape = cell.forward(params, np.array([4.0, -4.0]).reshape(2, 1, 1))
>>> h.ravel()
array([ 2., -1.])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import log_sigmoid, sigmoid
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import INPUT_PARAMETERS, Cell
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["MIN_LSTM"]

GATES = ("f", "i", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates.

    ``s`` is stored with the gates: the share of ``h[t-1]``.
    """
    a = split(x @ params["weight_ih"].T + params["bias_ih"], GATES)
    f, i, n = sigmoid(a["f"]), sigmoid(a["i"]), a["n"]
    s = sigmoid(log_sigmoid(a["f"]) - log_sigmoid(a["i"]))
    h = s * h_prev + (1 - s) * (masks.candidate * n)
    return h, (h,), {"f": f, "i": i, "n": n, "s": s}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    (h_prev,), mask = now.before, now.masks
    f, i, n, s = (now.gates[name] for name in ("f", "i", "n", "s"))
    ds = dh * (h_prev - mask.candidate * n)
    da_f, da_i = ds * s * (1 - s) * (1 - f), -ds * s * (1 - s) * (1 - i)
    dn = mask.candidate * (dh * (1 - s))
    da = stack({"f": da_f, "i": da_i, "n": dn}, GATES)
    dh_prev = dh * s
    dx = da @ params["weight_ih"]
    dW = da.T @ now.x
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "bias_ih": db}


MIN_LSTM = Cell(
    name="min_lstm",
    title="minLSTM",
    gates=GATES,
    states=("h",),
    recurrence="no_product",
    elementwise=True,
    source="Feng et al. 2024, arXiv 2410.01201",
    step=step,
    step_backward=step_backward,
    parameters=INPUT_PARAMETERS,
    keeps="f",
    writes="i",
    candidate="n",
)
