"""One recurrent node of an ONNX graph on the kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.cells import Cell
from unrolled.errors import InputError
from unrolled.kernels.arrays import PackedWeights, forward
from unrolled.kernels.layout import Layout
from unrolled.onnx.model import Array
from unrolled.onnx.node import RecurrentNode
from unrolled.runtime.recurrent import RecurrentLayer

__all__ = ["run_node"]

_DTYPES = ("float16", "float32", "float64")
_INITIAL = {"h": "initial_h", "c": "initial_c"}


def run_node(node: RecurrentNode, given: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of a node by the operator's names.

    Half precision is computed in single precision. Past its length a sequence's outputs are zero; its last states are
    those of its own last step, and the initial ones if it has none, of which the specification says nothing.

    Args:
        node: what runs.
        given: its inputs by the operator's names, of those that are there.

    Raises:
        InputError: a shape, dtype or length does not fit; the message names node and input.
    """
    dtype = given["X"].dtype
    if dtype.name not in _DTYPES:
        raise InputError(f"{node.place}: X has type {dtype}, the kernels compute {', '.join(_DTYPES)}")
    floats: dict[str, Any] = {name: array for name, array in given.items() if name != "sequence_lens"}
    for name, array in floats.items():
        if array.dtype != dtype:
            raise InputError(f"{node.place}: {name} has type {array.dtype}, X has {dtype}")
    _check_shapes(node, given)
    if dtype == np.float16:
        floats = {name: array.astype(np.float32) for name, array in floats.items()}
    if node.batch_first:
        floats.update({n: floats[n].swapaxes(0, 1) for n in ("X", *_INITIAL.values()) if n in floats})
    lengths = _lengths(node, given.get("sequence_lens"), *floats["X"].shape[:2])
    directions = [_run_direction(node, d, floats, lengths) for d in range(len(node.cells))]
    outputs = {"Y": np.stack([y for y, _ in directions], axis=1)}  # [T, D, B, H]
    for place, state in enumerate(node.operator.states):
        outputs[f"Y_{state}"] = np.stack([last[place] for _, last in directions])  # [D, B, H]
    if node.batch_first:
        outputs = {name: a.transpose(2, 0, 1, 3) if name == "Y" else a.swapaxes(0, 1) for name, a in outputs.items()}
    with np.errstate(over="ignore"):  # beyond the largest float16 is infinity
        return {name: np.ascontiguousarray(array, dtype) for name, array in outputs.items()}


def _check_shapes(node: RecurrentNode, given: Mapping[str, Array]) -> None:
    """Check every input's shape; ``H`` is that of ``R``."""
    D, G, (X, R) = len(node.cells), len(node.operator.gates), (given["X"], given["R"])
    if X.ndim != 3 or R.ndim != 3:
        name, shape = ("X", X.shape) if X.ndim != 3 else ("R", R.shape)
        raise InputError(f"{node.place}: {name} has shape {shape}, expected three dimensions")
    (B, T, I) = X.shape if node.batch_first else (X.shape[1], X.shape[0], X.shape[2])
    H = R.shape[2]
    if node.hidden_size not in (None, H):
        raise InputError(f"{node.place}: hidden_size is {node.hidden_size}, but R has shape {R.shape}: {H} units")
    if min(T, I, H) == 0:
        raise InputError(f"{node.place}: {T} steps of {I} numbers and {H} units: each must be at least 1")
    state = (B, D, H) if node.batch_first else (D, B, H)
    shapes = {
        "W": (D, G * H, I), "R": (D, G * H, H), "B": (D, 2 * G * H), "sequence_lens": (B,), "initial_h": state,
        "initial_c": state, "P": (D, 3 * H),
    }  # fmt: skip
    for name, shape in shapes.items():
        if name in given and given[name].shape != shape:
            raise InputError(f"{node.place}: {name} has shape {given[name].shape}, expected {shape}")


def _lengths(node: RecurrentNode, given: Array | None, T: int, B: int) -> NDArray[np.int64] | None:
    if given is None:
        return None
    if given.dtype != np.int32:
        raise InputError(f"{node.place}: sequence_lens has type {given.dtype}, expected int32")
    lengths = given.astype(np.int64)
    wrong = np.flatnonzero((lengths < 0) | (lengths > T))
    if wrong.size:
        raise InputError(
            f"{node.place}: sequence_lens[{wrong[0]}] is {lengths[wrong[0]]}, expected 0 to {T} (the time steps of X)"
        )
    return lengths


def _run_direction(
    node: RecurrentNode, direction: int, floats: Mapping[str, Floats], lengths: NDArray[np.int64] | None
) -> tuple[Floats, tuple[Floats, ...]]:
    """Outputs ``[T, B, H]`` and last states of one direction."""
    cell, reverse, x = node.cells[direction], node.reverse[direction], floats["X"]
    parameters = node.parameters(floats["W"], floats["R"], floats.get("B"), floats.get("P"), direction)
    shape = (x.shape[1], floats["R"].shape[2])
    states = tuple(
        floats[name][direction] if name in floats else np.zeros(shape, x.dtype)
        for name in (_INITIAL[state] for state in node.operator.states)
    )
    if cell.clip is not None and "c" in cell.states:
        return _run_with_clipped_memory(cell, parameters, x, states, lengths, reverse=reverse)
    return RecurrentLayer(cell.spec, parameters, reverse=reverse)(x, states, lengths)


def _run_with_clipped_memory(
    cell: Cell, parameters: Mapping[str, Floats], x: Floats, states: tuple[Floats, ...],
    lengths: NDArray[np.int64] | None, *, reverse: bool,
) -> tuple[Floats, tuple[Floats, ...]]:  # fmt: skip
    """An LSTM with ``clip``, which bounds the argument of h too: ``h[t] = o * h(clip(c[t]))``.

    The kernels bound those of the gates and the candidate only, so they compute one step at a time here, and its ``h``
    is put right before the next one meets it.
    """
    weights, output, (T, B, _) = PackedWeights(cell.spec, parameters), cell.activations[2], x.shape
    h, c = (state.copy() for state in states)
    H, gate = h.shape[1], cell.gates.index("o")
    y = np.zeros((T, B, H), x.dtype)
    for t in reversed(range(T)) if reverse else range(T):
        alive = np.arange(B) if lengths is None else np.flatnonzero(t < lengths)
        step = forward(weights, x[t, alive], (h[alive], c[alive]), Layout.padded(1, len(alive)), tape=True)
        if step.gates is None or step.c is None:  # a cell with memory has both
            raise AssertionError(cell.name)
        c[alive] = step.c
        h[alive] = y[t, alive] = step.gates[:, gate * H : (gate + 1) * H] * output(cell.clipped(step.c))
    return y, (h, c)
