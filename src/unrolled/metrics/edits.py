"""What predicted sequences are measured by where they differ in length: insertions, deletions and substitutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["edit_distance", "error_rate"]


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    r"""The fewest insertions, deletions and substitutions that make ``b`` of ``a``.

    .. math::
        d_{ij} = \min(d_{i-1,j} + 1,\; d_{i,j-1} + 1,\; d_{i-1,j-1} + [a_i \ne b_j])

    Source: V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966.

    >>> edit_distance("kitten", "sitting"), edit_distance([1, 2], [])
    (3, 2)
    """
    row = list(range(len(b) + 1))
    for i, own in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (own != other))
    return row[-1]


def error_rate(true: Sequence[Sequence[Any]], predicted: Sequence[Sequence[Any]]) -> float:
    """Edits of all sequences for each token that is true: of words the word error rate, of characters that of characters.

    >>> error_rate([["a", "cat"], ["a", "dog", "sat"]], [["a", "hat"], ["a", "dog", "sat"]])
    0.2
    """
    edits = sum(edit_distance(own, other) for own, other in zip(true, predicted, strict=True))
    return edits / max(1, sum(map(len, true)))
