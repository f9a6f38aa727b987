"""The files of a folder that are data: those that end as expected, in it and below it, and are not hidden."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from unrolled.errors import InputError

__all__ = ["files_in", "visible_files"]


def visible_files(folder: Path, endings: Sequence[str]) -> Iterator[Path]:
    """Files in any order; none where it is no folder.

    What is hidden is left out: files and folders whose names begin with a dot, as the copies of notebooks and the notes
    that macOS puts beside files on foreign disks.
    """
    for path in folder.rglob("*"):
        shown = not any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in endings and shown and path.is_file():
            yield path


def files_in(folder: str | os.PathLike[str], called: str, endings: Sequence[str]) -> list[Path]:
    """The visible files, at least one, in the order of their names.

    Args:
        folder: where they are, or below it.
        called: what they are, for messages.
        endings: of their names, in lower case.

    Raises:
        InputError: there is no such folder, or none in it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.WAV", "a.wav", ".hidden.wav", "notes.txt"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in files_in(folder, "WAV files", [".wav"])]
    ['a.wav', 'b.WAV']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} {'is a file' if folder.exists() else 'does not exist'}, expected a folder of {called}"
        )
    files = sorted(visible_files(folder, endings))
    if not files:
        raise InputError(f"{folder} holds no files that end in {' or '.join(endings)}")
    return files
