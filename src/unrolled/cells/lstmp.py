r"""LSTM with a projected hidden state (LSTMP).

.. math::
   i, f, o = \sigma(a_i, a_f, a_o), \quad g = \tanh(a_g), \quad a_* = W_* x[t] + U_* h[t-1] + b_*

.. math::
   c[t] = f \circ c[t-1] + i \circ g, \quad m[t] = o \circ \tanh(c[t]), \quad h[t] = R\, m[t]

``h`` has :math:`P` numbers and ``c`` has :math:`H`. Backward, with :math:`\delta h[t]` and :math:`\delta c[t]` already including
what comes from step :math:`t+1`:

.. math::
   \delta m = R^T \delta h, \qquad dR = \sum_t \delta h\, m[t]^T

and then as in the LSTM with :math:`\delta m` in the place of :math:`\delta h`; :math:`\delta h[t-1] = U^T \delta a`.
Shapes: ``x[t] [B, I]``, ``h[t] [B, P]``, ``c[t]`` and every gate ``[B, H]``, ``W [4H, I]``, ``U [4H, P]``, ``b [4H]``, ``R`` is
``weight_hr [P, H]``. Source: Sak, Senior, Beaufays 2014, arXiv 1402.1128, without its second, non-recurrent projection and its
peepholes, as in torch.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("lstmp")
>>> shapes = cell.parameter_shapes(input_size=3, hidden_size=5, proj_size=2)
>>> shapes["weight_hh"], shapes["weight_hr"], cell.state_sizes(input_size=3, hidden_size=5, proj_size=2)
((20, 2), (2, 5), {'h': 2, 'c': 5})
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import BIAS_IH, Cell, Parameter, Size
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["LSTMP"]

GATES = ("i", "f", "g", "o")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, c_prev: FloatArray, *,
    masks: StepMasks = NO_STEP_MASKS,
) -> tuple[FloatArray, States, Arrays]:  # fmt: skip
    """One step forward: ``x[t] [B, I]``, ``h[t-1] [B, P]`` and ``c[t-1] [B, H]`` give ``h[t]``, ``c[t]`` and the gates."""
    W, U, b, R = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"], params["weight_hr"]
    a = split(x @ W.T + (masks.state * h_prev) @ U.T + b, GATES)
    i, f, o = sigmoid(a["i"]), sigmoid(a["f"]), sigmoid(a["o"])
    g = tanh(a["g"])
    c = f * c_prev + i * (masks.candidate * g)
    m = o * tanh(c)
    h = m @ R.T
    return h, (h, c), {"i": i, "f": f, "g": g, "o": o}


def step_backward(
    cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray, dc: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` and ``δc[t]`` give ``δx[t]``, ``δh[t-1]``, ``δc[t-1]`` and the parameters' gradients."""
    W, U, R = params["weight_ih"], params["weight_hh"], params["weight_hr"]
    (h_prev, c_prev), (_, c), mask = now.before, now.made, now.masks
    i, f, g, o = (now.gates[gate] for gate in GATES)
    y = tanh(c)
    dm = dh @ R
    dR = dh.T @ (o * y)
    dc = dc + dm * o * (1 - y**2)
    di, dg, df, do = dc * (mask.candidate * g), mask.candidate * (dc * i), dc * c_prev, dm * y
    dc_prev = dc * f
    da = {"i": di * i * (1 - i), "f": df * f * (1 - f), "g": dg * (1 - g**2), "o": do * o * (1 - o)}
    da = stack(da, GATES)
    dh_prev = mask.state * (da @ U)
    dx = da @ W
    dW, dU, db = da.T @ now.x, da.T @ (mask.state * h_prev), da.sum(0)
    grads = {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db, "weight_hr": dR, "c": dc}
    return (dh_prev, dc_prev), grads


LSTMP = Cell(
    name="lstmp",
    title="LSTM with a projected hidden state",
    gates=GATES,
    states=("h", "c"),
    recurrence="one_product",
    source="Sak, Senior, Beaufays 2014, arXiv 1402.1128",
    step=step,
    step_backward=step_backward,
    parameters=(
        Parameter("weight_ih", ("G*H", "I")),
        Parameter("weight_hh", ("G*H", "P")),
        BIAS_IH,
        Parameter("bias_hh", ("G*H",)),
        Parameter("weight_hr", ("P", "H")),
    ),
    sizes=(Size("proj_size", "P", "hidden_size"),),
    state_shapes={"h": "P"},
    keeps="f",
    writes="i",
    candidate="g",
)
