"""What is to be said, as users hand it over: texts, or lists of tokens, one an item; and which items are kept back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.items import kind_of, read_items
from unrolled.errors import InputError

__all__ = ["FEWEST", "Target", "check_pairs", "places_kept_back", "read_targets"]

Target = str | list[str]

FEWEST = 10  # pairs of which some are kept back


def read_targets(y: Any, in_tokens: bool | None, called: str = "y") -> list[Target]:
    """Texts, or lists of tokens, as they are expected if that is known.

    Raises:
        InputError: they are something else, or one has no token.

    >>> read_targets(["a b", "c"], None)
    ['a b', 'c']
    """
    if y is None:
        raise InputError(
            f"{called} is None, expected the target of each source: a list of texts, or of lists of tokens"
        )
    kind = kind_of(y)
    expected = ("text", "tokens") if in_tokens is None else ("tokens",) if in_tokens else ("text",)
    if kind not in expected:
        kinds = {"text": "texts", "tokens": "lists of tokens"}
        first = y[0] if isinstance(y, list | tuple) and y else ""
        if first is None or first == []:  # from which the kind cannot be told
            raise InputError(f"{called}: target 0 is {first}, which has no token; leave the pair out")
        raise InputError(
            f"{called} holds {kinds.get(kind, kind)}, expected {' or '.join(kinds[each] for each in expected)}"
        )
    try:
        return read_items(y, kind=kind)
    except InputError as error:
        raise InputError(f"{called}: {error}") from None


def check_pairs(items: Sequence[Any], targets: Sequence[Any], sources: str, called: str) -> None:
    """Raise an InputError unless there are as many targets as sources."""
    if len(items) != len(targets):
        raise InputError(f"{sources} has {len(items)} sources and {called} {len(targets)} targets: expected as many")


def places_kept_back(items: int, learned: int, fraction: float, seed: int) -> NDArray[np.int64]:
    """Places of the items that choose the epoch: those after the ``learned``, or a share of all; none where there are too few.

    >>> places_kept_back(12, 10, 0.1, 0).tolist(), places_kept_back(9, 9, 0.1, 0).tolist(), len(places_kept_back(40, 40, 0.1, 0))
    ([10, 11], [], 4)
    """
    if learned < items:
        return np.arange(learned, items)
    if fraction == 0 or items < FEWEST:
        return np.zeros(0, np.int64)
    return np.sort(np.random.default_rng(seed).permutation(items)[: max(1, round(fraction * items))])
