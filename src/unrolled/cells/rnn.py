r"""The simple recurrent network (Elman network).

.. math::
   a[t] = W x[t] + U h[t-1] + b, \qquad h[t] = \varphi(a[t])

with :math:`\varphi` = tanh, ReLU or the identity. Backward, with :math:`\delta h[t]` the whole gradient that reaches
:math:`h[t]`, from the loss at :math:`t` and from step :math:`t+1`:

.. math::
   \delta a[t] = \varphi'(a[t]) \circ \delta h[t], \quad
   \delta h[t-1] = U^T \delta a[t], \quad \delta x[t] = W^T \delta a[t]

.. math::
   dW = \sum_t \delta a[t]\, x[t]^T, \quad dU = \sum_t \delta a[t]\, h[t-1]^T, \quad db = \sum_t \delta a[t]

Shapes: ``x[t] [B, I]``, ``h[t] [B, H]``, ``W [H, I]``, ``U [H, H]``, ``b [H]``; ``b`` is ``bias_ih + bias_hh``.
Source: Elman 1990, "Finding structure in time", Cognitive Science 14; the ReLU form: Le, Jaitly,
Hinton 2015, arXiv 1504.00941.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("rnn_tanh")
>>> params = {name: np.ones(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> h, (last,), tape = cell.forward(params, np.array([-2.0, 1.0]).reshape(2, 1, 1))
>>> h.ravel()      # tanh(-2 + 0 + 1 + 1) = 0, tanh(1 + 0 + 1 + 1) = 0.995
array([0.        , 0.99505475])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["IRNN", "RNN_IDENTITY", "RNN_RELU", "RNN_TANH"]


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t] [B, H]``."""
    W, U, b = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"]
    (phi,) = cell.functions
    h_prev = masks.state * h_prev
    a = x @ W.T + h_prev @ U.T + b
    h = phi(a)
    return h, (h,), {"h": h}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    (phi,) = cell.activations
    (h_prev,), (h,), masks = now.before, now.made, now.masks
    h_prev = masks.state * h_prev
    da = phi.slope(h) * dh
    dx = da @ W
    dh_prev = da @ U
    dW = da.T @ now.x
    dU = da.T @ h_prev
    db = da.sum(0)
    return (masks.state * dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db}


def rnn(name: str, title: str, source: str, phi: str, start: Literal["uniform", "identity"] = "uniform") -> Cell:
    """Describe the simple recurrent cell whose activation function is ``phi``."""
    return Cell(
        name=name,
        title=title,
        gates=("h",),
        states=("h",),
        recurrence="one_product",
        elementwise=True,
        source=source,
        step=step,
        step_backward=step_backward,
        activations=(Activation(phi),),
        start=start,
    )


RNN_TANH = rnn("rnn_tanh", "RNN with tanh", "Elman 1990, Cognitive Science 14", "tanh")
RNN_RELU = rnn("rnn_relu", "RNN with ReLU", "Le, Jaitly, Hinton 2015, arXiv 1504.00941", "relu")
RNN_IDENTITY = rnn("rnn_identity", "linear RNN", "Elman 1990, with a linear hidden layer", "identity")
IRNN = rnn(
    "irnn", "IRNN: ReLU, U starts as the identity", "Le, Jaitly, Hinton 2015, arXiv 1504.00941", "relu", "identity"
)
