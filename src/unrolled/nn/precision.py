"""What is not in the kernels' own precision: layers in half precision, and what ``torch.autocast`` leaves in it.

Half precision is slower on the processors these kernels are made for. So a layer whose parameters are float16 or bfloat16
computes in float32, and its results are rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import Inputs, Masks, Plan
from unrolled.nn.result import Result

__all__ = ["as_parameters", "in_single_precision", "is_half"]

_Kind = TypeVar("_Kind")
_HALF = (torch.float16, torch.bfloat16)


def as_parameters(values: tuple[_Kind, ...], dtype: torch.dtype) -> tuple[_Kind, ...]:
    """Under autocast: tensors and packed sequences in the parameters' ``dtype``, where one of both has half precision."""
    changed = (*_HALF, torch.float32) if dtype in _HALF else _HALF
    return tuple(
        value.to(dtype)  # type: ignore[misc]
        if isinstance(value, (Tensor, PackedSequence)) and value.data.dtype in changed
        else value
        for value in values
    )


def is_half(tensor: Tensor) -> bool:
    """Whether a layer of such tensors computes in float32."""
    return tensor.dtype in _HALF


def in_single_precision(run: Callable[[Plan, Inputs], Result], plan: Plan, inputs: Inputs) -> Result:
    """``run(plan, inputs)`` in float32, and its results in the dtype of ``x``.

    Raises:
        TensorError: a state or parameter has another dtype than ``x``.
    """
    x, masks = inputs.x, plan.masks

    def widened(tensor: Tensor | None) -> Tensor | None:
        if tensor is not None and tensor.dtype != x.dtype:
            raise TensorError(f"expected states and parameters of {x.dtype}, as the input is, got {tensor.dtype}")
        return None if tensor is None else tensor.float()

    wide = masks._replace(**{name: widened(mask) for name, mask in zip(Masks._fields, masks.tensors, strict=False)})
    result = run(plan._replace(masks=wide), Inputs.of([widened(tensor) for tensor in inputs.tensors]))
    return Result(
        result.y.to(x.dtype),
        [state.to(x.dtype) for state in result.last],
        None if result.cells is None else result.cells.to(x.dtype),
        [gates.to(x.dtype) for gates in result.gates],
    )
