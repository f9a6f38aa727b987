"""Files of recordings or steps at the command line, and of what is said in each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unrolled.cli.pair_files import SourceFileOptions, TranscriptFileOptions, open_recordings, pair_options

if TYPE_CHECKING:
    from unrolled.cli.task import Model
    from unrolled.data.example_file import ExampleFile

__all__ = ["open_items", "open_known"]


def open_known(file: Path, options: TranscriptFileOptions, model: Model | None = None) -> ExampleFile:
    """Open items and what is said in each, of the kinds that a model was trained on."""
    from unrolled.data.transcripts import open_transcripts

    return open_transcripts(file, options.transcripts, pair_options(options, model))


def open_items(model: Model, file: Path, options: SourceFileOptions) -> ExampleFile:
    """Open items alone: a recording, a folder or a table of them, or steps of numbers."""
    from unrolled.data.examples import open_example_file
    from unrolled.data.pairs import open_pairs

    if model.estimator.item_kind_ == "numbers" and ".jsonl" in file.suffixes:
        return open_pairs(file, None, pair_options(options, model), targets=False)
    if model.estimator.item_kind_ == "audio":
        return open_recordings(model, file, options)
    return open_example_file(file, target_level="none")
