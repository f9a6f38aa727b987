"""What additive attention compares, on NumPy arrays."""

from __future__ import annotations

import math

import numpy as np

from unrolled.aliases import Floats, Integers
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.admission import admitted
from unrolled.kernels.memory import check_allocation
from unrolled.kernels.packed import address
from unrolled.kernels.threads import default_threads

__all__ = ["additive"]


def additive(vector: Floats, query: Floats, keys: Floats, lengths: Integers, rows: Integers | None = None) -> Floats:
    r""":math:`v \cdot \tanh(q_{un} + k_{tn})` of every step of every row with every step of its source, 0 past its length.

    A row's results have the same bits alone and beside others, on any number of threads, and on every CPU level that has a
    fused multiply-add.

    Args:
        vector: ``v [A]`` of float32 or float64.
        query: ``q [U, N, A]``, of the same dtype.
        keys: ``k [T, B, A]``, likewise.
        lengths: steps of each source, ``[B]``, from 0 to T.
        rows: the source of each row, ``[N]``; by default one each.

    Returns:
        ``[U, N, T]``.

    Raises:
        InputError: a shape or dtype does not fit, or a length or a row is out of its range.

    >>> query, keys = np.zeros((1, 1, 2)), np.array([[[9.0, 0.0]], [[9.0, -9.0]], [[9.0, 9.0]]])
    >>> additive(np.array([1.0, 2.0]), query, keys, np.array([2])).round(6).tolist()
    [[[1.0, -1.0, 0.0]]]
    """
    vector = admitted("vector", vector)
    query, keys = admitted("query", query, vector.dtype), admitted("keys", keys, vector.dtype)
    if vector.ndim != 1 or query.shape[2:] != vector.shape or keys.shape[2:] != vector.shape:
        raise InputError(
            f"query {query.shape} and keys {keys.shape} do not fit a vector {vector.shape}: [., ., A] and [A]"
        )
    (U, N, A), (T, B, _) = query.shape, keys.shape
    lengths = _places("lengths", lengths, B, T + 1)
    if rows is None and N != B:
        raise InputError(f"{N} rows ask {B} sources: expected the source of each")
    rows = None if rows is None else _places("rows", rows, N, B)
    check_allocation(math.prod((U, N, T)) * query.itemsize, "the scores of all steps")
    scores = np.empty((U, N, T), vector.dtype)
    _native.additive(
        vector.dtype == np.float64, steps=U, count=N, sources=B, asked=T, size=A, lengths=_native.address(lengths),
        rows=0 if rows is None else _native.address(rows), query=address(query), keys=address(keys),
        vector=address(vector), scores=address(scores), threads=default_threads(),
    )  # fmt: skip
    return scores


def _places(name: str, given: Integers, count: int, end: int) -> Integers:
    """As int64, so many of them, from 0 to below ``end``."""
    places = np.ascontiguousarray(given, np.int64)
    if places.shape != (count,) or (count and not 0 <= places.min() <= places.max() < end):
        raise InputError(f"{name} has shape {places.shape}, expected {count} whole numbers from 0 to {end - 1}")
    return places
