"""Examples in JSON lines files: one object per line, with a text, a sequence of numbers, or tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.strict_json import parse_strict_json
from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel, refuse_step_targets
from unrolled.data.items import ItemKind
from unrolled.data.real_numbers import nearest_float
from unrolled.data.table import listed
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["KINDS", "JsonReader", "json_objects", "json_rows", "json_targets", "open_jsonl", "shown_json"]

KINDS: dict[str, ItemKind] = {"text": "text", "sequence": "numbers", "tokens": "tokens"}

Line = tuple[int, dict[str, Any]]


def open_jsonl(path: Path, options: ReadOptions, *, target_level: TargetLevel, vectors: bool = False) -> ExampleFile:
    """Open a file of lines such as ``{"text": "…", "label": …}``, ``{"sequence": [[…], …], "label": …}`` or
    ``{"tokens": […], "label": …}``; the last two may have ``tags``, one per step. ``options`` can specify other keys for
    text and label. With ``vectors`` a label may also be a list of numbers.

    Raises:
        InputError: the first line is not such an object; later lines are checked as they are read.
    """
    options.allow(str(path), "label", "text")
    with ExitStack() as stack:
        lines = stack.enter_context(TextLines(path, "a file of JSON lines"))
        objects = json_objects(lines)
        first = next(objects, None)
        if first is None:
            raise InputError(f"{path} is empty: 0 items, need at least 1")
        key, kind = _kind(path, first[1], options)
        if kind == "text":
            refuse_step_targets(str(path), target_level)
        stack.pop_all()  # from here on who reads the examples closes the file
    label = options.label or ("tags" if target_level == "step" else "label")
    reader = _Reader(
        path, key, kind, None if target_level == "none" else label, each=target_level == "step", vectors=vectors
    )
    examples = (reader.example(line, found) for line, found in chain([first], objects))
    return ExampleFile(str(path), kind, examples, target_level, lambda: lines.share, lines.close)


def json_objects(lines: TextLines) -> Iterator[Line]:
    """The objects of a file with the numbers of their lines; blank lines are passed over.

    Raises:
        InputError: a line holds no object.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = parse_strict_json(line)
        except ValueError as error:
            raise InputError(f"{lines.path}, line {number}: no JSON: {error}; expected an object a line") from None
        if not isinstance(found, dict):
            raise InputError(f"{lines.path}, line {number}: expected an object, found {line.strip()[:40]!r}")
        yield number, cast("dict[str, Any]", found)


def _kind(path: Path, first: dict[str, Any], options: ReadOptions) -> tuple[str, ItemKind]:
    keys = [key for key in (KINDS if options.text is None else (options.text,)) if key in first]
    if len(keys) != 1:
        expected = (
            "one of the keys 'text', 'sequence' and 'tokens'" if options.text is None else f"the key {options.text!r}"
        )
        raise InputError(f"{path}: expected objects with {expected}; the first has {listed(first) or 'none'}")
    return keys[0], KINDS[keys[0]] if options.text is None else "text"


class JsonReader:
    """What readers of JSON lines do alike: as many numbers in each step of the file, and errors with their line.

    Args:
        path: the file, for messages.
        called: what has such steps there.
    """

    def __init__(self, path: Path, called: str) -> None:
        self._path, self._called = path, called
        self._channels: int | None = None

    def _alike(self, line: int, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """The steps ``[T, C]``, if they have as many numbers as those before."""
        self._channels = self._channels or steps.shape[1]
        if steps.shape[1] != self._channels:
            raise self._error(
                line, f"{steps.shape[1]} numbers a step, the {self._called} before it have {self._channels}"
            )
        return steps

    def _error(self, line: int, text: str) -> InputError:
        return InputError(f"{self._path}, line {line}: {text}; correct it or leave the line out")


class _Reader(JsonReader):
    """Turns objects into examples."""

    def __init__(
        self, path: Path, key: str, kind: ItemKind, label: str | None, *, each: bool, vectors: bool = False
    ) -> None:
        super().__init__(path, "sequences")
        self._key, self._kind, self._label, self._each, self._vectors = key, kind, label, each, vectors

    def example(self, line: int, found: dict[str, Any]) -> Example:
        keys = [self._key, *([self._label] if self._label else [])]
        missing = next((key for key in keys if key not in found), None)
        if missing is not None:
            raise self._error(line, f"no key {missing!r}; the keys are {listed(found) or 'none'}")
        value = found[self._key]
        item = {"text": self._text, "numbers": self._numbers, "tokens": self._tokens}[self._kind](
            line, self._key, value
        )
        target = None
        if self._label is not None:
            target = found[self._label]
            if self._each:
                target = self._tags(line, self._label, target, len(item))
            else:
                target = _label(target, vectors=self._vectors)
                if target is None:
                    more = ", or a list of finite numbers" if self._vectors else ""
                    shown = shown_json(found[self._label])
                    raise self._error(line, f"{self._label!r} is {shown}, expected a text or a number{more}")
        return Example(item, target, Place("line", line))

    def _text(self, line: int, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._error(line, f"{key!r} is {shown_json(value)}, expected a text that is not blank")
        return value

    def _tokens(self, line: int, key: str, value: Any) -> list[str]:
        tokens = cast("list[Any]", value) if isinstance(value, list) else []
        if not tokens or not all(isinstance(token, str) and token for token in tokens):
            raise self._error(line, f"{key!r} is {shown_json(value)}, expected a list of texts")
        return tokens

    def _tags(self, line: int, key: str, value: Any, count: int) -> list[str]:
        tags = self._tokens(line, key, value)
        if len(tags) != count:
            raise self._error(line, f"{len(tags)} tags for {count} steps; give each its own")
        return tags

    def _numbers(self, line: int, key: str, value: Any) -> NDArray[np.float64]:
        rows = json_rows(value)
        if rows is None:
            raise self._error(
                line, f"{key!r} is {shown_json(value)}, expected steps, each a number or as many numbers as the others"
            )
        array = np.array(rows)
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            step, number = bad[0].tolist()
            raise self._error(line, f"step {step}, number {number} is {array[step, number]}, expected a finite number")
        return self._alike(line, array)


def _label(value: Any, *, vectors: bool) -> Any:
    """What an item is said to be: a text, a number or, with ``vectors``, finite numbers; None if it is none of these."""
    if not isinstance(value, list):
        return value if isinstance(value, str | int | float) and value != "" else None
    numbers = cast("list[Any]", value)
    plain = vectors and numbers and all(type(number) in (int, float) for number in numbers)
    read = [nearest_float(number) for number in numbers] if plain else [math.nan]
    return read if all(map(math.isfinite, read)) else None


def json_targets(path: Path, key: str | None) -> list[tuple[int, Any]]:
    """What each object of a file says an item is to be, with its line: a label or a list of numbers.

    Args:
        key: under which it stands; by default the only one.

    Raises:
        InputError: there is no such key, or no such value, or nothing at all.
    """
    with TextLines(path, "a file of JSON lines") as lines:
        found: list[tuple[int, Any]] = []
        for line, own in json_objects(lines):
            name = key if key is not None and key in own else next(iter(own), None)
            if name is None or (name != key and len(own) > 1):
                expected = "one key" if key is None else f"the key {key!r}"
                raise InputError(f"{path}, line {line}: expected {expected}; the keys are {listed(own) or 'none'}")
            value = _label(own[name], vectors=True)
            if value is None:
                raise InputError(
                    f"{path}, line {line}: {name!r} is {shown_json(own[name])}, expected a text, a number, or a list of"
                    " finite numbers"
                )
            found.append((line, value))
    if not found:
        raise InputError(f"{path} is empty: 0 items, need at least 1")
    return found


def json_rows(value: Any) -> list[list[float]] | None:
    """The numbers of each step, as many in all of them; None where they are something else."""
    steps = cast("list[Any]", value) if isinstance(value, list) else []
    rows = [cast("list[Any]", step) if isinstance(step, list) else [step] for step in steps]
    kinds = {type(step) is list for step in steps}
    alike = len(kinds) == 1 and len({len(row) for row in rows}) == 1 and rows[0]
    if not alike or not all(type(number) in (int, float) for row in rows for number in row):
        return None  # a truth value and a number in quotes are no numbers
    return [[nearest_float(number) for number in row] for row in rows]


def shown_json(value: Any) -> str:
    """A value as it is written, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
