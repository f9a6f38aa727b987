r"""The simple recurrent network (Elman network).

.. math::
   a[t] = W x[t] + U h[t-1] + b, \qquad h[t] = \varphi(a[t])

with :math:`\varphi` = tanh, ReLU or the identity. Backward, with :math:`\delta h[t]` holding all that comes to
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

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from unrolled.cells.activation import relu
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell
from unrolled.cells.unroll import Step

__all__ = ["RNN_IDENTITY", "RNN_RELU", "RNN_TANH"]

Function = Callable[[FloatArray], FloatArray]


def step(phi: Function, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray) -> tuple[States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t] [B, H]``."""
    W, U, b = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"]
    a = x @ W.T + h_prev @ U.T + b
    h = phi(a)
    return (h,), {"h": h}


def step_backward(
    slope: Function, params: Mapping[str, FloatArray], now: Step, dh: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's share of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    (h_prev,), (h,) = now.before, now.after
    da = slope(h) * dh
    dx = da @ W
    dh_prev = da @ U
    dW = da.T @ now.x
    dU = da.T @ h_prev
    db = da.sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db}


def tanh_slope(h: FloatArray) -> FloatArray:
    """``φ'(a) = 1 - tanh(a)²``, from ``h = tanh(a)``."""
    return 1 - h**2


def relu_slope(h: FloatArray) -> FloatArray:
    """``φ'(a)``, from ``h = max(a, 0)``: 1 where ``a > 0``, 0 elsewhere."""
    return np.sign(h)


def identity(a: FloatArray) -> FloatArray:
    """``φ(a) = a``: a linear recurrence."""
    return a


def identity_slope(h: FloatArray) -> FloatArray:
    """``φ'(a) = 1``."""
    return np.ones_like(h)


def rnn(name: str, title: str, source: str, phi: Function, slope: Function) -> Cell:
    """Describe the simple recurrent cell whose activation function is ``phi``."""
    return Cell(
        name=name,
        title=title,
        gates=("h",),
        states=("h",),
        recurrence="one_product",
        source=source,
        step=partial(step, phi),
        step_backward=partial(step_backward, slope),
    )


RNN_TANH = rnn("rnn_tanh", "RNN with tanh", "Elman 1990, Cognitive Science 14", np.tanh, tanh_slope)
RNN_RELU = rnn("rnn_relu", "RNN with ReLU", "Le, Jaitly, Hinton 2015, arXiv 1504.00941", relu, relu_slope)
RNN_IDENTITY = rnn("rnn_identity", "linear RNN", "Elman 1990, with a linear hidden layer", identity, identity_slope)
