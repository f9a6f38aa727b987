r"""Minimal GRU (minGRU): gate and candidate see the input only.

.. math::
   z = \sigma(W_z x[t] + b_z), \quad n = W_n x[t] + b_n, \qquad h[t] = (1-z) \circ h[t-1] + z \circ n

Update gate ``z``, candidate ``n``. Backward, with :math:`\delta h[t]` the whole gradient that reaches :math:`h[t]`:

.. math::
   \delta a_n = \delta n = \delta h \circ z, \quad \delta z = \delta h \circ (n - h[t-1]), \quad
   \delta a_z = \delta z \circ z \circ (1-z)

.. math::
   \delta h[t-1] = \delta h \circ (1-z), \quad \delta x[t] = \sum_* W_*^T \delta a_*, \quad
   dW_* = \sum_t \delta a_*\, x[t]^T, \quad db_* = \sum_t \delta a_*

Shapes: ``x[t] [B, I]``, ``h[t]`` and both gates ``[B, H]``, ``W [2H, I]``, ``b [2H]`` with the gates' blocks in the order
of ``GATES``; ``b`` is ``bias_ih``.
Source: Feng et al. 2024, arXiv 2410.01201. The paper's second form, which it runs in log space and which common code
implements alone, passes candidate and initial state through ``g(a) = a + 1/2`` where ``a ≥ 0`` and ``σ(a)`` elsewhere, so
that states stay positive; this is the first form, without ``g``. Its ``z`` near 1 replaces the state, the GRU's keeps it.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("min_gru")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["weight_ih"][1] = 1             # z is 1/2, n the input
>>> h, (last,), tape = cell.forward(params, np.array([4.0, -4.0]).reshape(2, 1, 1))
>>> h.ravel()
array([ 2., -1.])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import INPUT_PARAMETERS, Cell
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["MIN_GRU"]

GATES = ("z", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    a = split(x @ params["weight_ih"].T + params["bias_ih"], GATES)
    z, n = sigmoid(a["z"]), a["n"]
    h = (1 - z) * h_prev + z * (masks.candidate * n)
    return h, (h,), {"z": z, "n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    (h_prev,), mask = now.before, now.masks
    z, n = now.gates["z"], now.gates["n"]
    dn = mask.candidate * (dh * z)
    dz = dh * (mask.candidate * n - h_prev)
    da = stack({"z": dz * z * (1 - z), "n": dn}, GATES)
    dh_prev = dh * (1 - z)
    dx = da @ params["weight_ih"]
    dW = da.T @ now.x
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "bias_ih": db}


MIN_GRU = Cell(
    name="min_gru",
    title="minGRU",
    gates=GATES,
    states=("h",),
    recurrence="no_product",
    elementwise=True,
    source="Feng et al. 2024, arXiv 2410.01201",
    step=step,
    step_backward=step_backward,
    parameters=INPUT_PARAMETERS,
    keeps="-z",
    candidate="n",
)
