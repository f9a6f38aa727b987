"""The best ways to go on from the beginnings of a beam, on NumPy arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.admission import whole_number

__all__ = ["best_tokens"]

Places = NDArray[np.int64]


def best_tokens(
    log_p: Values, before: Values | None, sources: Places, wanted: int
) -> tuple[Places, Places, Values] | None:
    """Of each source the largest of ``before[r] + log_p[r, v]``, the largest first; of equal ones the one that comes first.

    Args:
        log_p: ``[R, V]``.
        before: ``[R]``, numbers; None: nothing is added.
        sources: of each row, ``[R]``, those of a source side by side; where others are between them, it counts as several.
        wanted: how many of each source, from 1; what is ``-inf`` is not counted.

    Returns:
        Rows, places in them, and sums, those of each source side by side; None if a ``log_p`` is NaN or +inf.

    Raises:
        InputError: a shape does not fit.

    >>> log_p, sources = np.log([[0.1, 0.9], [0.4, 0.6], [1.0, 1e-9]]), np.array([0, 0, 7])
    >>> rows, places, sums = best_tokens(log_p, np.zeros(3), sources, 2)
    >>> rows.tolist(), places.tolist(), np.exp(sums).round(6).tolist()
    ([0, 1, 2, 2], [1, 1, 0, 1], [0.9, 0.6, 1.0, 0.0])
    """
    log_p, sources = np.ascontiguousarray(log_p, np.float64), np.ascontiguousarray(sources, np.int64)
    before = None if before is None else np.ascontiguousarray(before, np.float64)
    rows = len(sources)
    if log_p.ndim != 2 or sources.shape != (len(log_p),) or (before is not None and before.shape != (rows,)):
        raise InputError(f"log_p {log_p.shape} and sources {sources.shape} do not fit: expected [R, V] and [R]")
    tokens, wanted = log_p.shape[1], min(whole_number("wanted", wanted, 1), log_p.size or 1)
    room = wanted * (1 + int(np.count_nonzero(sources[1:] != sources[:-1])) if rows > 1 else 1)
    chosen, scores = np.empty((2, room), np.int64), np.empty(room)
    at = _native.address(chosen)
    found = _native.best_tokens(
        rows, tokens, wanted, _native.address(log_p), 0 if before is None else _native.address(before),
        _native.address(sources), at, at + 8 * room, _native.address(scores),
    )  # fmt: skip
    return None if found < 0 else (chosen[0, :found], chosen[1, :found], scores[:found])
