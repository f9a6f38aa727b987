r"""Light GRU (Li-GRU): no reset gate, and a rectified candidate.

.. math::
   z = \sigma(W_z x[t] + U_z h[t-1] + b_z), \quad n = \max(W_n x[t] + U_n h[t-1] + b_n, 0)

.. math::
   h[t] = z \circ h[t-1] + (1-z) \circ n

Update gate ``z``, candidate ``n``. Backward, with :math:`\delta h[t]` the whole gradient that reaches :math:`h[t]`:

.. math::
   \delta n = \delta h \circ (1-z), \quad \delta z = \delta h \circ (h[t-1] - n)

.. math::
   \delta a_n = \delta n \circ [n > 0], \quad \delta a_z = \delta z \circ z \circ (1-z)

.. math::
   \delta h[t-1] = \delta h \circ z + \sum_* U_*^T \delta a_*, \quad \delta x[t] = \sum_* W_*^T \delta a_*

.. math::
   dW_* = \sum_t \delta a_*\, x[t]^T, \quad dU_* = \sum_t \delta a_*\, h[t-1]^T, \quad db_* = \sum_t \delta a_*

Shapes: ``x[t] [B, I]``, ``h[t]`` and both gates ``[B, H]``, ``W [2H, I]``, ``U [2H, H]``, ``b [2H]`` with the gates'
blocks in the order of ``GATES``; ``b`` is ``bias_ih + bias_hh``.
Source: Ravanelli, Brakel, Omologo, Bengio 2018, arXiv 1803.10225. The paper has ``BN(W x)`` in place of ``W x + b``. Batch
normalisation with given means and deviations is another ``W`` and ``b``, which is how ``unrolled.nn.LiGRU`` runs this cell:
in training with the batch's own, in evaluation with running ones. The authors' code (PyTorch-Kaldi, SpeechBrain) stacks the
candidate before the gate.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("li_gru")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["weight_ih"][1] = 1             # z is 1/2, n the rectified input
>>> h, (last,), tape = cell.forward(params, np.array([4.0, -4.0]).reshape(2, 1, 1))
>>> h.ravel()
array([2., 1.])
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.cells.activation import relu, sigmoid
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["LI_GRU"]

GATES = ("z", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    W, U, b = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"]
    a = split(x @ W.T + (masks.state * h_prev) @ U.T + b, GATES)
    z = sigmoid(a["z"])
    n = relu(a["n"])
    h = z * h_prev + (1 - z) * (masks.candidate * n)
    return h, (h,), {"z": z, "n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    (h_prev,), mask = now.before, now.masks
    z, n = now.gates["z"], now.gates["n"]
    dn = mask.candidate * (dh * (1 - z))
    dz = dh * (h_prev - mask.candidate * n)
    da = stack({"z": dz * z * (1 - z), "n": dn * np.sign(n)}, GATES)
    dh_prev = dh * z + mask.state * (da @ U)
    dx = da @ W
    dW = da.T @ now.x
    dU = da.T @ (mask.state * h_prev)
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db}


LI_GRU = Cell(
    name="li_gru",
    title="light GRU",
    gates=GATES,
    states=("h",),
    recurrence="one_product",
    elementwise=True,
    source="Ravanelli et al. 2018, arXiv 1803.10225",
    step=step,
    step_backward=step_backward,
    keeps="z",
    candidate="n",
)
