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
    concatenate: Callable[[list[Array]], Array],
    wanted: Sequence[bool] = (True, True, True, True),
) -> ParameterGradients:
    """``dW = Σ δa xᵀ``, ``dU = Σ δa h[t-1]ᵀ``, ``db = Σ δa`` over all rows of all steps.

    ``reset_state`` takes the place of ``h[t-1]`` in a second dependent product; ``concatenate`` is the array
    library's function, along the first axis; ``wanted`` tells which of the four are asked for.
    """
    H = h0.shape[1]
    weight_ih = weight_hh = bias_ih = bias_hh = None
    if wanted[0]:
        weight_ih = input_gate_gradients(kernel, H, grad_gates).T @ x
    if wanted[1]:
        first, *second = _recurrent_columns(kernel, H)
        blocks = {gate: grad_gates[:, columns] for gate, columns in first}
        products = {gate: _times_state_before(g, h, h0, layout, reverse, concatenate) for gate, g in blocks.items()}
        products |= {gate: grad_gates[:, columns].T @ reset_state for runs in second for gate, columns in runs}
        weight_hh = _in_gate_order(products, concatenate)
    if wanted[2] or wanted[3]:
        sums = grad_gates.sum(0)
        bias_ih = sums[-kernel.gates * H :]
        runs = [run for product in _recurrent_columns(kernel, H) for run in product]
        # a copy: the two gradients must not share memory even where they are equal
        bias_hh = _in_gate_order({gate: sums[columns] for gate, columns in runs}, concatenate) + 0
    return ParameterGradients(weight_ih, weight_hh, bias_ih, bias_hh)


def _recurrent_columns(kernel: Kernel, hidden: int) -> list[list[tuple[int, slice]]]:
    """For each product with U its runs of gates: the first gate, and the columns of the gate gradients."""
    products: list[list[tuple[int, slice]]] = []
    column = 0
    for runs in kernel.compiled.backward:
        products.append([])
        for gate, count in runs:
            products[-1].append((gate, slice(column, column + count * hidden)))
            column += count * hidden
    return products


def _in_gate_order(pieces: dict[int, Array], concatenate: Callable[[list[Array]], Array]) -> Array:
    """The pieces, keyed by their first gate, one after the other as torch orders the gates."""
    if len(pieces) == 1:
        return next(iter(pieces.values()))
    return concatenate([pieces[gate] for gate in sorted(pieces)])


def _times_state_before(
    grad: Array, h: Array, h0: Array, layout: Layout, reverse: bool, concatenate: Callable[[list[Array]], Array]
) -> Array:
    """``Σ δa[t] h[t-1]ᵀ`` with the states before every row, the initial ones included."""
    if not layout.uniform:
        return grad.T @ concatenate([h, h0])[layout.before(reverse)]
    B, N = layout.batch, layout.rows
    if reverse:
        return grad[: N - B].T @ h[B:] + grad[N - B :].T @ h0
    return grad[B:].T @ h[: N - B] + grad[:B].T @ h0
