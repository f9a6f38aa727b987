"""Items as users hand them over: sequences of numbers, texts, texts in tokens, or recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from unrolled.codecs.whole_characters import check_characters
from unrolled.data.containers import in_order, is_frame
from unrolled.data.sequences import read_sequences
from unrolled.data.table import listed
from unrolled.data.wav import Waveform
from unrolled.errors import InputError

__all__ = ["ItemKind", "kind_of", "read_items"]

ItemKind = Literal["numbers", "text", "tokens", "audio"]

_CALLED: dict[ItemKind, str] = {
    "numbers": "sequences of numbers (a list of arrays [T_i, C], one array [N, T, C], or a flat one [N, T])",
    "text": "texts (a list of str)",
    "tokens": "texts in tokens (a list of lists of str)",
    "audio": "recordings (a list of unrolled.data.wav.Waveform)",
}


def kind_of(data: Any) -> ItemKind:
    """What the items are, by the first of them.

    Raises:
        InputError: the data is nothing that holds items in an order (:func:`unrolled.data.containers.in_order`).

    >>> kind_of(["a b", "c"]), kind_of([["a", "b"], ["c"]]), kind_of([[1.0, 2.0]])
    ('text', 'tokens', 'numbers')
    """
    if hasattr(data, "toarray"):  # sparse; read_sequences says why not
        return "numbers"
    items = in_order(data, "items")
    first = items[0] if len(items) else None
    if isinstance(first, str):
        return "text"
    if isinstance(first, Waveform):
        return "audio"
    if isinstance(first, Mapping):
        raise InputError(
            f"item 0 is a {type(first).__name__} with {listed(map(str, cast('Mapping[Any, Any]', first)))}: give a list of one of"
            " its values, or a frame of pandas, polars or pyarrow"
        )
    if (
        first is None
        or is_frame(first)
        or not hasattr(first, "__len__")
        or (isinstance(first, np.ndarray) and not first.ndim)
    ):
        return "numbers"
    steps = first if isinstance(first, np.ndarray) else in_order(first, "steps")
    return "tokens" if len(steps) and isinstance(steps[0], str) else "numbers"


def read_items(
    data: Any, *, kind: ItemKind | None = None, channels: int | None = None, names: Sequence[str] = ()
) -> list[Any]:
    """Items, each with at least one step: arrays ``[T_i, C]`` of float64, ``str``, lists of ``str``, or :class:`Waveform`.

    Args:
        data: what the user gave.
        kind: what a model was trained on; by default what the data are.
        channels: of numbers, the ``C`` that is expected; by default that of the first sequence.
        names: of numbers that come as frames, the columns that are read.

    Raises:
        InputError: naming the item and what is wrong with it.
    """
    found = kind_of(data)
    items = data if hasattr(data, "toarray") else in_order(data, "items")
    if kind not in (None, "numbers") and not len(items):
        raise InputError(f"there are 0 items (0 sample(s)), a minimum of 1 is required: expected {_CALLED[kind]}")
    if kind is not None and found != kind:
        raise InputError(f"expected {_CALLED[kind]}, as the model was trained on; found {_CALLED[found]}")
    if found == "numbers":
        return read_sequences(items, channels=channels, names=names)
    check = {"text": _text, "tokens": _tokens, "audio": _recording}[found]
    return [check(item, n) for n, item in enumerate(items)]


def _text(item: Any, n: int) -> str:
    if not isinstance(item, str):
        raise InputError(f"text {n} is {item!r}, a {type(item).__name__}, expected a str; leave it out")
    if not item.strip():
        raise InputError(f"text {n} is empty: every text needs at least one word; leave it out")
    check_characters(item, f"text {n}")
    return str(item)  # NumPy's own kind of str, too


def _tokens(item: Any, n: int) -> list[str]:
    if isinstance(item, str) or not hasattr(item, "__len__") or not len(item):
        found = "a str" if isinstance(item, str) else "empty" if hasattr(item, "__len__") else f"{item!r:.40}"
        raise InputError(f"sentence {n} is {found}, expected a list of at least one token")
    tokens = list(in_order(item, "tokens"))
    for place, token in enumerate(tokens):
        if not isinstance(token, str) or not token:
            raise InputError(f"sentence {n}, token {place} is {token!r}, expected a str of at least one character")
        check_characters(token, f"sentence {n}, token {place}")
    return [str(token) for token in tokens]


def _recording(item: Any, n: int) -> Waveform:
    if not isinstance(item, Waveform):
        raise InputError(f"recording {n} is a {type(item).__name__}, expected a Waveform; read_wav(path) makes one")
    return item
