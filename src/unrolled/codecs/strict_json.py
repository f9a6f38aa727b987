"""JSON as the standard has it, for every file that holds some: nothing in it can be read in two ways."""

from __future__ import annotations

import json
from typing import Any

from unrolled.codecs.whole_characters import half_character

__all__ = ["parse_strict_json"]


def parse_strict_json(text: bytes | str) -> Any:
    """Parse JSON as the standard has it: UTF-8, no NaN or Infinity, no key twice in one object, no half of a character.

    Raises:
        ValueError: with the reason, also for text nested too deeply to be read.

    >>> parse_strict_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: the key 'a' appears twice
    """
    decoded = text if isinstance(text, str) else text.decode()
    try:
        value = json.loads(decoded, object_pairs_hook=_object_without_duplicates, parse_constant=_refuse_constant)
        broken = half_character(json.dumps(value, ensure_ascii=False)) if "\\u" in decoded else None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if broken is not None:
        raise ValueError(f"\\u{ord(broken):04x} alone is half of a character")
    return value


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {twice!r} appears twice")
    return result


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")
