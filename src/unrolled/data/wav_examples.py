"""Recordings as examples: a WAV file, or a folder of them, read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel, refuse_step_targets
from unrolled.data.wav import labelled_wav_files, read_wav, reader_of_one_rate, wav_files
from unrolled.errors import InputError

__all__ = ["open_wav", "open_wav_folder"]


def open_wav(path: Path, options: ReadOptions, *, target_level: TargetLevel) -> ExampleFile:
    """Open a single recording.

    Raises:
        InputError: targets are requested, or it is not a WAV file.
    """
    options.allow(str(path))
    if target_level != "none":
        raise InputError(f"{path}: a recording has no label; give a folder of them with labels= or pattern=")
    waveform = read_wav(path)
    examples = iter([Example(waveform, None, Place("file", path.name))])
    return ExampleFile(str(path), "audio", examples, target_level, lambda: 1.0)


def open_wav_folder(path: Path, options: ReadOptions, *, target_level: TargetLevel) -> ExampleFile:
    """Open a folder of recordings (:func:`unrolled.data.wav.read_wav_folder`).

    Raises:
        InputError: there are none, or one has no label; each file is checked as it is read.
    """
    options.allow(str(path), "labels", "pattern")
    refuse_step_targets(str(path), target_level)
    files: Sequence[tuple[Path, str | None]] = (
        [(file, None) for file in wav_files(path)]
        if target_level == "none"
        else labelled_wav_files(path, options.labels, pattern=options.pattern)
    )
    reading = _Reading(path, files)
    return ExampleFile(str(path), "audio", reading.examples(), target_level, lambda: reading.read / len(files))


class _Reading:
    """How many of the files have been read; all must have the rate of the first."""

    def __init__(self, folder: Path, files: Sequence[tuple[Path, str | None]]) -> None:
        self._folder, self._files = folder, files
        self.read = 0

    def examples(self) -> Iterator[Example]:
        read = reader_of_one_rate()
        for file, label in self._files:
            waveform = read(file)
            self.read += 1
            yield Example(waveform, label, Place("file", str(file.relative_to(self._folder))))
