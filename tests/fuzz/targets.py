"""The kinds of file that are damaged: good ones to begin with, what damages them, and what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import model_files
import numpy as np
import onnx_files
from array_files import NpzFiles, WavFiles
from music_files import MidiFiles, NoteLines
from text_files import ConllFiles, CsvFiles, JsonLinesFiles, PairFiles, TsFiles

__all__ = ["TARGETS", "Target"]


class Target(Protocol):
    """A kind of file."""

    suffix: str

    def __init__(self, folder: Path) -> None: ...

    def check_seeds(self) -> None:
        """Use the good files: they must not be refused."""

    def case(self, rng: np.random.Generator) -> bytes:
        """A damaged file."""
        ...

    def use(self, case: bytes) -> None:
        """Read a file, and use what was read."""


TARGETS: dict[str, type[Target]] = {
    "models": model_files.ModelFiles,
    "onnx": onnx_files.OnnxFiles,
    "csv": CsvFiles,
    "jsonl": JsonLinesFiles,
    "conll": ConllFiles,
    "pairs": PairFiles,
    "ts": TsFiles,
    "npz": NpzFiles,
    "wav": WavFiles,
    "midi": MidiFiles,
    "notes": NoteLines,
}
