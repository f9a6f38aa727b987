"""Examples in NumPy's ``.npz`` files; no pickle is read."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.whole_characters import check_characters
from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel, refuse_step_targets
from unrolled.data.table import listed
from unrolled.errors import InputError

__all__ = ["npz_names", "npz_targets", "open_npz"]

DAMAGED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, SyntaxError, OverflowError, RecursionError, MemoryError, OSError,
    EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError,
)  # fmt: skip
"""What NumPy and the standard library raise where an archive, or a header in it, is not what it should be, or is encrypted."""


def open_npz(path: Path, options: ReadOptions, *, target_level: TargetLevel, vectors: bool = False) -> ExampleFile:
    """Open arrays ``X`` and, if targets are requested, ``y [N]``, or with ``vectors`` numbers ``y [N, D]``, too.

    ``X`` is ``[N, T, C]``, or ``[N, T]`` with one number per step, and ``lengths [N]`` can say how many of the T steps
    are valid; or it contains the concatenated steps of all sequences, ``[sum T, C]``, and ``lengths`` adds up to their
    number. The file is read into memory.

    Raises:
        InputError: an array is missing, has another shape, or contains values that are not finite.
    """
    options.allow(str(path))
    refuse_step_targets(str(path), target_level)
    arrays = _load(path)
    sequences = _Sequences(path, _numbers(path, arrays["X"]), _lengths(path, arrays))
    y = None if target_level == "none" else _targets(path, arrays, len(sequences), vectors=vectors)
    place = _Position(len(sequences))
    return ExampleFile(str(path), "numbers", _examples(path, sequences, y, place), target_level, lambda: place.share)


def npz_targets(path: Path) -> list[Any]:
    """The targets ``y [N]``, or ``[N, D]``, of a file that need hold nothing else.

    Raises:
        InputError: there are none, or they are neither texts nor finite numbers.
    """
    arrays = _load(path, "y")
    if not arrays["y"].size:
        raise InputError(f"{path}: y has shape {list(arrays['y'].shape)}, expected at least one")
    return _targets(path, arrays, len(arrays["y"]) if arrays["y"].ndim else 0, vectors=True)


def npz_names(path: Path) -> tuple[str, ...]:
    """The names of a file's arrays; none where it cannot be read, which :func:`open_npz` reports."""
    try:
        with path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            return tuple(file.files) if isinstance(file, np.lib.npyio.NpzFile) else ()
    except (FileNotFoundError, *DAMAGED):
        return ()


def _load(path: Path, needed: str = "X") -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InputError(f"{path} holds a single array, expected X and y: write it with numpy.savez")
            if needed not in file.files:
                raise InputError(f"{path}: no array {needed!r}; the arrays are {listed(file.files) or 'none'}")
            twice = next((name for name in file.files if file.files.count(name) > 1), None)
            if twice is not None:
                raise InputError(f"{path} holds two arrays {twice!r}; write each once")
            arrays: dict[str, Any] = {name: file[name] for name in ("X", "y", "lengths") if name in file.files}
            odd = next((name for name, array in arrays.items() if not isinstance(array, np.ndarray)), None)
            if odd is not None:
                raise InputError(f"{path}: {odd!r} is not an array; write it with numpy.savez")
            return arrays
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except DAMAGED as error:
        raise InputError(f"{path} cannot be read as a .npz file of numbers: {error}") from None


def _numbers(path: Path, X: NDArray[Any]) -> NDArray[Any]:
    if X.dtype.kind not in "iufb":
        raise InputError(f"{path}: X holds {X.dtype}, expected numbers")
    if X.ndim not in (2, 3) or not X.size:
        raise InputError(f"{path}: X has shape {list(X.shape)}, expected [N, T, C], [N, T] or [sum T, C]")
    return X


def _lengths(path: Path, arrays: dict[str, NDArray[Any]]) -> NDArray[np.int64] | None:
    lengths = arrays.get("lengths")
    if lengths is None:
        return None
    if lengths.ndim != 1 or not lengths.size or lengths.dtype.kind not in "iu" or (lengths < 1).any():
        raise InputError(
            f"{path}: lengths has shape {list(lengths.shape)} of {lengths.dtype}, expected whole numbers from 1 [N]"
        )
    if lengths.max() > arrays["X"].size:  # whose sum may be more than any number holds
        raise InputError(f"{path}: lengths reaches {lengths.max()}, but X holds {arrays['X'].size} numbers in all")
    return lengths.astype(np.int64)


def _targets(path: Path, arrays: dict[str, NDArray[Any]], count: int, *, vectors: bool) -> list[Any]:
    y = arrays.get("y")
    if y is None:
        raise InputError(f"{path}: no array 'y' with a target for each sequence; the arrays are {listed(arrays)}")
    if vectors and y.ndim == 2 and y.shape[1] and len(y) == count and y.dtype.kind in "iuf":
        return _vectors(path, y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != (count,) or y.dtype.kind not in "iufbU":
        more = ", or a vector of numbers" if vectors else ""
        raise InputError(
            f"{path}: y has shape {list(y.shape)} of {y.dtype}, expected {count} texts or numbers, one a sequence{more}"
        )
    try:
        targets: list[Any] = y.tolist()
    except (SystemError, ValueError):  # numbers beyond all characters
        raise InputError(f"{path}: y holds texts of what are no characters; write them again") from None
    for n, target in enumerate(targets):
        if isinstance(target, str):
            check_characters(target, f"{path}, row {n}: the target {target!r}")
    return targets


def _vectors(path: Path, y: NDArray[Any]) -> list[Any]:
    with np.errstate(over="ignore"):
        numbers = y.astype(np.float64)
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        row, number = bad[0].tolist()
        raise InputError(f"{path}, row {row}: number {number} of y is {y[row, number]}, expected a finite number")
    return numbers.tolist()


class _Sequences:
    """``X`` cut into sequences ``[T, C]``."""

    def __init__(self, path: Path, X: NDArray[Any], lengths: NDArray[np.int64] | None) -> None:
        self._lengths = lengths
        self._ends: NDArray[np.int64] | None = None
        if lengths is not None and (X.ndim == 2 and int(lengths.sum()) == len(X)):
            self._ends = np.cumsum(lengths)
        self._X = X if X.ndim == 3 or self._ends is not None else X[..., None]
        if lengths is not None and self._ends is None and (len(lengths) != len(X) or lengths.max() > X.shape[1]):
            raise InputError(
                f"{path}: lengths [{len(lengths)}] adds up to {lengths.sum()} and reaches {lengths.max()}, which does not fit X"
                f" {list(X.shape)}: expected {len(X)} of at most {X.shape[1]}, or [N] whose sum is the rows of X"
            )

    def __len__(self) -> int:
        return len(self._X) if self._ends is None else len(self._ends)

    def __getitem__(self, n: int) -> NDArray[np.float64]:
        if self._ends is not None and self._lengths is not None:
            part = self._X[self._ends[n] - self._lengths[n] : self._ends[n]]
        else:
            part = self._X[n] if self._lengths is None else self._X[n, : self._lengths[n]]
        with np.errstate(over="ignore"):  # a number of more bits than 64 may become infinite, which is refused
            return part.astype(np.float64)


@dataclass
class _Position:
    """How many of the sequences have been read."""

    count: int
    read: int = 0

    @property
    def share(self) -> float:
        return self.read / self.count


def _examples(path: Path, sequences: _Sequences, y: list[Any] | None, place: _Position) -> Iterator[Example]:
    for n in range(len(sequences)):
        sequence = sequences[n]
        bad = np.argwhere(~np.isfinite(sequence))
        if len(bad):
            step, number = bad[0].tolist()
            raise InputError(
                f"{path}, row {n}: step {step}, number {number} is {sequence[step, number]}, expected a finite number;"
                " correct it or leave the sequence out"
            )
        place.read = n + 1
        yield Example(sequence, None if y is None else y[n], Place("row", n))
