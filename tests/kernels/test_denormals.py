"""Numbers too small for full precision are zero within a kernel call, and nowhere else."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from unrolled.kernels import arrays
from unrolled.kernels.arrays import PackedWeights
from unrolled.kernels.layer_passes import Bound, LayerPasses
from unrolled.kernels.layout import Layout

TINY = np.finfo(np.float32).tiny


def are_denormal(a, tiny=TINY):
    return (a != 0) & (abs(a) < tiny)


@pytest.fixture
def gate_gradients(monkeypatch):
    """The gate gradients of every backward pass, as the kernels leave them."""
    seen, backward = [], LayerPasses.backward.func

    def spied(passes):
        kernel, bound = passes.kernel, backward(passes)
        columns = len(kernel.compiled.gradient_columns) * passes.hidden
        number = ctypes.c_double if kernel.wide else ctypes.c_float

        def run(*, steps, batch, grad_gates, **given):
            bound.own.run(steps=steps, batch=batch, grad_gates=grad_gates, **given)
            seen.append(np.array((number * (steps * batch * columns)).from_address(*grad_gates)))

        return Bound(SimpleNamespace(run=run), bound.packed)

    monkeypatch.setattr(LayerPasses, "backward", property(spied))
    return seen


def fading(case):
    """With parameters that let gradients fade away over 400 steps, without a state that dies out itself."""
    described = case.described
    if "weight_hh" in case.parameters:
        case.parameters["weight_hh"][:] *= 0.3
    if "weight_ch" in case.parameters:
        case.parameters["weight_ch"][:] *= 0.1
    if "alpha" in case.parameters:
        case.parameters["alpha"][:] = 0.4
    if described.keeps and described.keeps.removeprefix("-") in described.biased:
        bias, place = case.parameters["bias_ih"], described.biased.index(described.keeps.removeprefix("-"))
        width = len(bias) // len(described.biased)
        bias[place * width : (place + 1) * width] += 1.0 if described.keeps.startswith("-") else -1.0
    return case


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_that_underflow_are_zero(cell, threads, case, gate_gradients):
    """With the loss on the last step only gradients fade away, and would drag slow denormal arithmetic along."""
    T, B, H = 400, 8, 33
    c = fading(case(cell, T, B, 2, H))
    for dtype in (np.float32, np.float64):
        k = c.to(dtype)
        weights, layout, x = PackedWeights(cell, k.parameters), Layout.padded(T, B), k.rows(k.x)
        result = arrays.forward(weights, x, k.states, layout, tape=True, threads=threads)
        grad_h = np.zeros((T * B, k.grad_h.shape[2]), dtype)
        grad_h[-B:] = 1
        none = tuple(np.zeros_like(state) for state in k.states)
        arrays.backward(weights, x, result, grad_h, none, layout, threads=threads)
    narrow, wide = gate_gradients
    assert are_denormal(wide).sum() > 50  # float64 has them as normal numbers
    assert not are_denormal(narrow).any()
    normal = abs(wide) > 2 * TINY
    # what is normalised is multiplied three times on its way, and a factor may be zero already where the product is not
    assert (narrow[normal] != 0).mean() > (0.98 if cell.endswith("layer_norm") else 0.99)


def test_the_callers_arithmetic_keeps_its_denormals(cell, case):
    c = case(cell, 3, 2, 2, 5)
    for dtype in (np.float32, np.float64):
        k = c.to(dtype)
        weights, layout, x = PackedWeights(cell, k.parameters), Layout.padded(3, 2), k.rows(k.x)
        result = arrays.forward(weights, x, k.states, layout, tape=True)
        arrays.backward(weights, x, result, k.rows(k.grad_h), k.grad_last, layout)
        assert are_denormal(np.array([np.finfo(dtype).tiny]) / np.array([4], dtype), np.finfo(dtype).tiny).all()
