r"""Gated recurrent unit (GRU), reset gate **after** the product; torch, Keras, cuDNN and ONNX compute this form.

.. math::
   r = \sigma(W_r x[t] + U_r h[t-1] + b_r), \quad z = \sigma(W_z x[t] + U_z h[t-1] + b_z)

.. math::
   n = \tanh(W_n x[t] + b_n + r \circ (U_n h[t-1] + b_{hn})), \qquad h[t] = (1-z) \circ n + z \circ h[t-1]

Reset gate ``r``, update gate ``z``, candidate ``n``. Backward, with :math:`\delta h[t]` the whole gradient that reaches
:math:`h[t]`:

.. math::
   \delta n = \delta h \circ (1-z), \quad \delta z = \delta h \circ (h[t-1] - n), \quad
   \delta a_n = \delta n \circ (1 - n^2)

.. math::
   \delta r = \delta a_n \circ (U_n h[t-1] + b_{hn}), \quad
   \delta a_s = \delta s \circ s \circ (1-s) \text{ for } s = r, z

.. math::
   \delta h[t-1] = \delta h \circ z + U_n^T (\delta a_n \circ r) + U_r^T \delta a_r + U_z^T \delta a_z, \quad
   \delta x[t] = \sum_* W_*^T \delta a_*

.. math::
   dW_* = \sum_t \delta a_*\, x[t]^T, \quad db_* = \sum_t \delta a_*, \quad
   dU_n = \sum_t (\delta a_n \circ r)\, h[t-1]^T, \quad db_{hn} = \sum_t \delta a_n \circ r

and :math:`dU_s = \sum_t \delta a_s\, h[t-1]^T` for :math:`s = r, z`.

Shapes: ``x[t] [B, I]``, ``h[t]`` and every gate ``[B, H]``, ``W [3H, I]``, ``U [3H, H]`` with the gates' blocks in
the order of ``GATES``; ``b_r`` and ``b_z`` are ``bias_ih + bias_hh``, but ``b_n`` is in ``bias_ih`` and ``b_hn`` in
``bias_hh``.
A text that writes ``h = (1-z)∘h + z∘n`` means the same cell with the sign of its update gate's weights flipped.
Source: Cho et al. 2014, arXiv 1406.1078, version 1.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("gru")
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

__all__ = ["GRU"]

GATES = ("r", "z", "n")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates.

    ``hn`` is stored with the gates: ``U_n h[t-1] + b_hn``, what the reset gate acts on.
    """
    sigma, phi = cell.functions
    Wx = split(x @ params["weight_ih"].T + params["bias_ih"], GATES)
    Uh = split((masks.state * h_prev) @ params["weight_hh"].T + params["bias_hh"], GATES)
    r = sigma(Wx["r"] + Uh["r"])
    z = sigma(Wx["z"] + Uh["z"])
    n = phi(Wx["n"] + r * Uh["n"])
    gates = {"r": r, "z": z, "n": n, "hn": Uh["n"]}
    n = masks.candidate * n
    h = (1 - z) * n + z * h_prev
    return h, (h,), gates


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    sigma, phi = cell.activations
    (h_prev,), masks = now.before, now.masks
    r, z, n, hn = (now.gates[name] for name in ("r", "z", "n", "hn"))
    h_seen, n = masks.state * h_prev, masks.candidate * n
    dn = dh * (1 - z)
    dz = dh * (h_prev - n)
    n, dn = now.gates["n"], masks.candidate * dn
    da_n = dn * phi.slope(n)
    dr = da_n * hn
    da_r, da_z = dr * sigma.slope(r), dz * sigma.slope(z)
    dWx = stack({"r": da_r, "z": da_z, "n": da_n}, GATES)
    dUh = stack({"r": da_r, "z": da_z, "n": da_n * r}, GATES)
    dh_seen = dUh @ U
    dh_seen = masks.state * dh_seen
    dh_prev = dh * z + dh_seen
    dx = dWx @ W
    dW, db = dWx.T @ now.x, dWx.sum(0)
    dU, db_h = dUh.T @ h_seen, dUh.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db_h}


GRU = Cell(
    name="gru",
    title="GRU, reset after the product",
    gates=GATES,
    states=("h",),
    recurrence="one_product",
    elementwise=True,
    source="Cho et al. 2014, arXiv 1406.1078v1",
    step=step,
    step_backward=step_backward,
    keeps="z",
    candidate="n",
    activations=(Activation("sigmoid"), Activation("tanh")),
)
