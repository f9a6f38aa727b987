"""The record of a run: rows of a CSV file, and TensorBoard's events where it is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from unrolled.errors import InputError, MissingExtraError
from unrolled.runtime.atomic_write import check_place

__all__ = ["COLUMNS", "Recording"]

COLUMNS = ("step", "loss", "gradient_norm", "update", "saturated", "reach")
"""Of the CSV file; the last three only at steps that are looked at closely: the largest change of a recurrent matrix relative to
its norm; the share of gates that are nearly open or shut; the gradient at the first step relative to the last one's."""
HEADER = ",".join(COLUMNS)


class Recording:
    """Writes rows as they come, so that they are there when the run is killed; of a run without one nothing is written.

    Args:
        path: of the CSV file; None for no file.
        tensorboard: a folder, False, or None: beside the file if TensorBoard is installed.
    """

    def __init__(self, path: str | os.PathLike[str] | None, tensorboard: str | os.PathLike[str] | bool | None) -> None:
        self.path = None if path is None else Path(path)
        if tensorboard in (None, True):
            wanted = (self.path is not None and find_spec("tensorboard") is not None) or tensorboard is True
            base = self.path or Path("watch.csv")
            tensorboard = base.with_name(f"{base.stem}-tensorboard") if wanted else False
        self.folder = None if tensorboard is False else Path(tensorboard)
        if self.folder is not None and find_spec("tensorboard") is None:
            raise MissingExtraError("a record for TensorBoard", "tensorboard", "watch")
        self.written = False
        """Whether there was a row since it was begun."""
        self._file: TextIO | None = None
        self._board: Any = None
        self._here = Path.cwd()
        if self.path is not None:
            _check(self.path)

    @property
    def wanted(self) -> bool:
        """Whether anything is written."""
        return self.path is not None or self.folder is not None

    def begin(self) -> None:
        """Get ready: the first row will replace the file of an earlier run."""
        self.written, self._here = False, Path.cwd()
        if self.path is not None:
            _check(self.path)

    def _open(self) -> None:
        """Open what is written to, in the folder that the run began in."""
        self.written = True
        if self.path is not None:
            self._file = (self._here / self.path).open("w", encoding="utf-8", newline="")
            self._file.write(HEADER + "\n")
        if self.folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self._here / self.folder))

    def add(self, row: Mapping[str, float | None]) -> None:
        """Write a row."""
        if not self.written:
            self._open()
        if self._file is not None:
            self._file.write(",".join(_written(row.get(column)) for column in COLUMNS) + "\n")
        if self._board is not None:
            for column in COLUMNS[1:]:
                value = row.get(column)
                if value is not None:
                    self._board.add_scalar(column, value, row["step"])

    def flush(self) -> None:
        """Let readers see all rows."""
        if self._file is not None:
            self._file.flush()

    def end(self) -> None:
        """Close everything."""
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()
        self._file = self._board = None


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"


def _check(path: Path) -> None:
    """Refuse a place that cannot be written, or a file that is none of ours."""
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the path of a file")
    check_place(path)
    if path.is_file():
        with path.open("rb") as file:
            begin = file.read(len(HEADER) + 1)
        if begin and begin != f"{HEADER}\n".encode():
            raise InputError(f"{path} is there and is no record of a watcher: choose another path, or remove it")
