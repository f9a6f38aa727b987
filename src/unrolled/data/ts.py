"""Files of labelled sequences in the ``.ts`` format of the UEA and UCR archives.

A header of lines that begin with ``@``, then one sequence per line: channels separated by colons, the numbers of a
channel separated by commas, the label last. Source: Bagnall et al. 2018, *The UEA multivariate time series
classification archive*, arXiv 1811.00075.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel, refuse_step_targets
from unrolled.data.numbers import NUMBER
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_ts", "read_ts"]

_DIGITS = re.compile(r"[0-9eE+., \t-]*")


def read_ts(path: str | os.PathLike[str]) -> tuple[list[NDArray[np.float64]], NDArray[np.str_]]:
    """Sequences ``[T_i, C]`` and their labels ``[N]``.

    Raises:
        InputError: naming the line and what is wrong with it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.ts"
    ...     _ = file.write_text("@classLabel true a b\\n@data\\n1,2,3:4,5,6:a\\n7,8:9,10:b\\n")
    ...     X, y = read_ts(file)
    >>> X[1].tolist(), y.tolist()
    ([[7.0, 9.0], [8.0, 10.0]], ['a', 'b'])
    """
    with open_ts(Path(path), ReadOptions(), target_level="sequence") as file:
        examples = file.read()
    return examples.items, np.array(examples.targets)


def open_ts(path: Path, options: ReadOptions, *, target_level: TargetLevel) -> ExampleFile:
    """Open a ``.ts`` file; it needs labels only if targets are requested.

    Raises:
        InputError: as :func:`read_ts`, while it is read.
    """
    options.allow(str(path))
    refuse_step_targets(str(path), target_level)
    lines = TextLines(path, "a .ts file")
    return ExampleFile(
        str(path), "numbers", _examples(lines, target_level), target_level, lambda: lines.share, lines.close
    )


def _examples(lines: TextLines, target_level: TargetLevel) -> Iterator[Example]:
    path, labelled, inside, width = lines.path, True, False, 0
    keys: set[str] = set()
    for number, line in enumerate(lines, 1):
        text, where = line.strip(), f"{path}, line {number}"
        if not text or text.startswith("#"):
            continue
        if text.startswith("@"):
            key = text.lower().split()[0]
            if key in keys or inside:
                raise InputError(
                    f"{where}: {'a header line after @data' if inside else f'a second line {key}'}; leave one out"
                )
            keys.add(key)
            labelled = labelled and not _says_unlabelled(text, where, target_level)
            inside = key == "@data"
            continue
        if not inside:
            raise InputError(f"{where}: expected a header line that begins with @; is this a .ts file?")
        channels = text.split(":")
        label = channels.pop().strip() if labelled else None
        if not channels or label == "":
            raise InputError(f"{where}: expected channels of numbers and a label, between colons")
        columns = [_numbers(channel, f"{where}, channel {k}") for k, channel in enumerate(channels)]
        if len({len(column) for column in columns}) > 1:
            raise InputError(
                f"{where}: its channels have {', '.join(str(len(c)) for c in columns)} steps, expected as many"
            )
        width = width or len(columns)
        if len(columns) != width:
            raise InputError(f"{where}: {len(columns)} channels, the sequences before it have {width}")
        yield Example(np.stack(columns, axis=1), None if target_level == "none" else label, Place("line", number))
    if not inside:
        raise InputError(f"{path} has no line @data; is this a .ts file?")
    if not width:
        raise InputError(f"{path} holds no sequences after its line @data")


def _says_unlabelled(text: str, where: str, target_level: TargetLevel) -> bool:
    words = text.lower().split()
    if words[:2] == ["@timestamps", "true"]:
        raise InputError(f"{where}: sequences with time stamps are not read; write their numbers at even steps")
    unlabelled = words[:2] in (["@classlabel", "false"], ["@targetlabel", "false"])
    if unlabelled and target_level != "none":
        raise InputError(f"{where}: the sequences have no labels")
    return unlabelled


def _numbers(text: str, where: str) -> NDArray[np.float64]:
    values = text.split(",")
    if _DIGITS.fullmatch(text):  # nothing that float() takes and a table of numbers does not, such as 1_000
        with suppress(ValueError):
            numbers = np.array([float(value) for value in values])
            if np.isfinite(numbers).all():
                return numbers
    step, value = next((n, v.strip()) for n, v in enumerate(values) if not _is_finite(v.strip()))
    what = "a missing value" if value in ("?", "NaN") else f"found {value[:40]!r}"
    raise InputError(f"{where}, step {step}: {what}, expected a finite number; fill it or leave the sequence out")


def _is_finite(value: str) -> bool:
    return NUMBER.fullmatch(value) is not None and math.isfinite(float(value))
