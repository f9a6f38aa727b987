"""PackedSequences as the kernels take them: rows of all steps, living ones first, and then rows without meaning."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn.arrangement import Arrangement, Origin
from unrolled.nn.call import is_tracing
from unrolled.nn.errors import TensorError
from unrolled.nn.library import LIBRARY

__all__ = ["Packed"]


class Packed(Arrangement):
    """A PackedSequence; ``draws`` says whether masks are drawn for it.

    Raises:
        TensorError: its sizes do not fall, or do not add up to the rows of the data; its orders of sequences are none.
    """

    def __init__(self, name: str, input: PackedSequence, *, draws: bool) -> None:
        _check(name, input)
        self._input = input
        x = _unpacked(input.data, input.batch_sizes)
        origin = Origin(input.batch_sizes, order=input.sorted_indices)
        if draws:
            T, B = x.shape[:2]
            order = torch.arange(B) if input.sorted_indices is None else input.sorted_indices
            alive = torch.arange(B) < input.batch_sizes[:, None]
            rows = (torch.arange(T)[:, None] * B + order)[alive]
            origin = Origin(input.batch_sizes, F.pad(rows, (0, T * B - len(rows))), order, order=order)
        super().__init__(x, x.shape[1], origin)

    def start(self, states: tuple[Tensor, ...], default: Any) -> tuple[Tensor, ...]:
        """In the order of the packed sequences."""
        order = self._input.sorted_indices
        return states if order is None else tuple(state.index_select(1, order) for state in states)

    def output(self, steps: Tensor) -> PackedSequence:
        """Packed as the input was."""
        return PackedSequence(steps.flatten(0, 1)[: self._input.data.shape[0]], *self._input[1:])

    def last(self, state: Tensor) -> Tensor:
        """In the order in which the sequences were given."""
        back = self._input.unsorted_indices
        return state if back is None else state.index_select(1, back)


def _check(name: str, packed: PackedSequence) -> None:
    """Refuse parts that do not belong together; ``name`` is the module's."""
    data, sizes, order, back = packed
    if not isinstance(sizes, Tensor) or sizes.dtype != torch.int64 or sizes.dim() != 1 or sizes.device.type != "cpu":  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TensorError(f"{name}: batch_sizes of a PackedSequence must be whole numbers (int64) on the CPU")
    if is_tracing():
        return  # what follows is looked at when the trace runs
    _check_sizes(data, sizes)
    B = int(sizes[0])
    for what, indices in (("sorted_indices", order), ("unsorted_indices", back)):
        if indices is not None and (
            indices.shape != (B,)
            or indices.is_floating_point()
            or not torch.equal(indices.sort()[0].cpu(), torch.arange(B))
        ):
            raise TensorError(f"{name}: {what} of a PackedSequence must hold each of its {B} sequences once")
    if order is not None and back is not None and not torch.equal(order[back].cpu(), torch.arange(B)):
        raise TensorError(f"{name}: unsorted_indices of a PackedSequence must be the inverse of its sorted_indices")


def _check_sizes(data: Tensor, sizes: Tensor) -> None:
    falls = len(sizes) and int(sizes[-1]) > 0 and bool((sizes[1:] <= sizes[:-1]).all())
    if not falls or int(sizes.sum()) != len(data):
        raise TensorError(
            f"batch_sizes of a PackedSequence must be positive, never grow, and add up to its {len(data)} rows of data,"
            f" got {sizes.tolist()}"
        )


def _unpacked(data: Tensor, sizes: Tensor) -> Tensor:
    """``data [N, I]`` as ``[T, B, I]`` with rows of zeros behind."""
    if is_tracing():  # an operator finds T and B when the trace runs
        steps: Tensor = torch.ops.unrolled.unpack_rows.default(data, sizes)
        return steps
    return _unpack(data, sizes)


def _unpack(data: Tensor, sizes: Tensor) -> Tensor:
    T, B = len(sizes), int(sizes[0])
    missing = T * B - len(data)
    return (F.pad(data, (0, 0, 0, missing)) if missing else data).reshape(T, B, data.shape[1])


def _checked_unpack(data: Tensor, sizes: Tensor) -> Tensor:
    _check_sizes(data, sizes)
    return _unpack(data, sizes).clone()


def _keep_rows(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.rows = len(inputs[0])


def _pack_gradient(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    return grad.flatten(0, 1)[: ctx.rows], None


LIBRARY.define("unpack_rows(Tensor data, Tensor sizes) -> Tensor")
LIBRARY.impl("unpack_rows", _checked_unpack, "CPU")
torch.library.register_autograd("unrolled::unpack_rows", _pack_gradient, setup_context=_keep_rows, lib=LIBRARY)
