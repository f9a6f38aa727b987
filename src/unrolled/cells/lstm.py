r"""Long short-term memory (LSTM).

.. math::
   i, f, o = \sigma(a_i, a_f, a_o), \quad g = \tanh(a_g), \quad a_* = W_* x[t] + U_* h[t-1] + b_*

.. math::
   c[t] = f \circ c[t-1] + i \circ g, \qquad h[t] = o \circ \tanh(c[t])

Input gate ``i``, forget gate ``f``, candidate ``g``, output gate ``o``. Backward, with :math:`\delta h[t]` and
:math:`\delta c[t]` already including what comes from step :math:`t+1`:

.. math::
   \delta o = \delta h \circ \tanh(c), \quad \delta c \mathrel{+}= \delta h \circ o \circ (1 - \tanh(c)^2)

.. math::
   \delta i = \delta c \circ g, \quad \delta g = \delta c \circ i, \quad
   \delta f = \delta c \circ c[t-1], \quad \delta c[t-1] = \delta c \circ f

.. math::
   \delta a_s = \delta s \circ s \circ (1-s) \text{ for } s = i, f, o, \quad \delta a_g = \delta g \circ (1 - g^2)

.. math::
   \delta h[t-1] = \sum_* U_*^T \delta a_*, \quad \delta x[t] = \sum_* W_*^T \delta a_*

.. math::
   dW_* = \sum_t \delta a_*[t]\, x[t]^T, \quad dU_* = \sum_t \delta a_*[t]\, h[t-1]^T, \quad db_* = \sum_t \delta a_*[t]

Shapes: ``x[t] [B, I]``, ``h[t]``, ``c[t]`` and every gate ``[B, H]``, ``W [4H, I]``, ``U [4H, H]``, ``b [4H]`` with the
gates' blocks in the order of ``GATES``; ``b`` is ``bias_ih + bias_hh``.
Source: Hochreiter, Schmidhuber 1997, Neural Computation 9(8); the forget gate: Gers, Schmidhuber, Cummins 2000,
Neural Computation 12(10).

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("lstm")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> c0 = np.ones((1, 1))
>>> h, (h_last, c_last), tape = cell.forward(params, np.zeros((3, 1, 1)), (np.zeros((1, 1)), c0))
>>> c_last.item()      # with all parameters 0 the forget gate is 1/2: the memory halves at each step
0.125
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["LSTM"]

GATES = ("i", "f", "g", "o")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, c_prev: FloatArray, *,
    masks: StepMasks = NO_STEP_MASKS,
) -> tuple[FloatArray, States, Arrays]:  # fmt: skip
    """One step forward: ``x[t] [B, I]``, ``h[t-1]`` and ``c[t-1] [B, H]`` give ``h[t]``, ``c[t]`` and the gates."""
    W, U, b = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"]
    sigma, phi, psi = cell.functions
    h_prev = masks.state * h_prev
    a = split(x @ W.T + h_prev @ U.T + b, GATES)
    i, f, o = sigma(a["i"]), sigma(a["f"]), sigma(a["o"])
    g = phi(a["g"])
    gates = {"i": i, "f": f, "g": g, "o": o}
    g = masks.candidate * g
    c = f * c_prev + i * g
    h = o * psi(c)
    return h, (h, c), gates


def step_backward(
    cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray, dc: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` and ``δc[t]`` give ``δx[t]``, ``δh[t-1]``, ``δc[t-1]`` and the parameters' gradients."""
    W, U = params["weight_ih"], params["weight_hh"]
    sigma, phi, psi = cell.activations
    (h_prev, c_prev), (_, c), masks = now.before, now.made, now.masks
    i, f, g, o = (now.gates[gate] for gate in "ifgo")
    h_prev, g = masks.state * h_prev, masks.candidate * g
    y = psi(c)
    do = dh * y
    dc = dc + dh * o * psi.slope(y)
    di, dg, df = dc * g, dc * i, dc * c_prev
    dc_prev = dc * f
    g, dg = now.gates["g"], masks.candidate * dg
    da = {"i": di * sigma.slope(i), "f": df * sigma.slope(f), "g": dg * phi.slope(g), "o": do * sigma.slope(o)}
    da = stack(da, GATES)
    dh_prev = da @ U
    dx = da @ W
    dW = da.T @ now.x
    dU = da.T @ h_prev
    db = da.sum(0)
    grads = {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db, "c": dc}
    return (masks.state * dh_prev, dc_prev), grads


LSTM = Cell(
    name="lstm",
    title="LSTM",
    gates=GATES,
    states=("h", "c"),
    recurrence="one_product",
    elementwise=True,
    source="Hochreiter, Schmidhuber 1997, Neural Computation 9(8); Gers, Schmidhuber, Cummins 2000",
    step=step,
    step_backward=step_backward,
    keeps="f",
    writes="i",
    candidate="g",
    activations=(Activation("sigmoid"), Activation("tanh"), Activation("tanh")),
)
