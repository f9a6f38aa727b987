r"""Gated recurrent unit (GRU), reset gate **before** the product; the form most papers and textbooks print.

.. math::
   r = \sigma(W_r x[t] + U_r h[t-1] + b_r), \quad z = \sigma(W_z x[t] + U_z h[t-1] + b_z)

.. math::
   n = \tanh(W_n x[t] + U_n (r \circ h[t-1]) + b_n), \qquad h[t] = (1-z) \circ n + z \circ h[t-1]

Reset gate ``r``, update gate ``z``, candidate ``n``. Backward, with :math:`\delta h[t]` the whole gradient that reaches
:math:`h[t]`:

.. math::
   \delta n = \delta h \circ (1-z), \quad \delta z = \delta h \circ (h[t-1] - n), \quad
   \delta a_n = \delta n \circ (1 - n^2)

.. math::
   \delta(r \circ h) = U_n^T \delta a_n, \quad \delta r = \delta(r \circ h) \circ h[t-1], \quad
   \delta a_s = \delta s \circ s \circ (1-s) \text{ for } s = r, z

.. math::
   \delta h[t-1] = \delta h \circ z + \delta(r \circ h) \circ r + U_r^T \delta a_r + U_z^T \delta a_z, \quad
   \delta x[t] = \sum_* W_*^T \delta a_*

.. math::
   dW_* = \sum_t \delta a_*\, x[t]^T, \quad db_* = \sum_t \delta a_*, \quad
   dU_n = \sum_t \delta a_n\, (r \circ h[t-1])^T

and :math:`dU_s = \sum_t \delta a_s\, h[t-1]^T` for :math:`s = r, z`.

Shapes: ``x[t] [B, I]``, ``h[t]`` and every gate ``[B, H]``, ``W [3H, I]``, ``U [3H, H]``, ``b [3H]`` with the gates'
blocks in the order of ``GATES``; ``b`` is ``bias_ih + bias_hh`` for every gate.
Source: Cho et al. 2014, arXiv 1406.1078, version 3; Chung et al. 2014, arXiv 1412.3555.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("gru_reset_before")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> h, (last,), tape = cell.forward(params, np.zeros((3, 1, 1)), (np.ones((1, 1)),))
>>> h.ravel()      # with all parameters 0, z is 1/2 and n is 0: the state halves at each step
array([0.5  , 0.25 , 0.125])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["GRU_RESET_BEFORE"]

GATES = ("r", "z", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    sigma, phi = cell.functions
    b = params["bias_ih"] + params["bias_hh"]
    Wx = split(x @ params["weight_ih"].T + b, GATES)
    U = split(params["weight_hh"], GATES, axis=0)
    h_seen = masks.state * h_prev
    r = sigma(Wx["r"] + h_seen @ U["r"].T)
    z = sigma(Wx["z"] + h_seen @ U["z"].T)
    n = phi(Wx["n"] + (r * h_seen) @ U["n"].T)
    gates = {"r": r, "z": z, "n": n}
    n = masks.candidate * n
    h = (1 - z) * n + z * h_prev
    return h, (h,), gates


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], split(params["weight_hh"], GATES, axis=0)
    sigma, phi = cell.activations
    (h_prev,), masks = now.before, now.masks
    r, z, n = (now.gates[gate] for gate in "rzn")
    h_seen, n = masks.state * h_prev, masks.candidate * n
    dn = dh * (1 - z)
    dz = dh * (h_prev - n)
    n, dn = now.gates["n"], masks.candidate * dn
    da_n = dn * phi.slope(n)
    drh = da_n @ U["n"]
    dr = drh * h_seen
    da_r, da_z = dr * sigma.slope(r), dz * sigma.slope(z)
    dh_seen = drh * r + da_r @ U["r"] + da_z @ U["z"]
    dh_seen = masks.state * dh_seen
    dh_prev = dh * z + dh_seen
    dU = stack({"r": da_r.T @ h_seen, "z": da_z.T @ h_seen, "n": da_n.T @ (r * h_seen)}, GATES, axis=0)
    da = stack({"r": da_r, "z": da_z, "n": da_n}, GATES)
    dx = da @ W
    dW = da.T @ now.x
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db}


GRU_RESET_BEFORE = Cell(
    name="gru_reset_before",
    title="GRU, reset before the product",
    gates=GATES,
    states=("h",),
    recurrence="two_product",
    source="Cho et al. 2014, arXiv 1406.1078v3; Chung et al. 2014, arXiv 1412.3555",
    step=step,
    step_backward=step_backward,
    keeps="z",
    candidate="n",
    activations=(Activation("sigmoid"), Activation("tanh")),
)
