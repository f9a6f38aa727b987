"""PackedSequences as the kernels take them: rows of all steps, living ones first, and then rows without meaning."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn.call import is_tracing
from unrolled.nn.errors import TensorError
from unrolled.nn.library import LIBRARY

__all__ = ["check_packed", "unpacked"]


def check_packed(name: str, packed: PackedSequence) -> None:
    """Refuse parts that do not belong together; ``name`` is the module's.

    Raises
    ------
    TensorError
        Sizes that do not fall, or do not add up to the rows of the data; orders of sequences that are none.
    """
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


def unpacked(data: Tensor, sizes: Tensor) -> Tensor:
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
