r"""Quasi-recurrent network (QRNN) with fo-pooling: gates by causal convolution over the last ``K`` inputs.

.. math::
   z, f, o = \tanh(a_z), \sigma(a_f), \sigma(a_o), \quad
   a_* = \sum_{k=1}^{K} W_*^k\, x[t-K+k] + b_*

.. math::
   c[t] = f \circ c[t-1] + (1-f) \circ z, \qquad h[t] = o \circ c[t]

Candidate ``z``, forget gate ``f``, output gate ``o``. The inputs before the present one are a second state, the window
:math:`w[t] = (x[t-K+2], \ldots, x[t])`, oldest first, so that :math:`a_* = W_* [w[t-1]; x[t]] + b_*`. Backward, with
:math:`\delta c[t]` and :math:`\delta w[t]` already including what comes from step :math:`t+1`:

.. math::
   \delta o = \delta h \circ c, \quad \delta c \mathrel{+}= \delta h \circ o, \quad
   \delta f = \delta c \circ (c[t-1] - z), \quad \delta z = \delta c \circ (1-f), \quad \delta c[t-1] = \delta c \circ f

.. math::
   \delta a_z = \delta z \circ (1 - z^2), \quad \delta a_s = \delta s \circ s \circ (1-s) \text{ for } s = f, o

.. math::
   [\delta w[t-1]; \delta x[t]] = \sum_* W_*^T \delta a_* + [0; \delta w[t]], \quad
   dW_* = \sum_t \delta a_*\, [w[t-1]; x[t]]^T, \quad db_* = \sum_t \delta a_*

With zoneout ``c[t]`` is what that leaves of the step, and ``h[t]`` is made of it.
Shapes: ``x[t] [B, I]``, ``h[t]``, ``c[t]`` and every gate ``[B, H]``, ``w[t] [B, (K-1)*I]``, ``W [3H, K*I]`` with the
gates' blocks in the order of ``GATES`` and the columns of the oldest input first, ``b [3H]``, which is ``bias_ih``.
Source: Bradbury, Merity, Xiong, Socher 2016, arXiv 1611.01576, section 2, without its f- and ifo-pooling. The paper prints
no biases, the code its authors published (pytorch-qrnn) has them; that code's ``F`` is ``1 - f``, its ``K`` 1 or 2, and its
columns of ``x[t]`` come first.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("qrnn")
>>> shapes = cell.parameter_shapes(input_size=1, hidden_size=1, kernel_width=3)
>>> params = {name: np.zeros(shape) for name, shape in shapes.items()}
>>> params["weight_ih"][0] = 100, 0, 0     # z is the sign of the input two steps ago, f and o are 1/2
>>> h, (c, window), tape = cell.forward(params, np.array([1.0, 0.0, 0.0, 5.0]).reshape(4, 1, 1))
>>> h.ravel(), window
(array([0.   , 0.   , 0.25 , 0.125]), array([[0., 5.]]))
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import BIAS_IH, Cell, Parameter, Size
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks, zoned
from unrolled.cells.unroll import Step

__all__ = ["QRNN"]

GATES = ("z", "f", "o")


def moved_on(window: FloatArray, x: FloatArray) -> FloatArray:
    """The window without its oldest input and with ``x`` as its newest."""
    width, inputs = window.shape[1], x.shape[1]
    kept = max(width - inputs, 0)
    moved = window * 1
    moved[:, :kept] = window[:, inputs:]
    moved[:, kept:] = x[:, : width - kept]
    return moved


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, c_prev: FloatArray, window: FloatArray, *,
    masks: StepMasks = NO_STEP_MASKS,
) -> tuple[FloatArray, States, Arrays]:  # fmt: skip
    """One step forward: ``x[t] [B, I]``, ``c[t-1] [B, H]`` and the window give ``h[t]``, ``c[t]``, its window and the gates."""
    W, width = params["weight_ih"], window.shape[1]
    a = split(window @ W[:, :width].T + x @ W[:, width:].T + params["bias_ih"], GATES)
    z, f, o = tanh(a["z"]), sigmoid(a["f"]), sigmoid(a["o"])
    new = f * c_prev + (1 - f) * (masks.candidate * z)
    c = zoned(masks.keep, c_prev, new)
    h = o * c
    return h, (c, moved_on(window, x)), {"z": z, "f": f, "o": o}


def step_backward(
    cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray, dc: FloatArray, dwindow: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]``, ``δc[t]`` and ``δw[t]`` give those of step ``t-1``, ``δx[t]`` and the parameters'
    gradients."""
    (c_prev, window), (c, _), mask = now.before, now.made, now.masks
    z, f, o = (now.gates[gate] for gate in GATES)
    do = dh * c
    dc = dc + dh * o
    dnew = (1 - mask.keep) * dc
    df, dz = dnew * (c_prev - mask.candidate * z), mask.candidate * (dnew * (1 - f))
    dc_prev = mask.keep * dc + dnew * f
    da = stack({"z": dz * (1 - z**2), "f": df * f * (1 - f), "o": do * o * (1 - o)}, GATES)
    seen, inputs = np.concatenate([window, now.x], 1), now.x.shape[1]
    dseen = da @ params["weight_ih"]
    dseen[:, inputs:] += dwindow
    dwindow_prev, dx = dseen[:, :-inputs], dseen[:, -inputs:]
    dW = da.T @ seen
    db = da.sum(0)
    return (dc_prev, dwindow_prev), {"x": dx, "weight_ih": dW, "bias_ih": db, "c": dc}


QRNN = Cell(
    name="qrnn",
    title="quasi-recurrent network, fo-pooling",
    gates=GATES,
    states=("c", "window"),
    recurrence="no_product",
    source="Bradbury et al. 2016, arXiv 1611.01576",
    step=step,
    step_backward=step_backward,
    parameters=(Parameter("weight_ih", ("G*H", "K*I")), BIAS_IH),
    sizes=(Size("kernel_width", "K", 2),),
    state_shapes={"window": "K-1*I"},
    keeps="f",
    candidate="z",
)
