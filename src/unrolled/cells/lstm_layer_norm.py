r"""Layer-norm LSTM: both parts of the pre-activations are normalised over all gates together, and so is ``c`` for the
output.

.. math::
   a = w_x \circ N(W x[t]) + b_x + w_h \circ N(U h[t-1]) + b_h, \quad
   i, f, o = \sigma(a_i, a_f, a_o), \quad g = \tanh(a_g)

.. math::
   c[t] = f \circ c[t-1] + i \circ g, \qquad h[t] = o \circ \tanh(w_c \circ N(c[t]) + b_c)

with the normalisation :math:`N` of :mod:`unrolled.cells.layer_norm`; the cell state passed on is not normalised.
Backward, with :math:`\delta h[t]` and :math:`\delta c[t]` already including what comes from step :math:`t+1` and
:math:`y = \tanh(w_c \circ N(c) + b_c)`:

.. math::
   \delta o = \delta h \circ y, \quad \delta q = \delta h \circ o \circ (1 - y^2), \quad
   \delta c \mathrel{+}= N'^T(w_c \circ \delta q), \quad dw_c = \sum_t \delta q \circ N(c), \quad db_c = \sum_t \delta q

.. math::
   \delta(W x) = N'^T(w_x \circ \delta a), \quad \delta(U h) = N'^T(w_h \circ \delta a), \quad
   dw_x = \sum_t \delta a \circ N(W x), \quad dw_h = \sum_t \delta a \circ N(U h)

and from :math:`\delta c` to :math:`\delta a` as in the LSTM; :math:`\delta h[t-1] = U^T \delta(U h)` and so on.
Shapes: ``W [4H, I]``, ``U [4H, H]`` in the order of ``GATES``; ``w_x`` is ``weight_ln_ih [4H]``, ``w_h`` is ``weight_ln_hh
[4H]``, ``b_x`` and ``b_h`` are ``bias_ih`` and ``bias_hh [4H]``, ``w_c`` is ``weight_ln_c [H]``, ``b_c`` is ``bias_ln_c [H]``.
Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450, equations 20 to 22. Other code normalises gate by gate, or ``c`` itself.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("lstm_layer_norm")
>>> params = {name: np.ones(shape) for name, shape in cell.parameter_shapes(input_size=2, hidden_size=3).items()}
>>> x = np.array([1.0, 2.0]).reshape(1, 1, 2)
>>> np.array_equal(cell.forward(params, x)[0], cell.forward(params, 1000 * x)[0])      # the scale does not matter
True
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import GATE_PARAMETERS, Cell, Parameter
from unrolled.cells.gates import split, stack
from unrolled.cells.layer_norm import normalise, normalise_backward
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["LSTM_LAYER_NORM"]

GATES = ("i", "f", "g", "o")


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, c_prev: FloatArray, *,
    masks: StepMasks = NO_STEP_MASKS,
) -> tuple[FloatArray, States, Arrays]:  # fmt: skip
    """One step forward: ``x[t] [B, I]``, ``h[t-1]`` and ``c[t-1] [B, H]`` give ``h[t]``, ``c[t]`` and the gates."""
    from_x, _ = normalise(x @ params["weight_ih"].T)
    from_h, _ = normalise((masks.state * h_prev) @ params["weight_hh"].T)
    a = params["weight_ln_ih"] * from_x + params["bias_ih"] + params["weight_ln_hh"] * from_h + params["bias_hh"]
    a = split(a, GATES)
    i, f, o = sigmoid(a["i"]), sigmoid(a["f"]), sigmoid(a["o"])
    g = tanh(a["g"])
    c = f * c_prev + i * (masks.candidate * g)
    from_c, _ = normalise(c)
    h = o * tanh(params["weight_ln_c"] * from_c + params["bias_ln_c"])
    return h, (h, c), {"i": i, "f": f, "g": g, "o": o}


def step_backward(
    cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray, dc: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` and ``δc[t]`` give ``δx[t]``, ``δh[t-1]``, ``δc[t-1]`` and the parameters' gradients."""
    W, U = params["weight_ih"], params["weight_hh"]
    (h_prev, c_prev), (_, c), mask = now.before, now.made, now.masks
    i, f, g, o = (now.gates[gate] for gate in GATES)
    met = mask.state * h_prev
    (from_x, factor_x), (from_h, factor_h), (from_c, factor_c) = (normalise(a) for a in (now.x @ W.T, met @ U.T, c))
    y = tanh(params["weight_ln_c"] * from_c + params["bias_ln_c"])
    do = dh * y
    dq = dh * o * (1 - y**2)
    dc = dc + normalise_backward(params["weight_ln_c"] * dq, from_c, factor_c)
    di, dg, df = dc * (mask.candidate * g), mask.candidate * (dc * i), dc * c_prev
    dc_prev = dc * f
    da = {"i": di * i * (1 - i), "f": df * f * (1 - f), "g": dg * (1 - g**2), "o": do * o * (1 - o)}
    da = stack(da, GATES)
    dWx = normalise_backward(params["weight_ln_ih"] * da, from_x, factor_x)
    dUh = normalise_backward(params["weight_ln_hh"] * da, from_h, factor_h)
    dh_prev = mask.state * (dUh @ U)
    db = da.sum(0)
    return (dh_prev, dc_prev), {
        "x": dWx @ W, "weight_ih": dWx.T @ now.x, "weight_hh": dUh.T @ met, "bias_ih": db, "bias_hh": db, "c": dc,
        "weight_ln_ih": (da * from_x).sum(0), "weight_ln_hh": (da * from_h).sum(0),
        "weight_ln_c": (dq * from_c).sum(0), "bias_ln_c": dq.sum(0),
    }  # fmt: skip


LSTM_LAYER_NORM = Cell(
    name="lstm_layer_norm",
    title="LSTM with layer normalisation",
    gates=GATES,
    states=("h", "c"),
    recurrence="one_product",
    source="Ba, Kiros, Hinton 2016, arXiv 1607.06450",
    step=step,
    step_backward=step_backward,
    parameters=(
        *GATE_PARAMETERS,
        Parameter("weight_ln_ih", ("G*H",)),
        Parameter("weight_ln_hh", ("G*H",)),
        Parameter("weight_ln_c", ("H",)),
        Parameter("bias_ln_c", ("H",)),
    ),
    keeps="f",
    writes="i",
    candidate="g",
)
