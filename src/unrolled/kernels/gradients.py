"""From the gate gradients of a backward pass to those of inputs and parameters: sums over all rows at once.

Written once for NumPy arrays and torch tensors; both know the operators used here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from unrolled.kernels.kernel import Kernel
from unrolled.kernels.layout import Layout

__all__ = ["FEW_COLUMNS", "ParameterGradients", "input_bias", "input_gate_gradients", "parameter_gradients"]

# a product with fewer columns than this is several times slower than the same transposed
FEW_COLUMNS = 12

Array = Any
Concatenate = Callable[[list[Array]], Array]


class ParameterGradients(NamedTuple):
    """Gradients of one direction's parameters; ``None`` for those nobody wants."""

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
    concatenate: Concatenate,
    wanted: Sequence[bool] = (True, True, True, True),
) -> ParameterGradients:
    """``dW = Σ δa xᵀ``, ``dU = Σ δa h[t-1]ᵀ``, ``db = Σ δa`` over all rows of all steps.

    ``h0`` may be ``None`` if it is zero and the layout uniform. ``reset_state`` takes the place of ``h[t-1]`` in a
    second dependent product; ``concatenate`` is the array library's function, along the first axis; ``wanted`` tells
    which of the four are asked for.
    """
    H = h.shape[1]
    weight_ih = weight_hh = bias_ih = bias_hh = None
    if wanted[0]:
        weight_ih = _outer_sum(input_gate_gradients(kernel, H, grad_gates), x, concatenate)
    if wanted[1]:
        first, *second = (H * sum(count for _, count in runs) for runs in kernel.compiled.backward)
        products = [_times_state_before(grad_gates, first, h, h0, layout, reverse, concatenate)]
        products += [_outer_sum(grad_gates[:, first : first + n], reset_state, concatenate) for n in second]
        weight_hh = _in_gate_order(kernel, H, products, concatenate)
    if wanted[2] or wanted[3]:
        sums = grad_gates.sum(0)
        # copies: the two must not share memory
        if kernel.bias_gate is None:
            bias_ih, bias_hh = sums, sums + 0
        else:
            bias_ih, bias_hh = sums[-kernel.gates * H :] + 0, _in_gate_order(kernel, H, [sums], concatenate)
    return ParameterGradients(weight_ih, weight_hh, bias_ih, bias_hh)


def _outer_sum(grad: Array, x: Array, concatenate: Concatenate) -> Array:
    """``Σ δa xᵀ`` over all rows."""
    if x.shape[1] < FEW_COLUMNS:
        return concatenate([(x.T @ grad).T])
    return grad.T @ x


def _in_gate_order(kernel: Kernel, hidden: int, products: Sequence[Array], concatenate: Concatenate) -> Array:
    """What each product with U holds, ordered as the columns of the gate gradients, in the order of the gates."""
    pieces: dict[int, Array] = {}
    for runs, product in zip(kernel.compiled.backward, products, strict=True):
        start = 0
        for gate, count in runs:
            pieces[gate] = product[start : start + count * hidden]
            start += count * hidden
    if len(pieces) == 1:
        return products[0]
    return concatenate([pieces[gate] for gate in sorted(pieces)])


def _times_state_before(
    grad: Array, columns: int, h: Array, h0: Array, layout: Layout, reverse: bool, concatenate: Concatenate
) -> Array:
    """``Σ δa[t] h[t-1]ᵀ`` for the first columns, with the states before every row, the initial ones included."""
    if not layout.uniform:
        return _outer_sum(grad[:, :columns], concatenate([h, h0])[layout.before(reverse)], concatenate)
    N = layout.rows - layout.batch
    first = slice(N, None) if reverse else slice(layout.batch)  # the rows whose state before is an initial one
    if reverse:
        product = _outer_sum(grad[:N, :columns], h[layout.batch :], concatenate)
    else:
        product = _outer_sum(grad[layout.batch :, :columns], h[:N], concatenate)
    if h0 is not None:
        product += grad[first, :columns].T @ h0
    return product
