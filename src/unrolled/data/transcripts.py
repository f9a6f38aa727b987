"""Items and what is said in each, in files: recordings with their transcripts, or steps of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from unrolled.data.example_file import Example, ExampleFile, Place
from unrolled.data.pairs import PairOptions, open_pairs
from unrolled.data.text_lines import unpacked_suffix
from unrolled.data.wav import reader_of_one_rate, wav_files
from unrolled.errors import InputError

__all__ = ["open_transcripts", "recordings_named"]

LISTS = (".tsv", ".csv", ".jsonl", ".ndjson")  # of files and transcripts


def open_transcripts(path: Path, table: Path | None = None, options: PairOptions | None = None) -> ExampleFile:
    """Open recordings and their transcripts; they are read one after the other.

    =========================== ======================================================================================
    path                        what is said
    =========================== ======================================================================================
    a folder of WAV files       in a text file beside each recording: ``yes.txt`` for ``yes.wav``
    a folder, and a ``table``   in the table: files relative to the folder, and their transcripts
    ``.tsv``, ``.csv``          in this table: files relative to the folder that it is in, and their transcripts
    ``.jsonl``                  ``{"source": …, "target": …}``: a file likewise, or steps of numbers, and what is said
    =========================== ======================================================================================

    Tables are those of :func:`unrolled.data.pairs.open_pairs`: their columns are ``source`` and ``target``, or are named by
    ``options``, or are the only two; a TSV file may begin with a pair.

    Raises:
        InputError: there is no such file, a transcript is missing or empty, or the recordings have several rates; each is checked
            as it is read, and named by its place.
    """
    if path.is_dir():
        if table is None:
            files = wav_files(path)
            return ExampleFile(str(path), "audio", _beside(path, files), "sequence", lambda: 0.0)
        return _listed(open_pairs(table, None, options), path)
    if table is not None:
        raise InputError(f"{path} is no folder: transcripts= is for a folder of recordings; leave it out")
    if path.suffix.lower() == ".wav":
        raise InputError(
            f"{path} is a single recording: expected a folder of them, or a table of files and their transcripts"
        )
    layout = None if options is None else options.layout
    if layout is None and path.is_file() and unpacked_suffix(path) not in LISTS:
        raise InputError(
            f"{path}: expected a folder of WAV files, each with a .txt file, or a table of files and their transcripts, which"
            " ends in .tsv, .csv or .jsonl"
        )
    opened = open_pairs(path, None, options)
    return opened if opened.kind == "numbers" else _listed(opened, path.parent)


def recordings_named(opened: ExampleFile, folder: Path) -> ExampleFile:
    """Pairs whose sources are the names of WAV files in a folder, as that of the first is, with these; others as they are.

    Raises:
        InputError: the first pair is none; the others, and the recordings, are checked as they are read.
    """
    first = list(islice(opened.examples, 1))
    opened = replace(opened, examples=chain(first, opened.examples))
    named = [each.item.lower().endswith(".wav") for each in first if isinstance(each.item, str)]
    return _listed(opened, folder) if any(named) else opened


def _beside(folder: Path, files: list[Path]) -> Iterator[Example]:
    """Recordings with a text file beside each."""
    read = reader_of_one_rate()
    for file in files:
        text = file.with_suffix(".txt")
        if not text.is_file():
            raise InputError(
                f"{file} has no transcript: expected it in {text}, or a table of files and transcripts (transcripts=)"
            )
        try:
            said = " ".join(text.read_text("utf-8-sig").split())
        except UnicodeDecodeError as error:
            raise InputError(f"{text}: byte {error.start} is no UTF-8; save it as UTF-8") from None
        if not said:
            raise InputError(f"{text} is empty: what is said in {file}? leave the recording out if nothing is")
        yield Example(read(file), said, Place("file", str(file.relative_to(folder))))


def _listed(pairs: ExampleFile, folder: Path) -> ExampleFile:
    """Recordings that a file of pairs names."""
    if pairs.kind != "text":
        pairs.close()
        raise InputError(f"{pairs.source}: a source is a list of tokens, expected a file's name, or steps of numbers")

    def examples() -> Iterator[Example]:
        read = reader_of_one_rate()
        for name, said, place in pairs.examples:
            file = folder / name
            if not file.is_file():
                raise InputError(f"{pairs.source}, {place}: {file} does not exist; correct it or leave the line out")
            yield Example(read(file), said, place)

    return ExampleFile(
        pairs.source, "audio", examples(), pairs.target_level, pairs.share, pairs.close, pairs.columns, pairs.notes
    )
