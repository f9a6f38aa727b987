r"""Layer-norm GRU: gates and candidate are normalised separately, and so are the parts from the input and from the
state.

.. math::
   r, z = \sigma(w_x \circ N(W_{r,z} x[t]) + b_x + w_h \circ N(U_{r,z} h[t-1]) + b_h)

.. math::
   n = \tanh(w_x \circ N(W_n x[t]) + b_x + r \circ (w_h \circ N(U_n h[t-1]) + b_h)), \qquad
   h[t] = (1-z) \circ n + z \circ h[t-1]

with the normalisation :math:`N` of :mod:`unrolled.cells.layer_norm`, over the :math:`2H` numbers of both gates together and over
the :math:`H` of the candidate; ``w`` and ``b`` have a number for each of the :math:`3H`. Backward, with :math:`\delta h[t]`
the whole gradient that reaches :math:`h[t]`, as in the GRU down to the pre-activations, then

.. math::
   \delta(W x) = N'^T(w_x \circ \delta a), \quad \delta(U h) = N'^T(w_h \circ \delta u), \quad
   dw_x = \sum_t \delta a \circ N(W x), \quad dw_h = \sum_t \delta u \circ N(U h)

where :math:`\delta u = \delta a` for the gates and :math:`\delta a_n \circ r` for the candidate.
Shapes: ``W [3H, I]``, ``U [3H, H]`` in the order of ``GATES``; ``w_x`` is ``weight_ln_ih``, ``w_h`` is ``weight_ln_hh``, ``b_x``
is ``bias_ih`` and ``b_h`` is ``bias_hh``, each ``[3H]``.
Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450, equations 26 to 28. Another cell in use (Haste) normalises all
:math:`3H` jointly, which gives different results.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("gru_layer_norm")
>>> params = {name: np.ones(shape) for name, shape in cell.parameter_shapes(input_size=2, hidden_size=3).items()}
>>> x = np.array([1.0, 2.0]).reshape(1, 1, 2)
>>> np.array_equal(cell.forward(params, x)[0], cell.forward(params, 1000 * x)[0])      # the scale does not matter
True
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.cells.activation import sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import GATE_PARAMETERS, Cell, Parameter
from unrolled.cells.gates import split
from unrolled.cells.layer_norm import normalise, normalise_backward
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["GRU_LAYER_NORM"]

GATES = ("r", "z", "n")


def normalised(a: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """``N`` of both gates together and of the candidate ``[B, 2H]``, ``[B, H]``, and what each was divided by, inverted."""
    H = a.shape[-1] // 3
    (gates, gate_factor), (candidate, factor) = normalise(a[..., : 2 * H]), normalise(a[..., 2 * H :])
    return gates, candidate, gate_factor, factor


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``h[t-1] [B, H]`` give ``h[t]`` and the gates."""
    w_x, w_h, b_x, b_h = (split(params[name], GATES) for name in ("weight_ln_ih", "weight_ln_hh", "bias_ih", "bias_hh"))
    x_gates, x_n, *_ = normalised(x @ params["weight_ih"].T)
    h_gates, h_n, *_ = normalised((masks.state * h_prev) @ params["weight_hh"].T)
    from_x, from_h = split(x_gates, ("r", "z")), split(h_gates, ("r", "z"))
    r, z = (sigmoid(w_x[s] * from_x[s] + b_x[s] + w_h[s] * from_h[s] + b_h[s]) for s in "rz")
    n = tanh(w_x["n"] * x_n + b_x["n"] + r * (w_h["n"] * h_n + b_h["n"]))
    h = (1 - z) * (masks.candidate * n) + z * h_prev
    return h, (h,), {"r": r, "z": z, "n": n}


def step_backward(cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` gives ``δx[t]``, ``δh[t-1]`` and this step's part of each parameter's gradient."""
    W, U = params["weight_ih"], params["weight_hh"]
    (h_prev,), mask = now.before, now.masks
    r, z, n = (now.gates[gate] for gate in GATES)
    H, met = h_prev.shape[1], mask.state * h_prev
    x_gates, x_n, x_gate_factor, x_factor = normalised(now.x @ W.T)
    h_gates, h_n, h_gate_factor, h_factor = normalised(met @ U.T)
    dn = mask.candidate * (dh * (1 - z))
    dz = dh * (h_prev - mask.candidate * n)
    da_n = dn * (1 - n**2)
    dr = da_n * (params["weight_ln_hh"][2 * H :] * h_n + params["bias_hh"][2 * H :])
    da_gates = np.concatenate([dr * r * (1 - r), dz * z * (1 - z)], 1)
    da, du = np.concatenate([da_gates, da_n], 1), np.concatenate([da_gates, da_n * r], 1)
    grad_x, grad_h = params["weight_ln_ih"] * da, params["weight_ln_hh"] * du
    dWx = np.concatenate([
        normalise_backward(grad_x[:, : 2 * H], x_gates, x_gate_factor), normalise_backward(grad_x[:, 2 * H :], x_n, x_factor)
    ], 1)  # fmt: skip
    dUh = np.concatenate([
        normalise_backward(grad_h[:, : 2 * H], h_gates, h_gate_factor), normalise_backward(grad_h[:, 2 * H :], h_n, h_factor)
    ], 1)  # fmt: skip
    dh_prev = dh * z + mask.state * (dUh @ U)
    return (dh_prev,), {
        "x": dWx @ W, "weight_ih": dWx.T @ now.x, "weight_hh": dUh.T @ met, "bias_ih": da.sum(0), "bias_hh": du.sum(0),
        "weight_ln_ih": (da * np.concatenate([x_gates, x_n], 1)).sum(0),
        "weight_ln_hh": (du * np.concatenate([h_gates, h_n], 1)).sum(0),
    }  # fmt: skip


GRU_LAYER_NORM = Cell(
    name="gru_layer_norm",
    title="GRU with layer normalisation",
    gates=GATES,
    states=("h",),
    recurrence="one_product",
    source="Ba, Kiros, Hinton 2016, arXiv 1607.06450",
    step=step,
    step_backward=step_backward,
    parameters=(*GATE_PARAMETERS, Parameter("weight_ln_ih", ("G*H",)), Parameter("weight_ln_hh", ("G*H",))),
    keeps="z",
    candidate="n",
)
