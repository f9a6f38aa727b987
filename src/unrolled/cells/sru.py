r"""Simple recurrent unit (SRU), with a highway connection that carries the input past the cell.

.. math::
   f = \sigma(W_f x[t] + v_f \circ c[t-1] + b_f), \quad r = \sigma(W_r x[t] + v_r \circ c[t-1] + b_r), \quad
   n = W_n x[t]

.. math::
   c[t] = f \circ c[t-1] + (1-f) \circ n, \qquad h[t] = r \circ c[t] + (1-r) \circ k

with :math:`k = x[t]`, or :math:`k = W_k x[t]` where the sizes of ``x`` and ``h`` differ. Candidate ``n``, forget gate
``f``, reset gate ``r``, highway ``k``. Only ``c`` is passed on. Backward, with :math:`\delta c[t]` already including what comes
from step :math:`t+1`:

.. math::
   \delta r = \delta h \circ (c[t] - k), \quad \delta k = \delta h \circ (1-r), \quad
   \delta c \mathrel{+}= \delta h \circ r

.. math::
   \delta f = \delta c \circ (c[t-1] - n), \quad \delta n = \delta c \circ (1-f), \quad
   \delta a_s = \delta s \circ s \circ (1-s) \text{ for } s = f, r

.. math::
   \delta c[t-1] = \delta c \circ f + \delta a_f \circ v_f + \delta a_r \circ v_r, \quad
   dv_s = \sum_t \delta a_s \circ c[t-1], \quad db_s = \sum_t \delta a_s

.. math::
   \delta x[t] = \sum_* W_*^T \delta a_* + \delta k, \quad dW_* = \sum_t \delta a_*\, x[t]^T, \quad \delta a_n = \delta n

where with a fourth matrix the highway is one of the gates, :math:`\delta a_k = \delta k`, instead of a term of its own.

With zoneout ``c[t]`` is what that leaves of the step, and ``h[t]`` is made of it.
Shapes: ``x[t] [B, I]``, ``h[t]``, ``c[t]`` and every gate ``[B, H]``, ``W [3H, I]`` with ``I = H``, or ``[4H, I]``, with
the gates' blocks in the order of ``GATES``; ``v`` is ``weight_ch [2H]`` and ``b`` is ``bias_ih [2H]``, both of ``f`` and ``r``.
Source: Lei, Zhang, Wang, Dai, Artzi 2018, arXiv 1709.02755, version 5. Its first versions had no ``v`` and
``h = r∘tanh(c) + (1-r)∘x``. Its scaling correction, ``(1-r)∘x`` times a constant, which the authors' code applies on request,
is a matter of scaling ``x`` or ``W_k`` and is not part of this cell.

>>> import numpy as np
>>> from unrolled.cells import get_cell
>>> cell = get_cell("sru")
>>> params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes(input_size=1, hidden_size=1).items()}
>>> h, (last,), tape = cell.forward(params, np.ones((3, 1, 1)), (np.full((1, 1), 8.0),))
>>> h.ravel()      # with all parameters 0 the memory halves, and the output is its mean with the input
array([2.5, 1.5, 1. ])
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.cells.activation import sigmoid
from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.cell import Cell, Parameter
from unrolled.cells.gates import split, stack
from unrolled.cells.masks import NO_STEP_MASKS, StepMasks, zoned
from unrolled.cells.unroll import Step

__all__ = ["SRU", "SRU_HIGHWAY"]

GATES = ("n", "f", "r")
MEETING_C = ("f", "r")
PARAMETERS = (Parameter("weight_ih", ("G*H", "I")), Parameter("weight_ch", ("2*H",)), Parameter("bias_ih", ("2*H",)))


def step(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, c_prev: FloatArray, *, masks: StepMasks = NO_STEP_MASKS
) -> tuple[FloatArray, States, Arrays]:
    """One step forward: ``x[t] [B, I]`` and ``c[t-1] [B, H]`` give ``h[t]``, ``c[t]`` and the gates."""
    Wx = split(x @ params["weight_ih"].T, cell.gates)
    v, b = split(params["weight_ch"], MEETING_C), split(params["bias_ih"], MEETING_C)
    f = sigmoid(Wx["f"] + v["f"] * c_prev + b["f"])
    r = sigmoid(Wx["r"] + v["r"] * c_prev + b["r"])
    n, k = Wx["n"], Wx.get("k", x)
    new = f * c_prev + (1 - f) * (masks.candidate * n)
    c = zoned(masks.keep, c_prev, new)
    h = r * c + (1 - r) * k
    return h, (c,), {"n": n, "f": f, "r": r, "k": k}


def step_backward(
    cell: Cell, params: Mapping[str, FloatArray], now: Step, dh: FloatArray, dc: FloatArray
) -> tuple[States, Arrays]:
    """One step back: ``δh[t]`` and ``δc[t]`` give ``δx[t]``, ``δc[t-1]`` and the parameters' gradients."""
    v = split(params["weight_ch"], MEETING_C)
    (c_prev,), (c,), mask = now.before, now.made, now.masks
    n, f, r, k = (now.gates[name] for name in "nfrk")
    dr, dk = dh * (c - k), dh * (1 - r)
    dc = dc + dh * r
    dnew = (1 - mask.keep) * dc
    df, dn = dnew * (c_prev - mask.candidate * n), mask.candidate * (dnew * (1 - f))
    da = {"n": dn, "f": df * f * (1 - f), "r": dr * r * (1 - r), "k": dk}
    dc_prev = mask.keep * dc + dnew * f + da["f"] * v["f"] + da["r"] * v["r"]
    dv = stack({"f": da["f"] * c_prev, "r": da["r"] * c_prev}, MEETING_C).sum(0)
    db = stack(da, MEETING_C).sum(0)
    da = stack(da, cell.gates)
    dx = da @ params["weight_ih"] if "k" in cell.gates else da @ params["weight_ih"] + dk
    dW = da.T @ now.x
    return (dc_prev,), {"x": dx, "weight_ih": dW, "weight_ch": dv, "bias_ih": db, "c": dc}


def sru(name: str, title: str, gates: tuple[str, ...], *, square: bool) -> Cell:
    """Describe the unit whose highway is ``x`` itself, or one of the gates."""
    return Cell(
        name=name,
        title=title,
        gates=gates,
        states=("c",),
        recurrence="no_product",
        elementwise=True,
        source="Lei et al. 2018, arXiv 1709.02755v5",
        step=step,
        step_backward=step_backward,
        parameters=PARAMETERS,
        square=square,
        keeps="f",
        candidate="n",
        bias_gates=MEETING_C,
    )


SRU = sru("sru", "simple recurrent unit", GATES, square=True)
SRU_HIGHWAY = sru("sru_highway", "simple recurrent unit, a matrix in its highway", (*GATES, "k"), square=False)
