"""Products with what each source of a batch holds: the keys and values of attention.

Each source is packed by itself and without its padding, so a row's results have the same bits whatever is beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.kernels.arrays import PackedDense
from unrolled.kernels.decoder_step import Asked
from unrolled.networks.engine import Lengths, Rows

__all__ = ["SourceProducts", "SourceSums"]


class SourceProducts:
    """``q · k`` with every key of a row's source, 0 past its length.

    Args:
        keys: ``[T, B, K]``.
        lengths: steps of each source, ``[B]``.

    >>> keys = np.arange(12.0).reshape(3, 2, 2)
    >>> SourceProducts(keys, np.array([3, 1]))(np.ones((1, 2, 2))).tolist()
    [[[1.0, 9.0, 17.0], [5.0, 0.0, 0.0]]]
    """

    def __init__(self, keys: Floats, lengths: Lengths) -> None:
        self._steps = len(keys)
        self.packed = [PackedDense(keys[:n, b], None) for b, n in enumerate(lengths)]
        self._only = self.packed[0] if list(lengths) == [len(keys)] else None  # no padding: everything asks it

    def __call__(self, q: Floats, rows: Rows | None = None) -> Floats:
        """From ``q [U, N, K]`` to ``[U, N, T]``; ``rows [N]`` are the sources of its rows, by default one each."""
        if self._only is not None:
            return self._only(q)
        found = np.zeros((*q.shape[:2], self._steps), q.dtype)
        for source, own in _asking(q.shape[1], rows):
            packed = self.packed[source]
            found[:, own, : packed.outputs] = packed(q[:, own])
        return found


class SourceSums:
    """The values of a row's source summed by weights.

    Args:
        values: ``[T, B, V]``.
        lengths: steps of each source, ``[B]``.

    >>> values = np.arange(12.0).reshape(3, 2, 2)
    >>> SourceSums(values, np.array([3, 1]))(np.full((1, 2, 3), 0.5)).tolist()
    [[[6.0, 7.5], [1.0, 1.5]]]
    """

    def __init__(self, values: Floats, lengths: Lengths) -> None:
        self._size = values.shape[2]
        self.asked: Asked | None = None  # they and the keys beside them, once a whole step reads them
        self.packed = [PackedDense(values[:n, b].T, None) for b, n in enumerate(lengths)]
        self._only = self.packed[0] if list(lengths) == [len(values)] else None  # no padding: everything asks it

    def __call__(self, weights: Floats, rows: Rows | None = None) -> Floats:
        """From weights ``[U, N, T]`` to ``[U, N, V]``; ``rows [N]`` are the sources of its rows, by default one each."""
        if self._only is not None:
            return self._only(weights)
        found = np.zeros((*weights.shape[:2], self._size), weights.dtype)
        for source, own in _asking(weights.shape[1], rows):
            packed = self.packed[source]
            found[:, own] = packed(weights[:, own, : packed.inputs])
        return found


def _asking(count: int, rows: Rows | None) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each source that is asked, and the rows that ask it."""
    if rows is None:
        yield from ((n, np.array([n])) for n in range(count))
    else:
        yield from ((int(source), np.flatnonzero(rows == source)) for source in np.unique(rows))
