"""The kernels on NumPy arrays: forward and backward over one layer in one direction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unrolled.aliases import Floats, Values
from unrolled.cells import Masks
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.admission import admitted
from unrolled.kernels.layer_passes import KEPT
from unrolled.kernels.layout import Layout
from unrolled.kernels.memory import check_allocation
from unrolled.kernels.packed import PackedDense, PackedWeights, address
from unrolled.kernels.tape import NO_MASKS, Forward, Pass, admitted_masks, check_same_pass
from unrolled.kernels.threads import chosen_threads, default_threads

__all__ = [
    "Forward",
    "PackedDense",
    "PackedWeights",
    "backward",
    "elementary",
    "forward",
    "forward_only",
    "log_softmax",
    "softmax",
]

_NO_MASKS = 0, 0, 0, 0, 0.0, 0.0
_FUNCTIONS = {name: number for number, name in enumerate(_native.functions())}


def forward(
    weights: PackedWeights,
    x: Floats,
    states: tuple[Floats, ...] | None,
    layout: Layout,
    *,
    masks: Masks | None = None,
    reverse: bool = False,
    tape: bool = False,
    threads: int | None = None,
) -> Forward:
    """Run a layer in one direction over packed rows ``x [N, I]``; ``states`` start at zero if none are given.

    Raises:
        InputError: a shape or dtype does not fit; nothing has run then.
    """
    kernel, dtype, B, threads = weights.kernel, weights.dtype, layout.batch, chosen_threads(threads)
    x = admitted("x", x, dtype, (layout.rows, weights.inputs))
    masks = admitted_masks(weights, layout, masks or NO_MASKS)
    fused = weights.fuses(layout.steps, B, threads)
    of = Pass(weights, x, layout, masks, reverse, tape, fused)
    first = _first_states(weights, B, states)
    shapes = of.shapes
    check_allocation(sum(map(math.prod, shapes.values())) * dtype.itemsize, "the results of all steps")
    room = {name: np.empty(shape, dtype) for name, shape in shapes.items()}
    last = tuple(s.copy() for s in first)
    work = np.empty((B, kernel.compiled.work * weights.hidden), dtype)
    h0, c0 = kernel.split_states([address(s) for s in first])
    h_last, c_last = kernel.split_states([address(s) for s in last])
    weights.forward_pass(tape=tape, fused=fused).run(
        steps=layout.steps, offsets=layout.address, batch=B, reverse=reverse, parameters=(), x=address(x), h0=h0, c0=c0,
        masks=_mask_addresses(masks), kept=[[address(room.get(name)) for name in KEPT]], work=address(work),
        packed=address(weights.arranged(fused=fused)), y=address(room["h"]), cells=address(room.get("c")), h_last=h_last,
        c_last=c_last, threads=threads,
    )  # fmt: skip
    if tape:
        for array in room.values():
            array.flags.writeable = False
    return Forward(last=last, first=first, of=of, **room)


def _mask_addresses(masks: Masks) -> tuple[int, int, int, int, float, float]:
    given = masks.state, masks.candidate, masks.keep_h, masks.keep_c
    state, candidate, keep_h, keep_c = (address(mask) for mask in given)
    return state, candidate, keep_h, keep_c, *masks.zoneout


def forward_only(
    weights: PackedWeights, x: Floats, states: tuple[Floats, ...] | None, layout: Layout, *, reverse: bool = False
) -> tuple[Floats, tuple[Floats, ...]]:
    """Hidden states ``[N, P]`` and last states as :func:`forward` without masks and tape finds them, with less ado a call.

    Raises:
        InputError: a shape or dtype does not fit; nothing has run then.
    """
    kernel, H, dtype, compiled = weights.kernel, weights.hidden, weights.dtype, weights.kernel.compiled
    threads, B, N, M = default_threads(), layout.batch, layout.rows, weights.kernel.compiled.memory
    x = admitted("x", x, dtype, (N, weights.inputs))
    fused = weights.fuses(layout.steps, B, threads)
    first = _first_states(weights, B, states)
    widths = weights.outputs, 0 if fused else kernel.gates_row(H, tape=False)
    check_allocation(N * sum(widths) * dtype.itemsize, "the results of all steps")
    h, gates = (np.empty((N, width), dtype) for width in widths)
    memory = np.empty((B, (M + compiled.projected + compiled.work) * H), dtype)
    last = tuple([state.copy() for state in first])
    cells, unit = address(memory), B * H * dtype.itemsize
    unprojected = cells + M * unit
    h0, c0 = kernel.split_states([address(state) for state in first])
    h_last, c_last = kernel.split_states([address(state) for state in last])
    weights.forward_pass(tape=False, fused=fused).run(
        steps=layout.steps, offsets=layout.address, batch=B, reverse=reverse, parameters=(), x=address(x), h0=h0, c0=c0,
        masks=_NO_MASKS, kept=[(0 if fused else address(gates), 0, 0, unprojected, 0, 0)],
        work=unprojected + compiled.projected * unit, packed=address(weights.arranged(fused=fused)), y=address(h),
        cells=cells, h_last=h_last, c_last=c_last, threads=threads,
    )  # fmt: skip
    return h, last


def _first_states(weights: PackedWeights, B: int, states: Sequence[Floats] | None) -> tuple[Floats, ...]:
    """The initial states, by default what the cell starts from."""
    kernel, widths = weights.kernel, weights.state_widths
    if states is None:
        first = tuple(np.zeros((B, width), weights.dtype) for width in widths)
        for value, initial in enumerate(kernel.compiled.initial_memory):
            first[-1][:, value * weights.hidden : (value + 1) * weights.hidden] = initial
        return first
    if len(states) != len(widths):
        raise InputError(f"cell {kernel.cell.name} takes {len(widths)} arrays of states, got {len(states)}")
    named = zip(kernel.state_names, states, widths, strict=True)
    return tuple(admitted(name, state, weights.dtype, (B, width)) for name, state, width in named)


def backward(
    weights: PackedWeights,
    x: Floats,
    result: Forward,
    grad_h: Floats,
    grad_last: tuple[Floats, ...],
    layout: Layout,
    *,
    grad_c: Floats | None = None,
    reverse: bool = False,
    threads: int | None = None,
) -> dict[str, Floats]:
    """Gradients of ``x``, every parameter and the initial states; ``result`` is a forward pass with a tape.

    ``grad_h [N, P]`` is the loss' gradient at every hidden state, ``grad_last`` at the last states, and ``grad_c
    [N, M*H]`` at the memory of every step, of a cell that has one.

    Raises:
        InputError: a shape or dtype does not fit, or ``result`` is not the tape of this pass; nothing has run then.
    """
    kernel, H, P, dtype = weights.kernel, weights.hidden, weights.outputs, weights.dtype
    compiled, threads, N, B = kernel.compiled, chosen_threads(threads), layout.rows, layout.batch
    own, numbers = weights.backward_pass
    x = admitted("x", x, dtype, (N, weights.inputs))
    result = check_same_pass(result, weights, x, layout, reverse=reverse)
    grad_h = admitted("grad_h", grad_h, dtype, (N, P))
    if grad_c is not None:
        if not compiled.memory:
            raise InputError(f"cell {kernel.cell.name} has no memory: grad_c must be None")
        grad_c = admitted("grad_c", grad_c, dtype, (N, compiled.memory * H))
    if len(grad_last) != len(result.first):
        raise InputError(f"grad_last: expected {len(result.first)} arrays, one a state, got {len(grad_last)}")
    # the kernels turn these into the gradients of the initial states
    grad_first = tuple(
        admitted("grad_last", g, dtype, s.shape).copy() for g, s in zip(grad_last, result.first, strict=True)
    )
    columns = len(compiled.gradient_columns) * H
    check_allocation(dtype.itemsize * N * (columns + weights.inputs + H + P), "the gradients of all steps")
    grad_gates = np.empty((N, columns), dtype)
    reset_state = np.empty((N, H), dtype) if kernel.resets else None
    grad_state = np.empty((N, P), dtype) if compiled.projected else None
    grad_vectors = np.zeros((B, compiled.vector_columns * H), dtype)
    work = np.empty((B, compiled.work * H), dtype)
    grads = {name: np.zeros_like(parameter) for name, parameter in weights.parameters.items()}
    grad_parameters = [address(grad) for grad in grads.values()]
    grads["x"] = np.empty_like(x)
    h0, c0 = kernel.split_states([address(s) for s in result.first])
    grad_h0, grad_c0 = kernel.split_states([address(s) for s in grad_first])

    def hand_out(numbers: int) -> tuple[int, Floats]:
        memory = np.empty(numbers, dtype)
        return address(memory), memory

    packed, _memory = hand_out(numbers)
    own.run(
        steps=layout.steps, offsets=layout.address, batch=B, reverse=reverse, parameters=weights.addresses, x=address(x),
        h0=h0, c0=c0, masks=_mask_addresses(result.of.masks), kept=[[address(getattr(result, name)) for name in KEPT]],
        work=address(work), packed=packed, room=numbers, y=address(result.h), cells=address(result.c),
        grad_y=address(grad_h), grad_row=P, grad_cells=address(grad_c), grad_gates=[address(grad_gates)],
        grad_state=address(grad_state), reset_state=address(reset_state), grad_x=address(grads["x"]),
        grad_parameters=grad_parameters, grad_vectors=[address(grad_vectors)], grad_h0=grad_h0, grad_c0=grad_c0,
        hand_out=hand_out, threads=threads,
    )  # fmt: skip
    column = 0
    for name, columns in compiled.vectors:
        sums = grad_vectors[:, column * H : (column + (columns or 1)) * H].sum(0)
        grads[name].ravel()[: columns * H or 1] = sums if columns else sums.sum()
        column += columns or 1
    grads.update(dict(zip(kernel.state_names, grad_first, strict=True)))
    return grads


def elementary(function: str, x: Floats) -> Floats:
    """``exp``, ``sigmoid`` or ``tanh`` as the kernels compute them, on float32 or float64.

    At most 1, 2 and 2 units in the last place from the true value.

    Raises:
        InputError: another function or dtype.

    >>> elementary("tanh", np.array([0.0, np.inf, np.nan]))
    array([ 0.,  1., nan])
    """
    if function not in _FUNCTIONS:
        raise InputError(f"function {function!r}: expected one of {', '.join(_FUNCTIONS)}")
    x = admitted("x", x)
    y = np.empty_like(x)
    _native.elementary(x.dtype == np.float64, _FUNCTIONS[function], address(x), address(y), x.size)
    return y


def log_softmax(x: Floats) -> Values:
    r""":math:`x_k - \log \sum_j e^{x_j}` over the last axis of ``x [..., K]``, in float64.

    A row's results have the same bits alone and beside others, and on every CPU level that has a fused multiply-add.

    Raises:
        InputError: no array of float32 or float64, or its last axis is empty.

    >>> np.exp(log_softmax(np.log([1.0, 3.0]))).round(6).tolist()
    [0.25, 0.75]
    """
    x = admitted("x", x)
    if not x.ndim or not x.shape[-1]:
        raise InputError(f"x has shape {x.shape}, expected at least one number in its last axis")
    check_allocation(8 * x.size, "the logarithms")
    y = np.empty(x.shape)
    _native.log_softmax(x.dtype == np.float64, address(x), address(y), math.prod(x.shape[:-1]), x.shape[-1])
    return y


def softmax(x: Floats) -> Floats:
    r""":math:`e^{x_k} / \sum_j e^{x_j}` over the last axis of ``x [..., K]``, summed in its order.

    A row's results have the same bits alone and beside others.

    Raises:
        InputError: no array of float32 or float64, or its last axis is empty.

    >>> softmax(np.log([1.0, 3.0])).round(6).tolist()
    [0.25, 0.75]
    """
    x = admitted("x", x)
    if not x.ndim or not x.shape[-1]:
        raise InputError(f"x has shape {x.shape}, expected at least one number in its last axis")
    check_allocation(x.nbytes, "the shares")
    y = np.empty_like(x)
    _native.softmax(x.dtype == np.float64, address(x), address(y), math.prod(x.shape[:-1]), x.shape[-1])
    return y
