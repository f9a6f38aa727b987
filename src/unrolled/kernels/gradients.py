"""From the gate gradients of a backward pass to those of inputs and parameters: sums over all rows at once.

Written once for NumPy arrays and torch tensors; both know the operators used here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from unrolled.kernels.kernel import Kernel
from unrolled.kernels.layout import Layout

__all__ = ["ParameterGradients", "input_bias", "input_gate_gradients", "parameter_gradients"]

Array = Any


class ParameterGradients(NamedTuple):
    """Gradients of one direction's parameters."""

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array


def input_bias(kernel: Kernel, hidden: int, bias_ih: Array, bias_hh: Array) -> Array:
    """The bias that belongs to W x: the sum of both, but for a gate whose recurrent bias stays apart."""
    bias = bias_ih + bias_hh
    if kernel.bias_gate is not None:
        own = slice(kernel.bias_gate * hidden, (kernel.bias_gate + 1) * hidden)
        bias[own] = bias_ih[own]
    return bias


def input_gate_gradients(kernel: Kernel, hidden: int, grad_gates: Array) -> Array:
    """The columns of the gate gradients that belong to W: ``δa [N, GH]`` with ``dx = δa W``."""
    return grad_gates[:, -kernel.gates * hidden :]


def parameter_gradients(
    kernel: Kernel,
    layout: Layout,
    *,
    reverse: bool,
    grad_gates: Array,
    x: Array,
    h: Array,
    h0: Array,
    reset_state: Array,
    concatenate: Callable[[Sequence[Array]], Array],
) -> ParameterGradients:
    """``dW = Σ δa xᵀ``, ``dU = Σ δa h[t-1]ᵀ``, ``db = Σ δa`` over all rows of all steps.

    ``reset_state`` takes the place of ``h[t-1]`` in a second dependent product; ``concatenate`` is the array
    library's function, along the first axis.
    """
    H = h0.shape[1]
    to_input = input_gate_gradients(kernel, H, grad_gates)
    bias_ih = to_input.sum(0)
    pieces: dict[int, tuple[Array, Array]] = {}
    column = 0
    for product, runs in enumerate(kernel.compiled.backward):
        for first, count in runs:
            grad = grad_gates[:, column : column + count * H]
            column += count * H
            own = first == kernel.bias_gate
            bias = grad.sum(0) if own else bias_ih[first * H : (first + count) * H]
            if product == 0:
                weight = _times_state_before(grad, h, h0, layout, reverse, concatenate)
            else:
                weight = grad.T @ reset_state
            pieces[first] = weight, bias
    weights, biases = zip(*(pieces[first] for first in sorted(pieces)), strict=True)
    return ParameterGradients(
        to_input.T @ x,
        weights[0] if len(weights) == 1 else concatenate(weights),
        bias_ih,
        biases[0] + 0 if len(biases) == 1 else concatenate(biases),
    )


def _times_state_before(
    grad: Array, h: Array, h0: Array, layout: Layout, reverse: bool, concatenate: Callable[[Sequence[Array]], Array]
) -> Array:
    """``Σ δa[t] h[t-1]ᵀ`` with the states before every row, the initial ones included."""
    if not layout.uniform:
        return grad.T @ concatenate((h, h0))[layout.before(reverse)]
    B, N = layout.batch, layout.rows
    if reverse:
        return grad[: N - B].T @ h[B:] + grad[N - B :].T @ h0
    return grad[B:].T @ h[: N - B] + grad[:B].T @ h0
