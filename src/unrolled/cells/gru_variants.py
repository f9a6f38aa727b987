r"""GRU1, GRU2 and GRU3: gated recurrent units (GRU) with simplified gates, which never see the input.

.. math::
   r, z = \sigma(a_r, a_z), \qquad
   a_s = \begin{cases} U_s h[t-1] + b_s & \text{GRU1} \\ U_s h[t-1] & \text{GRU2} \\ b_s & \text{GRU3} \end{cases}
   \quad \text{for } s = r, z

.. math::
   n = \tanh(W x[t] + U_n (r \circ h[t-1]) + b_n), \qquad h[t] = (1-z) \circ n + z \circ h[t-1]

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
   \delta x[t] = W^T \delta a_n

.. math::
   dW = \sum_t \delta a_n\, x[t]^T, \quad dU_n = \sum_t \delta a_n\, (r \circ h[t-1])^T, \quad
   dU_s = \sum_t \delta a_s\, h[t-1]^T, \quad db_* = \sum_t \delta a_*

without the terms of those :math:`U_s` and :math:`b_s` that a variant lacks.

Shapes: ``x[t] [B, I]``, ``h[t]`` and every gate ``[B, H]``; ``W [H, I]`` of the candidate alone; ``U [3H, H]`` with the
gates' blocks in the order of ``GATES``, of GRU3 ``[H, H]`` for the candidate; ``b [3H]``, of GRU2 ``[H]`` for the
candidate. ``b`` is ``bias_ih + bias_hh``, of GRU3 ``bias_ih`` alone.
Source: Dey, Salem 2017, arXiv 1701.05923. The paper writes ``h = (1-z)∘h + z∘n``: the same cells with the sign of ``a_z``
flipped.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("gru3")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["bias_ih"][1] = np.log(3)      # the update gate is 3/4, whatever comes
>>> h, (last,), tape = cell.forward(params, np.zeros((3, 1, 1)), (np.ones((1, 1)),))
>>> h.ravel()
array([0.75    , 0.5625  , 0.421875])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell, Parameter
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["GRU1", "GRU2", "GRU3"]

GATES = ("r", "z", "n")
MEETING_U = {"gru1": GATES, "gru2": GATES, "gru3": ("n",)}


def blocks(cell: Cell, params: Mapping[str, FloatArray]) -> tuple[Arrays, Arrays]:
    """``U`` and ``b`` of those gates that have them."""
    b = params["bias_ih"] + params["bias_hh"] if "bias_hh" in params else params["bias_ih"]
    return split(params["weight_hh"], MEETING_U[cell.name], axis=0), split(b, cell.biased)


def argument(gate: str, met: FloatArray, U: Arrays, b: Arrays) -> FloatArray:
    """``a`` of the gate ``r`` or ``z`` from ``h[t-1]``, ``[B, H]``."""
    if gate not in U:
        return b[gate] * met**0  # the same in every row
    Uh = met @ U[gate].T
    return Uh + b[gate] if gate in b else Uh


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    W, (U, b) = params["weight_ih"], blocks(cell, params)
    met = masks.state * h_prev
    r, z = sigmoid(argument("r", met, U, b)), sigmoid(argument("z", met, U, b))
    n = tanh(x @ W.T + (r * met) @ U["n"].T + b["n"])
    h = (1 - z) * (masks.candidate * n) + z * h_prev
    return h, (h,), {"r": r, "z": z, "n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, (U, _) = params["weight_ih"], blocks(cell, params)
    (h_prev,), mask = now.before, now.masks
    r, z, n = (now.gates[gate] for gate in GATES)
    met = mask.state * h_prev
    dn = mask.candidate * (dh * (1 - z))
    dz = dh * (h_prev - mask.candidate * n)
    da_n = dn * (1 - n**2)
    drh = da_n @ U["n"]
    dr = drh * met
    da = {"r": dr * r * (1 - r), "z": dz * z * (1 - z), "n": da_n}
    dmet = drh * r + sum(da[gate] @ U[gate] for gate in "rz" if gate in U)
    dh_prev = dh * z + mask.state * dmet
    dU = {"r": da["r"].T @ met, "z": da["z"].T @ met, "n": da_n.T @ (r * met)}
    dx = da_n @ W
    dW = da_n.T @ now.x
    db = stack(da, cell.biased).sum(0)
    grads = {"x": dx, "weight_ih": dW, "weight_hh": stack(dU, MEETING_U[cell.name], axis=0), "bias_ih": db}
    return (dh_prev,), {**grads, "bias_hh": db}


def variant(name: str, title: str, U: str, *biases: Parameter, bias_gates: tuple[str, ...] = GATES) -> Cell:
    """Describe one of the three variants by the rows of ``U``, its biases, and the gates these belong to."""
    return Cell(
        name=name,
        title=title,
        gates=GATES,
        states=("h",),
        recurrence="two_product",
        source="Dey, Salem 2017, arXiv 1701.05923",
        step=step,
        step_backward=step_backward,
        parameters=(Parameter("weight_ih", ("H", "I")), Parameter("weight_hh", (U, "H")), *biases),
        keeps="z",
        candidate="n",
        bias_gates=bias_gates,
    )


GRU1 = variant(
    "gru1", "GRU1: gates without the input", "3*H", Parameter("bias_ih", ("3*H",)), Parameter("bias_hh", ("3*H",))
)
GRU2 = variant(
    "gru2", "GRU2: gates without input and bias", "3*H", Parameter("bias_ih", ("H",)), Parameter("bias_hh", ("H",)),
    bias_gates=("n",),
)  # fmt: skip
GRU3 = variant("gru3", "GRU3: gates of biases alone", "H", Parameter("bias_ih", ("3*H",)))
