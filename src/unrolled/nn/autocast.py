"""Under ``torch.autocast``: what other layers left in half precision comes back in the parameters' own.

Half precision is slower on the processors these kernels are made for.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

__all__ = ["in_full_precision"]

_Kind = TypeVar("_Kind")


def in_full_precision(values: tuple[_Kind, ...], dtype: torch.dtype) -> tuple[_Kind, ...]:
    """Tensors and packed sequences of half precision in ``dtype``; everything else as it is."""
    return tuple(
        value.to(dtype)  # type: ignore[misc]
        if isinstance(value, (Tensor, PackedSequence)) and value.data.dtype in (torch.float16, torch.bfloat16)
        else value
        for value in values
    )
