"""The largest of many numbers, in an order that does not depend on what stands beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values

__all__ = ["largest"]

MANY = 128  # numbers for each that is wanted
BLOCK = 32


def largest(values: Values, k: int) -> NDArray[np.intp]:
    """Places of the k largest numbers of each row, the largest first; of equal ones the one that comes first.

    Args:
        values: ``[N, V]``, without NaN.
        k: from 1; at most V are returned.

    Returns:
        ``[N, min(k, V)]``.

    >>> largest(np.array([[0.1, 0.3, 0.2, 0.3]]), 3).tolist()
    [[1, 3, 2]]
    """
    N, V = values.shape
    if k == 1:
        return values.argmax(1)[:, None]
    if k >= V:
        return np.argsort(-values, axis=1, kind="stable")
    if N == 1:
        return _largest_of_one(values[0], k)[None]
    bar = np.partition(values, V - k, axis=1)[:, V - k, None]
    taken = values >= bar
    if np.count_nonzero(taken) > N * k:  # several are as large as the k-th: the first of them
        above, equal = values > bar, values == bar
        taken = above | (equal & (np.cumsum(equal, 1) <= k - above.sum(1, keepdims=True)))
    places = np.nonzero(taken)[1].reshape(N, k)
    order = np.argsort(-values[taken].reshape(N, k), axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)


def _largest_of_one(row: Values, k: int) -> NDArray[np.intp]:
    """The same for one row. At least k of many numbers reach the k-th largest maximum of their blocks, and few others do."""
    among = row
    if MANY * k <= len(row):
        blocks = len(row) // BLOCK
        among = row[: BLOCK * blocks].reshape(BLOCK, blocks).max(0)
    places = (row >= np.partition(among, len(among) - k)[len(among) - k]).nonzero()[0]
    return places[(-row[places]).argsort(kind="stable")[:k]]
