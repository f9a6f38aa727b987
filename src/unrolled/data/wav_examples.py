"""Recordings as examples: a WAV file, or a folder of them, read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from unrolled.codecs.audio import other_rate
from unrolled.data.example_file import Example, ExampleFile, Place, Told, Wanted, refuse_each
from unrolled.data.wav import Waveform, labelled_wav_files, read_wav, wav_files
from unrolled.errors import InputError

__all__ = ["open_wav", "open_wav_folder"]


def open_wav(path: Path, told: Told, *, wanted: Wanted) -> ExampleFile:
    """Open a single recording.

    Raises:
        InputError: targets are requested, or it is not a WAV file.
    """
    told.allow(str(path))
    if wanted != "nothing":
        raise InputError(f"{path}: a recording has no label; give a folder of them with labels= or pattern=")
    waveform = read_wav(path)
    examples = iter([Example(waveform, None, Place("file", path.name))])
    return ExampleFile(str(path), "audio", examples, wanted, lambda: 1.0)


def open_wav_folder(path: Path, told: Told, *, wanted: Wanted) -> ExampleFile:
    """Open a folder of recordings (:func:`unrolled.data.wav.read_wav_folder`).

    Raises:
        InputError: there are none, or one has no label; each file is checked as it is read.
    """
    told.allow(str(path), "labels", "pattern")
    refuse_each(str(path), wanted)
    files: Sequence[tuple[Path, str | None]] = (
        [(file, None) for file in wav_files(path)]
        if wanted == "nothing"
        else labelled_wav_files(path, told.labels, pattern=told.pattern)
    )
    reading = _Reading(path, files)
    return ExampleFile(str(path), "audio", reading.examples(), wanted, lambda: reading.read / len(files))


class _Reading:
    """How many of the files have been read; all must have the rate of the first."""

    def __init__(self, folder: Path, files: Sequence[tuple[Path, str | None]]) -> None:
        self._folder, self._files = folder, files
        self.read = 0

    def examples(self) -> Iterator[Example]:
        first: Waveform | None = None
        for file, label in self._files:
            waveform = read_wav(file)
            first = first or waveform
            if waveform.rate != first.rate:
                raise other_rate(waveform.name, waveform.rate, first.rate, f"{first.name} has")
            self.read += 1
            yield Example(waveform, label, Place("file", str(file.relative_to(self._folder))))
