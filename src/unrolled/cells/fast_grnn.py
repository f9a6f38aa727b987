r"""FastGRNN: a gate and a candidate that share ``W`` and ``U``.

.. math::
   a = W x[t] + U h[t-1], \quad z = \sigma(a + b_z), \quad n = \tanh(a + b_n)

.. math::
   h[t] = (\sigma(\zeta) (1-z) + \sigma(\nu)) \circ n + z \circ h[t-1]

Gate ``z``, candidate ``n``, and two single numbers. Backward, with :math:`\delta h[t]` the whole gradient that reaches
:math:`h[t]`:

.. math::
   \delta z = \delta h \circ (h[t-1] - \sigma(\zeta)\, n), \quad
   \delta n = \delta h \circ (\sigma(\zeta) (1-z) + \sigma(\nu))

.. math::
   \delta a_z = \delta z \circ z \circ (1-z), \quad \delta a_n = \delta n \circ (1 - n^2), \quad
   \delta a = \delta a_z + \delta a_n

.. math::
   \delta h[t-1] = \delta h \circ z + U^T \delta a, \quad \delta x[t] = W^T \delta a

.. math::
   dW = \sum_t \delta a\, x[t]^T, \quad dU = \sum_t \delta a\, h[t-1]^T, \quad
   db_z = \sum_t \delta a_z, \quad db_n = \sum_t \delta a_n

.. math::
   d\zeta = \sigma(\zeta)(1-\sigma(\zeta)) \sum_t \delta h^T ((1-z) \circ n), \quad
   d\nu = \sigma(\nu)(1-\sigma(\nu)) \sum_t \delta h^T n

Shapes: ``x[t] [B, I]``, ``h[t]`` and both gates ``[B, H]``, ``W [H, I]``, ``U [H, H]``, ``bias_ih [2H]`` with the blocks
in the order of ``GATES``, ``zeta [1]``, ``nu [1]``.
Source: Kusupati et al. 2018, arXiv 1901.02358. The paper trains ζ and ν between 0 and 1; here as in the authors' code
(EdgeML) they are the logistic function of what is trained. Low-rank, sparse and quantised ``W`` and ``U``, the other
half of the paper, concern the matrices and not the cell.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("fast_grnn")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["weight_ih"][:] = 100           # an input of 1 opens z and makes n 1, none leaves z at 1/2 and n at 0
>>> h, (last,), tape = cell.forward(params, np.array([1.0, 0.0]).reshape(2, 1, 1))
>>> h.ravel()
array([0.5 , 0.25])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell, Parameter
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["FAST_GRNN"]

GATES = ("z", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    W, U, b = params["weight_ih"], params["weight_hh"], split(params["bias_ih"], GATES)
    zeta, nu = sigmoid(params["zeta"]), sigmoid(params["nu"])
    a = x @ W.T + (masks.state * h_prev) @ U.T
    z = sigmoid(a + b["z"])
    n = tanh(a + b["n"])
    h = (zeta * (1 - z) + nu) * (masks.candidate * n) + z * h_prev
    return h, (h,), {"z": z, "n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    zeta, nu = sigmoid(params["zeta"]), sigmoid(params["nu"])
    (h_prev,), mask = now.before, now.masks
    z, n = now.gates["z"], now.gates["n"]
    proposed = mask.candidate * n
    dz = dh * (h_prev - zeta * proposed)
    dn = mask.candidate * (dh * (zeta * (1 - z) + nu))
    da_z, da_n = dz * z * (1 - z), dn * (1 - n**2)
    da = da_z + da_n
    dh_prev = dh * z + mask.state * (da @ U)
    dx = da @ W
    dW = da.T @ now.x
    dU = da.T @ (mask.state * h_prev)
    db = stack({"z": da_z, "n": da_n}, GATES).sum(0)
    dzeta = zeta * (1 - zeta) * (dh * (1 - z) * proposed).sum()
    dnu = nu * (1 - nu) * (dh * proposed).sum()
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "zeta": dzeta, "nu": dnu}


FAST_GRNN = Cell(
    name="fast_grnn",
    title="FastGRNN",
    gates=GATES,
    states=("h",),
    recurrence="one_product",
    elementwise=True,
    source="Kusupati et al. 2018, arXiv 1901.02358",
    step=step,
    step_backward=step_backward,
    parameters=(
        Parameter("weight_ih", ("H", "I")),
        Parameter("weight_hh", ("H", "H")),
        Parameter("bias_ih", ("2*H",)),
        Parameter("zeta", ("1",)),
        Parameter("nu", ("1",)),
    ),
    keeps="z",
    candidate="n",
)
