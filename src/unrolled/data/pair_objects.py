"""Pairs in JSON lines files: an object a line, with a source and its target."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import Example, ExampleFile, Place
from unrolled.data.items import ItemKind
from unrolled.data.jsonl import JsonReader, json_objects, json_rows, shown_json
from unrolled.data.table import listed
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_pair_objects"]


def open_pair_objects(
    path: Path,
    source: str | None,
    target: str | None,
    trained: ExampleColumns | None = None,
    *,
    targets: bool,
    beside: Sequence[str] = (),
) -> ExampleFile:
    """Open a file of lines such as ``{"source": "…", "target": ["…", "…"]}``; each a text or a list of tokens as in the first.

    Sources may also be steps, each a number or a list of as many.

    Args:
        path: the file.
        source, target: other keys.
        trained: the keys that a model was trained on, for a file that has them.
        targets: whether targets are read.
        beside: other keys, of which those that a line has stand in the place of its target, by name.

    Raises:
        InputError: no such file, or no object in it; while it is read: a key is missing, or a value neither text nor tokens.
    """
    if targets and (source or "source") == (target or "target"):
        raise InputError(f"{path}: source and target are the same key, {source or 'source'!r}; name two")
    with ExitStack() as stack:
        lines = stack.enter_context(TextLines(path, "a file of JSON lines"))
        objects = json_objects(lines)
        first = next(objects, None)
        if first is None:
            raise InputError(f"{path} is empty: 0 items, need at least 1")
        if trained is not None:
            source = source or (trained.text if trained.text in first[1] else None)
            target = target or (trained.label if trained.label in first[1] else None)
        keys = [source or "source", *([target or "target"] if targets else [])]
        kinds: list[ItemKind] = [_kind(first[1].get(key)) for key in keys]
        if kinds[1:] == ["numbers"]:  # which are not said
            kinds[1] = "tokens"
        stack.pop_all()  # from here on who reads the examples closes the file
    columns = ExampleColumns("text", text=keys[0], label=keys[1] if targets else None)
    read = _Reader(path, keys, kinds, beside).example
    examples = (read(line, found) for line, found in chain([first], objects))
    level = "sequence" if targets or beside else "none"
    return ExampleFile(str(lines.path), kinds[0], examples, level, lambda: lines.share, lines.close, columns)


def _kind(value: Any) -> ItemKind:
    if not isinstance(value, list):
        return "text"
    first = next(iter(cast("list[Any]", value)), "")
    return "tokens" if isinstance(first, str) else "numbers"


class _Reader(JsonReader):
    """Turns objects into examples."""

    def __init__(self, path: Path, keys: list[str], kinds: list[ItemKind], beside: Sequence[str]) -> None:
        super().__init__(path, "sources")
        self._keys, self._beside = list(zip(keys, kinds, strict=True)), beside

    def example(self, line: int, found: dict[str, Any]) -> Example:
        values = [self._value(line, found, key, kind) for key, kind in self._keys]
        if self._beside:
            values.append({key: found[key] for key in self._beside if found.get(key) is not None})
        return Example(values[0], values[1] if len(values) > 1 else None, Place("line", line))

    def _value(self, line: int, found: dict[str, Any], key: str, kind: ItemKind) -> Any:
        if key not in found:
            raise self._error(line, f"no key {key!r}; the keys are {listed(found) or 'none'}")
        value = found[key]
        if kind == "numbers":
            return self._numbers(line, key, value)
        if _kind(value) != kind or not _is_said(value):
            expected = "a text that is not blank" if kind == "text" else "a list of texts"
            raise self._error(line, f"{key!r} is {shown_json(value)}, expected {expected}")
        return value

    def _numbers(self, line: int, key: str, value: Any) -> NDArray[np.float64]:
        rows = json_rows(value)
        array = np.array(rows or [[]])
        if rows is None or not np.isfinite(array).all():
            expected = "steps, each a finite number or as many as the others"
            raise self._error(line, f"{key!r} is {shown_json(value)}, expected {expected}")
        return self._alike(line, array)


def _is_said(value: Any) -> bool:
    """Whether it is a text, or a list of tokens, that is not empty."""
    if isinstance(value, str):
        return bool(value.strip())
    tokens = cast("list[Any]", value) if isinstance(value, list) else []
    return bool(tokens) and all(isinstance(token, str) and token for token in tokens)
