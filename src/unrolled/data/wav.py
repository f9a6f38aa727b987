"""Recordings in WAV files: single files, or a folder with labels."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.audio import other_rate
from unrolled.codecs.whole_characters import check_characters
from unrolled.data.csv import read_csv_table
from unrolled.data.folders import files_in
from unrolled.data.wav_header import missing_bytes
from unrolled.errors import InputError, MissingExtraError

__all__ = ["Waveform", "labelled_wav_files", "read_wav", "read_wav_folder", "reader_of_one_rate", "wav_files"]


@dataclass(frozen=True, eq=False)
class Waveform:
    """A recording: samples ``[n]`` from -1 to 1, the sampling rate in hertz, and a name for error messages."""

    samples: NDArray[np.float32]
    rate: int
    name: str = "the recording"


def read_wav(file: str | os.PathLike[str] | BinaryIO) -> Waveform:
    """Read a WAV file, given by its path or open, with libsndfile.

    Whole numbers become fractions of their largest size, from -1 to below 1. Several channels become their mean. The rate
    stays what it is.

    Raises:
        InputError: there is no such file, it is empty, it is no WAV file, or its end is missing.
        MissingExtraError: soundfile is not installed.

    >>> import io, wave
    >>> file = io.BytesIO()
    >>> with wave.open(file, "wb") as writer:
    ...     writer.setnchannels(1), writer.setsampwidth(2), writer.setframerate(8000)
    ...     writer.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())
    (None, None, None)
    >>> _ = file.seek(0)
    >>> waveform = read_wav(file)
    >>> waveform.samples.tolist(), waveform.rate
    ([0.0, 0.5, -1.0], 8000)
    """
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("reading WAV files", "soundfile", "audio") from None
    name = os.fspath(file) if isinstance(file, str | os.PathLike) else str(getattr(file, "name", "the recording"))
    if isinstance(file, str | os.PathLike):
        path = Path(file)
        if not path.is_file():
            raise InputError(f"{path} {'is a folder, expected a WAV file' if path.is_dir() else 'does not exist'}")
        if not path.stat().st_size:
            raise InputError(f"{path} is empty: 0 bytes, expected a WAV file")
        with path.open("rb") as opened:
            _refuse_cut(opened, name)
    elif file.seekable():
        _refuse_cut(file, name)
    try:
        with soundfile.SoundFile(file) as sound:
            kind, rate = sound.format, sound.samplerate
            channels = sound.read(dtype="float32", always_2d=True)  # [n, channels]
    except soundfile.LibsndfileError as error:
        raise InputError(f"{name} cannot be read as a WAV file: {error.error_string}") from None
    except (soundfile.SoundFileError, ValueError, TypeError, OverflowError, MemoryError) as error:  # of an odd header
        raise InputError(f"{name} cannot be read as a WAV file: {error}") from None
    if kind not in ("WAV", "WAVEX", "RF64"):
        raise InputError(f"{name} is a {kind} file, expected a WAV file")
    if not len(channels):
        raise InputError(f"{name} holds no samples")
    return Waveform(channels.mean(1, dtype=np.float64).astype(np.float32), rate, name)


def _refuse_cut(file: BinaryIO, name: str) -> None:
    missing = missing_bytes(file)
    if missing:
        raise InputError(
            f"{name} was cut: its header promises {missing:,} more bytes of samples; copy or record it again"
        )


def read_wav_folder(
    folder: str | os.PathLike[str],
    labels_file: str | os.PathLike[str] | None = None,
    *,
    pattern: str | None = None,
) -> tuple[list[Waveform], NDArray[np.str_]]:
    """The recordings of a folder in the order of their names, and their labels ``[N]``.

    Args:
        folder: holds the WAV files; without the other arguments in a sub-folder for each label.
        labels_file: a CSV or TSV file with the columns ``file``, relative to ``folder``, and ``label``.
        pattern: a regular expression that matches the whole name of each file and has a group ``label``, as
            ``r"(?P<label>\\d)_.*"`` for ``7_jackson_3.wav``.

    Raises:
        InputError: a file without a label or listed but not there, a name the pattern does not match, files at several rates,
            a file that :func:`read_wav` refuses.
        MissingExtraError: soundfile is not installed.
    """
    files = labelled_wav_files(folder, labels_file, pattern=pattern)
    read = reader_of_one_rate()
    waveforms = [read(path) for path, _ in files]
    return waveforms, np.array([label for _, label in files])


def wav_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The WAV files in a folder and those below it that are not hidden, in the order of their names.

    Raises:
        InputError: there is no such folder, or none in it.
    """
    return files_in(folder, "WAV files", [".wav"])


def reader_of_one_rate() -> Callable[[Path], Waveform]:
    """A function as :func:`read_wav` that also refuses a recording of another rate than the first it has read."""
    first: Waveform | None = None

    def read(file: Path) -> Waveform:
        nonlocal first
        waveform = read_wav(file)
        first = first or waveform
        if waveform.rate != first.rate:
            raise other_rate(waveform.name, waveform.rate, first.rate, f"{first.name} has")
        return waveform

    return read


def labelled_wav_files(
    folder: str | os.PathLike[str], labels_file: str | os.PathLike[str] | None = None, *, pattern: str | None = None
) -> list[tuple[Path, str]]:
    """The WAV files of a folder and their labels, before they are read; arguments are those of :func:`read_wav_folder`."""
    folder, files = Path(folder), wav_files(folder)
    if labels_file is not None and pattern is not None:
        raise InputError("labels_file and pattern both say what the labels are: give one of them")
    if labels_file is not None:
        listed = _listed(Path(labels_file), folder)
        labels = [_label_of(path, listed, labels_file) for path in files]
        unread = listed.keys() - {_whole(path) for path in files}
        if unread:
            raise InputError(
                f"{os.fspath(labels_file)} lists {min(unread)}, which is no visible file in {folder} that ends in .wav: leave the"
                " line out"
            )
    else:
        labels = [
            _label_in_folder(path, folder) if pattern is None else _label_in_name(path, pattern) for path in files
        ]
    for path, label in zip(files, labels, strict=True):  # a name of a file may be no text
        check_characters(label, f"{path!r}: its label")
    return list(zip(files, labels, strict=True))


def _listed(labels_file: Path, folder: Path) -> Mapping[Path, str]:
    """File → label, as the table says."""
    table = read_csv_table(labels_file)
    names, labels = (table.column(name, "the labels' table").texts or [] for name in ("file", "label"))
    found: dict[Path, str] = {}
    for row, (name, label) in enumerate(zip(names, labels, strict=True)):
        if name is None:
            raise table.cell_error(row, "file", "no name of a file; fill it in")
        if label is None:
            raise table.cell_error(row, "label", f"no label for {name!r}; fill it in")
        path = _whole(folder / name)
        if not path.is_file():
            raise table.cell_error(row, "file", f"{folder / name} does not exist")
        if path in found:
            raise table.cell_error(row, "file", f"{name!r} has a label already, {found[path]!r}; keep one of the lines")
        found[path] = label
    return found


def _label_of(path: Path, listed: Mapping[Path, str], labels_file: str | os.PathLike[str]) -> str:
    label = listed.get(_whole(path))
    if label is None:
        raise InputError(f"{path} has no label: add a line for it to {os.fspath(labels_file)}, or move it elsewhere")
    return label


def _whole(path: Path) -> Path:
    """The path from the root, however it was written; links stay what they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links


def _label_in_folder(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    if len(parts) != 2:
        raise InputError(
            f"{path} has no label: expected it in a folder named for its label directly below {folder},"
            " or labels_file= or pattern="
        )
    return parts[0]


def _label_in_name(path: Path, pattern: str) -> str:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise InputError(f"pattern {pattern!r} is no regular expression: {error}") from None
    if "label" not in expression.groupindex:
        raise InputError(f"pattern {pattern!r} has no group (?P<label>…)")
    match = expression.fullmatch(path.name)
    if match is None or match["label"] is None:
        raise InputError(f"{path} has no label: its name does not match pattern {pattern!r}")
    return match["label"]
