"""Pairs in JSON lines files: an object a line, with a source and its target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, cast

from unrolled.codecs.whole_characters import check_characters
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import Example, ExampleFile, Place
from unrolled.data.items import ItemKind
from unrolled.data.jsonl import json_objects, shown_json
from unrolled.data.table import listed
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_pair_objects"]

Line = tuple[int, dict[str, Any]]


def open_pair_objects(
    path: Path, source: str | None, target: str | None, trained: ExampleColumns | None = None, *, targets: bool
) -> ExampleFile:
    """Open a file of lines such as ``{"source": "…", "target": ["…", "…"]}``; each a text or a list of tokens as in the first.

    Args:
        path: the file.
        source, target: other keys.
        trained: the keys that a model was trained on, for a file that has them.
        targets: whether targets are read.

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
        stack.pop_all()  # from here on who reads the examples closes the file
    columns = ExampleColumns("text", text=keys[0], label=keys[1] if targets else None)
    examples = _examples(path, chain([first], objects), keys, kinds)
    level = "sequence" if targets else "none"
    return ExampleFile(str(lines.path), kinds[0], examples, level, lambda: lines.share, lines.close, columns)


def _kind(value: Any) -> ItemKind:
    return "tokens" if isinstance(value, list) else "text"


def _examples(path: Path, objects: Iterator[Line], keys: list[str], kinds: list[ItemKind]) -> Iterator[Example]:
    for line, found in objects:
        values: list[Any] = []
        for key, kind in zip(keys, kinds, strict=True):
            if key not in found:
                text = f"no key {key!r}; the keys are {listed(found) or 'none'}"
            elif _kind(found[key]) != kind or not _is_said(found[key]):
                expected = "a text that is not blank" if kind == "text" else "a list of texts"
                text = f"{key!r} is {shown_json(found[key])}, expected {expected}"
            else:
                for text in [found[key]] if kind == "text" else found[key]:
                    check_characters(text, f"{path}, line {line}: {key!r}")
                values.append(found[key])
                continue
            raise InputError(f"{path}, line {line}: {text}; correct it or leave the line out")
        yield Example(values[0], values[1] if len(values) > 1 else None, Place("line", line))


def _is_said(value: Any) -> bool:
    """Whether it is a text, or a list of tokens, that is not empty."""
    if isinstance(value, str):
        return bool(value.strip())
    tokens = cast("list[Any]", value) if isinstance(value, list) else []
    return bool(tokens) and all(isinstance(token, str) and token for token in tokens)
