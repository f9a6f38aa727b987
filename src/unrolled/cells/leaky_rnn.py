r"""Leaky, or continuous-time, recurrent network: at each step the state moves part of the way.

.. math::
   n = \varphi(W x[t] + U h[t-1] + b), \qquad h[t] = (1-\alpha) \circ h[t-1] + \alpha \circ n

with :math:`\varphi` = tanh unless another one is chosen, and :math:`\alpha = \Delta t / \tau` the time step over a unit's
time constant. Backward, with :math:`\delta h[t]` the whole gradient that reaches :math:`h[t]`:

.. math::
   \delta n = \alpha \circ \delta h, \quad \delta a = \varphi'(a) \circ \delta n, \quad
   \delta h[t-1] = (1-\alpha) \circ \delta h + U^T \delta a, \quad \delta x[t] = W^T \delta a

.. math::
   dW = \sum_t \delta a\, x[t]^T, \quad dU = \sum_t \delta a\, h[t-1]^T, \quad db = \sum_t \delta a, \quad
   d\alpha = \sum_t \delta h \circ (n - h[t-1])

Shapes: ``x[t] [B, I]``, ``h[t]`` and ``n [B, H]``, ``W [H, I]``, ``U [H, H]``, ``alpha [H]``; ``b`` is
``bias_ih + bias_hh``. Texts on neural circuits write the same with the activation function outside of the sum they integrate;
this is the form with the rate as the state.
Source: Funahashi, Nakamura 1993, Neural Networks 6(6).

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("leaky_rnn")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["alpha"][:] = 0.5
>>> h, (last,), tape = cell.forward(params, np.zeros((3, 1, 1)), (np.ones((1, 1)),))
>>> h.ravel()      # without input the state leaks away
array([0.5  , 0.25 , 0.125])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import GATE_PARAMETERS, Cell, Parameter
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["LEAKY_RNN"]


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the candidate."""
    W, U, b, alpha = params["weight_ih"], params["weight_hh"], params["bias_ih"] + params["bias_hh"], params["alpha"]
    (phi,) = cell.functions
    n = phi(x @ W.T + (masks.state * h_prev) @ U.T + b)
    h = (1 - alpha) * h_prev + alpha * (masks.candidate * n)
    return h, (h,), {"n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U, alpha = params["weight_ih"], params["weight_hh"], params["alpha"]
    (phi,) = cell.activations
    (h_prev,), n, mask = now.before, now.gates["n"], now.masks
    da = phi.slope(n) * (mask.candidate * (alpha * dh))
    dh_prev = (1 - alpha) * dh + mask.state * (da @ U)
    dx = da @ W
    dW, dU, db = da.T @ now.x, da.T @ (mask.state * h_prev), da.sum(0)
    dalpha = (dh * (mask.candidate * n - h_prev)).sum(0)
    return (dh_prev,), {"x": dx, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db, "alpha": dalpha}


LEAKY_RNN = Cell(
    name="leaky_rnn",
    title="leaky RNN",
    gates=("n",),
    states=("h",),
    recurrence="one_product",
    elementwise=True,
    source="Funahashi, Nakamura 1993, Neural Networks 6",
    step=step,
    step_backward=step_backward,
    parameters=(*GATE_PARAMETERS, Parameter("alpha", ("H",))),
    candidate="n",
    activations=(Activation("tanh"),),
)
