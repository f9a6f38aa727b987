r"""sLSTM: an LSTM with exponential gates, a normaliser ``n`` and a stabiliser ``m``.

.. math::
   m[t] = \max(\log \sigma(a_f) + m[t-1],\; a_i), \quad i = e^{a_i - m[t]}, \quad
   f = e^{\log \sigma(a_f) + m[t-1] - m[t]}, \quad a_* = W_* x[t] + U_* h[t-1] + b_*

.. math::
   z = \tanh(a_z), \quad c[t] = f \circ c[t-1] + i \circ z, \quad n[t] = f \circ n[t-1] + i, \quad
   h[t] = \sigma(a_o) \circ c[t] / n[t]

Input gate ``i`` and forget gate ``f``, both as stabilised, candidate ``z``, output gate ``o``. ``c`` and ``n`` are both
scaled by :math:`e^{-m}`, which cancels in ``h``: that is why the paper holds ``m`` constant in the backward pass. Here the
gradient goes through ``m`` as well, so that gradients of ``c``, ``n`` and ``m`` themselves are also right; all other
gradients are the same. Backward, with :math:`\delta h[t]`, :math:`\delta c[t]`, :math:`\delta n[t]` and
:math:`\delta m[t]` already including what comes from step :math:`t+1`:

.. math::
   \delta o = \delta h \circ c/n, \quad \delta c \mathrel{+}= \delta h \circ o / n, \quad
   \delta n \mathrel{-}= \delta h \circ o \circ c / n^2

.. math::
   \delta i = \delta c \circ z + \delta n, \quad \delta f = \delta c \circ c[t-1] + \delta n \circ n[t-1], \quad
   \delta z = \delta c \circ i, \quad \delta c[t-1] = \delta c \circ f, \quad \delta n[t-1] = \delta n \circ f

.. math::
   \delta m \mathrel{-}= \delta i \circ i + \delta f \circ f, \quad
   \delta a_i = \delta i \circ i + [m = a_i]\, \delta m, \quad
   \delta m[t-1] = \delta f \circ f + [m \neq a_i]\, \delta m, \quad
   \delta a_f = \delta m[t-1] \circ (1 - \sigma(a_f))

Shapes: ``x[t] [B, I]``, every state and gate ``[B, H]``, ``W [4H, I]``, ``b [4H]`` with the gates' blocks in the order of
``GATES``; ``b`` is ``bias_ih + bias_hh``. Units form heads of :math:`S` units, and a unit sees the states of its own head
only: row ``k`` of ``U [4H, S]`` has its weights of those. ``m`` starts at :math:`-\infty`.
Source: Beck et al. 2024, arXiv 2405.04517, with the sigmoid as forget gate; the paper also allows an exponential one.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("slstm")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> params["bias_ih"][:] = 0, 0, np.inf, np.inf      # z = o = 1: c and n are the same sums, h is their ratio
>>> h, (_, c, n, m), tape = cell.forward(params, np.zeros((3, 1, 1)))
>>> h.ravel(), n.item()
(array([1., 1., 1.]), 1.75)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.cells.activation import exp, log_sigmoid, maximum, sigmoid, tanh
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import BIAS_IH, Cell, Parameter, Size
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks
from unrolled.cells.unroll import Step

__all__ = ["SLSTM"]

GATES = ("i", "f", "z", "o")


def by_head(U: FloatArray) -> FloatArray:
    """``U [4H, S]`` as ``[heads, 4, S, S]``: what a head's states mean for the gates of its units."""
    S = U.shape[1]
    return U.reshape(len(GATES), len(U) // (S * len(GATES)), S, S).swapaxes(0, 1)


def met_by_heads(U: FloatArray, h: FloatArray) -> FloatArray:
    """``U h``, ``[B, 4H]``: every head's block times its own part of ``h [B, H]``."""
    heads = by_head(U)
    parts = h.reshape(len(h), len(heads), 1, U.shape[1], 1)  # [B, heads, 1, S, 1]
    return (heads @ parts)[..., 0].swapaxes(1, 2).reshape(len(h), len(U))


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, h_prev: FloatArray, c_prev: FloatArray, n_prev: FloatArray,
    m_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS,
) -> tuple[FloatArray, States, Arrays]:  # fmt: skip
    """One step forward: ``x[t] [B, I]`` and the four states ``[B, H]`` give ``h[t]``, the states and the gates."""
    b = params["bias_ih"] + params["bias_hh"]
    a = split(x @ params["weight_ih"].T + met_by_heads(params["weight_hh"], masks.state * h_prev) + b, GATES)
    kept = log_sigmoid(a["f"]) + m_prev
    m = maximum(kept, a["i"])
    i, f = exp(a["i"] - m), exp(kept - m)
    z, o = tanh(a["z"]), sigmoid(a["o"])
    c = f * c_prev + i * (masks.candidate * z)
    n = f * n_prev + i
    h = o * c / n
    return h, (h, c, n, m), {"i": i, "f": f, "z": z, "o": o, "forgotten": sigmoid(-a["f"])}


def step_backward(
    cell: Cell,
    params: Mapping[str, FloatArray],
    now: Step,
    dh: FloatArray,
    dc: FloatArray,
    dn: FloatArray,
    dm: FloatArray,
) -> tuple[States, Arrays]:
    """One step back: the gradients of ``h[t]`` and the memory give those before the step and the parameters' gradients."""
    W, U = params["weight_ih"], params["weight_hh"]
    (h_prev, c_prev, n_prev, _), (_, c, n, _), mask = now.before, now.made, now.masks
    i, f, z, o = (now.gates[gate] for gate in GATES)
    do = dh * c / n
    dc = dc + dh * o / n
    dn = dn - dh * o * c / n**2
    di, df = dc * (mask.candidate * z) + dn, dc * c_prev + dn * n_prev
    dz = mask.candidate * (dc * i)
    dm = dm - di * i - df * f
    input_leads = i == 1
    da_i = di * i + np.where(input_leads, dm, 0)
    dm_prev = df * f + np.where(input_leads, 0, dm)
    da = {"i": da_i, "f": dm_prev * now.gates["forgotten"], "z": dz * (1 - z**2), "o": do * o * (1 - o)}
    da = stack(da, GATES)
    heads, met = by_head(U), mask.state * h_prev
    met = met.reshape(len(met), len(heads), U.shape[1])  # [B, heads, S]
    da_heads = da.reshape(len(da), len(GATES), len(heads), U.shape[1])  # [B, 4, heads, S]
    dh_prev = mask.state * np.einsum("bgks,kgsj->bkj", da_heads, heads).reshape(h_prev.shape)
    dU = np.einsum("bgks,bkj->gksj", da_heads, met).reshape(U.shape)
    dW, db = da.T @ now.x, da.sum(0)
    grads = {"x": da @ W, "weight_ih": dW, "weight_hh": dU, "bias_ih": db, "bias_hh": db, "c": dc, "n": dn, "m": dm}
    return (dh_prev, dc * f, dn * f, dm_prev), grads


SLSTM = Cell(
    name="slstm",
    title="sLSTM",
    gates=GATES,
    states=("h", "c", "n", "m"),
    recurrence="one_product",
    source="Beck et al. 2024, arXiv 2405.04517",
    step=step,
    step_backward=step_backward,
    parameters=(
        Parameter("weight_ih", ("G*H", "I")),
        Parameter("weight_hh", ("G*H", "S")),
        BIAS_IH,
        Parameter("bias_hh", ("G*H",)),
    ),
    sizes=(Size("head_size", "S", "hidden_size"),),
    initial={"m": -np.inf},
    keeps="f",
    writes="i",
    candidate="z",
)
