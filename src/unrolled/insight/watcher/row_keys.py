r"""Whether two sequences are the same, or the same in another order, without keeping them.

Each step is mixed to 64 bits, :math:`m_t`; the key of a sequence is :math:`\sum_t w_t m_t` with fixed odd random :math:`w`, and
:math:`\sum_t m_t` is the same in every order. Zeros have no share in either, so that zero padding does not count.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowKeys", "keys_of", "mixed_steps"]


class RowKeys(NamedTuple):
    """Of each sequence."""

    ordered: list[int]
    unordered: list[int]


@lru_cache(4)
def _weights(count: int, seed: int) -> NDArray[np.uint64]:
    numbers = np.random.default_rng(seed).integers(0, 2**64, max(count, 64), dtype=np.uint64)
    return (numbers | np.uint64(1))[:count]


def mixed_steps(rows: Any) -> NDArray[np.uint64] | None:
    """:math:`m`, ``[B, T]``, of a tensor ``[B, T, ...]``; None for a kind of number whose bits are not looked at."""
    values = np.ascontiguousarray(np.asarray(rows.cpu()))
    if values.dtype.itemsize not in (2, 4, 8):
        return None
    bits = values.view(f"u{values.dtype.itemsize}").astype(np.uint64).reshape(*values.shape[:2], -1)
    with np.errstate(over="ignore"):
        mixed = bits[..., 0] * _weights(1, 0) if bits.shape[2] == 1 else (bits * _weights(bits.shape[2], 0)).sum(2)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        return mixed ^ (mixed >> np.uint64(32))


def keys_of(mixed: NDArray[np.uint64]) -> RowKeys:
    """The keys of sequences from their mixed steps ``[B, T]``.

    >>> import torch
    >>> keys = keys_of(mixed_steps(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])))
    >>> keys.ordered[0] == keys.ordered[1], keys.unordered[0] == keys.unordered[1]
    (False, True)
    """
    with np.errstate(over="ignore"):
        return RowKeys((mixed * _weights(mixed.shape[1], 1)).sum(1).tolist(), mixed.sum(1).tolist())
