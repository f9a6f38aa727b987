"""Items as users hand them over: sequences of numbers, texts, texts in tokens, or recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from unrolled.data.sequences import read_sequences
from unrolled.data.wav import Waveform
from unrolled.errors import InputError

__all__ = ["Kind", "kind_of", "read_items"]

Kind = Literal["numbers", "text", "tokens", "audio"]

_CALLED: dict[Kind, str] = {
    "numbers": "sequences of numbers (a list of arrays [T_i, C], one array [N, T, C], or a flat one [N, T])",
    "text": "texts (a list of str)",
    "tokens": "texts in tokens (a list of lists of str)",
    "audio": "recordings (a list of unrolled.data.wav.Waveform)",
}


def kind_of(data: Any) -> Kind:
    """What the items are, by the first of them.

    >>> kind_of(["a b", "c"]), kind_of([["a", "b"], ["c"]]), kind_of([[1.0, 2.0]])
    ('text', 'tokens', 'numbers')

    Raises:
        InputError: a single text instead of a list of them, or an iterator, whose first item looking would use up.
    """
    if isinstance(data, str):
        raise InputError(f"expected a list of texts, found one: give [{data[:20]!r}]")
    if hasattr(data, "toarray"):  # sparse; read_sequences says why not
        return "numbers"
    if isinstance(data, Iterator):
        raise InputError(f"expected a list of items, found a {type(data).__name__}: give list(…) of it")
    first = next(iter(data), None) if hasattr(data, "__iter__") else None
    if isinstance(first, str):
        return "text"
    if isinstance(first, Waveform):
        return "audio"
    if isinstance(first, (list, tuple, np.ndarray)) and len(first) and isinstance(first[0], str):
        return "tokens"
    return "numbers"


def read_items(data: Any, *, kind: Kind | None = None, channels: int | None = None) -> list[Any]:
    """Items, each with at least one step: arrays ``[T_i, C]`` of float64, ``str``, lists of ``str``, or :class:`Waveform`.

    Args:
        data: what the user gave.
        kind: what a model was trained on; by default what the data are.
        channels: of numbers, the ``C`` that is expected; by default that of the first sequence.

    Raises:
        InputError: naming the item and what is wrong with it.
    """
    found = kind_of(data)
    if kind is not None and found != kind:
        raise InputError(f"expected {_CALLED[kind]}, as the model was trained on; found {_CALLED[found]}")
    if found == "numbers":
        return read_sequences(data, channels=channels)
    check = {"text": _text, "tokens": _tokens, "audio": _recording}[found]
    return [check(item, n) for n, item in enumerate(data)]


def _text(item: Any, n: int) -> str:
    if not isinstance(item, str):
        raise InputError(f"text {n} is {item!r}, a {type(item).__name__}, expected a str; leave it out")
    if not item.strip():
        raise InputError(f"text {n} is empty: every text needs at least one word; leave it out")
    return item


def _tokens(item: Any, n: int) -> Sequence[str]:
    if isinstance(item, str) or not len(item):
        found = "a str" if isinstance(item, str) else "empty"
        raise InputError(f"sentence {n} is {found}, expected a list of at least one token")
    tokens = list(item)
    for place, token in enumerate(tokens):
        if not isinstance(token, str) or not token:
            raise InputError(f"sentence {n}, token {place} is {token!r}, expected a str of at least one character")
    return tokens


def _recording(item: Any, n: int) -> Waveform:
    if not isinstance(item, Waveform):
        raise InputError(f"recording {n} is a {type(item).__name__}, expected a Waveform; read_wav(path) makes one")
    return item
