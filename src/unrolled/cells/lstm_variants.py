r"""LSTMs with peepholes, with coupled gates (CIFG), and with both.

.. math::
   i, f = \sigma(a_i + p_i \circ c[t-1],\; a_f + p_f \circ c[t-1]), \quad g = \tanh(a_g), \quad
   a_* = W_* x[t] + U_* h[t-1] + b_*

.. math::
   c[t] = f \circ c[t-1] + i \circ g, \quad o = \sigma(a_o + p_o \circ c[t]), \quad h[t] = o \circ \tanh(c[t])

Peepholes ``p`` let the gates see the cell state: input and forget gate the old one, the output gate the new one. With
coupled
gates :math:`f = 1 - i`: there is no :math:`a_f`, and the cell forgets as much as it lets in. Backward, with
:math:`\delta h[t]`
and :math:`\delta c[t]` already including what comes from step :math:`t+1`:

.. math::
   \delta a_o = \delta h \circ \tanh(c) \circ o \circ (1-o), \quad
   \delta c \mathrel{+}= \delta h \circ o \circ (1 - \tanh(c)^2) + p_o \circ \delta a_o

.. math::
   \delta i = \delta c \circ g \;\text{ or, coupled, }\; \delta c \circ (g - c[t-1]), \quad
   \delta f = \delta c \circ c[t-1], \quad \delta g = \delta c \circ i

.. math::
   \delta c[t-1] = \delta c \circ f + p_i \circ \delta a_i + p_f \circ \delta a_f, \quad
   dp_s = \sum_t \delta a_s \circ c[t-1] \text{ for } s = i, f, \quad dp_o = \sum_t \delta a_o \circ c[t]

and everything else as in the LSTM. Shapes as in the LSTM, with three blocks of rows in the order i, g, o where gates are
coupled; ``p`` is ``weight_ch [3H]`` in the order i, f, o, or ``[2H]`` in the order i, o.
Sources: Gers, Schraudolph, Schmidhuber 2002, JMLR 3; coupled gates: Greff et al. 2015, arXiv 1503.04069, where the input gate
is ``1 - f``: the same cell with the sign of the gate's weights flipped. Here, as in ONNX, it is the input gate that has
weights.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("lstm_peephole")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["weight_ch"][1] = np.log(3)      # a full memory keeps itself: f = 3/4 where c = 1
>>> h, (h_last, c_last), tape = cell.forward(params, np.zeros((1, 1, 1)), (np.zeros((1, 1)), np.ones((1, 1))))
>>> c_last.item()
0.75
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import GATE_PARAMETERS, Cell, Parameter
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["LSTM_CIFG", "LSTM_PEEPHOLE", "LSTM_PEEPHOLE_CIFG"]


def peepholes(cell: Cell, params: Mapping[str, FloatArray]) -> Arrays:
    """``p`` of the gates that have one; empty for a cell without peepholes."""
    if "weight_ch" not in params:
        return {}
    return split(params["weight_ch"], tuple(gate for gate in cell.gates if gate != "g"))


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, c_prev: FloatArray, *,
    masks: StepMasks = NO_STEP_MASKS,
) -> tuple[FloatArray, States, Arrays]:  # fmt: skip
    """One step forward: ``x[t] [B, I]``, ``h[t-1]`` and ``c[t-1] [B, H]`` give ``h[t]``, ``c[t]`` and the gates."""
    W, U, b = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"]
    sigma, phi, psi = cell.functions
    p = peepholes(cell, params)
    a = split(x @ W.T + (masks.state * h_prev) @ U.T + b, cell.gates)
    seen = {gate: a[gate] + p[gate] * c_prev if gate in p else a[gate] for gate in a if gate != "o"}
    gates = {gate: sigma(seen[gate]) for gate in seen if gate != "g"}
    i, f = gates["i"], gates.get("f", 1 - gates["i"])
    g = phi(a["g"])
    c = f * c_prev + i * (masks.candidate * g)
    o = sigma(a["o"] + p["o"] * c if p else a["o"])
    h = o * psi(c)
    return h, (h, c), {**gates, "g": g, "o": o}


def step_backward(
    cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray, dc: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` and ``δc[t]`` give ``δx[t]``, ``δh[t-1]``, ``δc[t-1]`` and the parameters' gradients."""
    W, U = params["weight_ih"], params["weight_hh"]
    sigma, phi, psi = cell.activations
    p, mask = peepholes(cell, params), now.masks
    (h_prev, c_prev), (_, c) = now.before, now.made
    i, g, o = (now.gates[gate] for gate in "igo")
    coupled = "f" not in now.gates
    f = 1 - i if coupled else now.gates["f"]
    y = psi(c)
    da_o = dh * y * sigma.slope(o)
    dc = dc + dh * o * psi.slope(y)
    dc = dc + p["o"] * da_o if p else dc
    proposed = mask.candidate * g
    di = dc * (proposed - c_prev) if coupled else dc * proposed
    df, dg = dc * c_prev, mask.candidate * (dc * i)
    da = {"i": di * sigma.slope(i), "f": df * sigma.slope(f), "g": dg * phi.slope(g), "o": da_o}
    dc_prev = dc * f + sum(p[gate] * da[gate] for gate in p if gate != "o")
    dp = {gate: (da[gate] * (c if gate == "o" else c_prev)).sum(0) for gate in p}
    stacked = stack(da, cell.gates)
    dh_prev = mask.state * (stacked @ U)
    dx = stacked @ W
    dW, dU, db = stacked.T @ now.x, stacked.T @ (mask.state * h_prev), stacked.sum(0)
    grads = {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db, "c": dc}
    return (dh_prev, dc_prev), {**grads, "weight_ch": stack(dp, tuple(p))} if p else grads


def variant(name: str, title: str, source: str, gates: tuple[str, ...], *own: Parameter) -> Cell:
    """Describe one of the three variants by its gates, and its peepholes if it has any."""
    return Cell(
        name=name,
        title=title,
        gates=gates,
        states=("h", "c"),
        recurrence="one_product",
        elementwise=True,
        source=source,
        step=step,
        step_backward=step_backward,
        parameters=(*GATE_PARAMETERS, *own),
        keeps="f" if "f" in gates else "-i",
        writes="i" if "f" in gates else "",
        candidate="g",
        activations=(Activation("sigmoid"), Activation("tanh"), Activation("tanh")),
    )


LSTM_PEEPHOLE = variant(
    "lstm_peephole", "LSTM with peepholes", "Gers, Schraudolph, Schmidhuber 2002, JMLR 3", ("i", "f", "g", "o"),
    Parameter("weight_ch", ("3*H",)),
)  # fmt: skip
LSTM_CIFG = variant(
    "lstm_cifg", "LSTM with coupled gates (CIFG)", "Greff et al. 2015, arXiv 1503.04069", ("i", "g", "o")
)
LSTM_PEEPHOLE_CIFG = variant(
    "lstm_peephole_cifg", "LSTM with peepholes and coupled gates", "Gers et al. 2002; Greff et al. 2015", ("i", "g", "o"),
    Parameter("weight_ch", ("2*H",)),
)  # fmt: skip
