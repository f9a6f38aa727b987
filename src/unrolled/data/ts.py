"""Files of labelled sequences in the ``.ts`` format of the UEA and UCR archives.

A header of lines that begin with ``@``, then a sequence a line: its channels between colons, a channel's numbers between
commas, the label last. Source: Bagnall et al. 2018, *The UEA multivariate time series classification archive*, arXiv 1811.00075.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["read_ts"]


def read_ts(path: str | os.PathLike[str]) -> tuple[list[NDArray[np.float64]], NDArray[np.str_]]:
    """Sequences ``[T_i, C]`` and their labels ``[N]``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.ts"
    ...     _ = file.write_text("@classLabel true a b\\n@data\\n1,2,3:4,5,6:a\\n7,8:9,10:b\\n")
    ...     X, y = read_ts(file)
    >>> X[1].tolist(), y.tolist()
    ([[7.0, 9.0], [8.0, 10.0]], ['a', 'b'])

    Raises:
        InputError: naming the line and what is wrong with it.
        OSError: the file cannot be read.
    """
    path = Path(path)
    sequences: list[NDArray[np.float64]] = []
    labels: list[str] = []
    for number, line in _data_lines(path):
        *channels, label = line.split(":")
        where = f"{path}, line {number}"
        if not channels or not label.strip():
            raise InputError(f"{where}: expected channels of numbers and a label, between colons")
        columns = [_numbers(channel, f"{where}, channel {k}") for k, channel in enumerate(channels)]
        if len({len(column) for column in columns}) > 1:
            raise InputError(
                f"{where}: its channels have {', '.join(str(len(c)) for c in columns)} steps, expected as many"
            )
        if sequences and len(columns) != sequences[0].shape[1]:
            raise InputError(f"{where}: {len(columns)} channels, the sequences before it have {sequences[0].shape[1]}")
        sequences.append(np.stack(columns, axis=1))
        labels.append(label.strip())
    if not sequences:
        raise InputError(f"{path} holds no sequences after its line @data")
    return sequences, np.array(labels)


def _data_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines after ``@data`` with their numbers."""
    inside = False
    with path.open(encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, 1):
                text = line.strip()
                if not text or text.startswith("#"):
                    continue
                if text.startswith("@"):
                    _check_header(text, f"{path}, line {number}")
                    inside = inside or text.lower() == "@data"
                elif inside:
                    yield number, text
                else:
                    raise InputError(
                        f"{path}, line {number}: expected a header line that begins with @; is this a .ts file?"
                    )
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not text in UTF-8: {error.reason}; is this a .ts file?") from None
    if not inside:
        raise InputError(f"{path} has no line @data; is this a .ts file?")


def _check_header(text: str, where: str) -> None:
    words = text.lower().split()
    if words[:2] == ["@timestamps", "true"]:
        raise InputError(f"{where}: sequences with time stamps are not read; write their numbers at even steps")
    if words[:2] == ["@classlabel", "false"]:
        raise InputError(f"{where}: the sequences have no labels")


def _numbers(text: str, where: str) -> NDArray[np.float64]:
    values = text.split(",")
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        step = next(step for step, value in enumerate(values) if not _is_number(value))
        what = "a missing value" if values[step].strip() == "?" else f"found {values[step].strip()!r}"
        raise InputError(
            f"{where}, step {step}: {what}, expected a number; fill it or leave the sequence out"
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
