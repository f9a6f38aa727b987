"""Lines of text files, read one after the other: every byte accounted for, nothing held but the line at hand."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unrolled.errors import InputError

__all__ = ["TextLines", "unpacked_suffix"]

GZIP = b"\x1f\x8b"
STANDARD_INPUT = "-"
LONGEST_LINE = 2**26
OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"PAR1": "a Parquet file, whose name has to end in .parquet",
}
_MARK = b"\xef\xbb\xbf"


def unpacked_suffix(path: Path) -> str:
    """How a file's name ends, in lower case, before it was packed by gzip.

    >>> unpacked_suffix(Path("reviews.CSV.gz")), unpacked_suffix(Path("tune.mid"))
    ('.csv', '.mid')
    """
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()


class TextLines:
    r"""Iterate once over the lines of a UTF-8 file, each with the end it has there.

    A byte order mark is dropped, and what gzip packed is unpacked. A pipe is read as a file is, and ``-`` is the standard input.

    Args:
        path: the file.
        expected: what errors say was expected, such as ``a CSV file``.

    Raises:
        InputError: no such file, a folder, a workbook, not UTF-8, a NUL byte (with offset and line), or a line without end.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.txt"
    ...     _ = file.write_bytes(b"one\r\ntwo")
    ...     with TextLines(file, "a text file") as lines:
    ...         list(lines), lines.share
    (['one\r\n', 'two'], 1.0)
    """

    def __init__(self, path: str | os.PathLike[str], expected: str) -> None:
        self._standard_input = os.fspath(path) == STANDARD_INPUT
        self.path = Path("standard input" if self._standard_input else path)
        self._raw = _standard_input() if self._standard_input else _open(self.path, expected)
        begins = self._raw.peek(4)
        for mark, what in OTHERS.items():
            if begins.startswith(mark):
                self.close()
                raise InputError(f"{self.path} is {what}; expected {expected}")
        self._file = gzip.GzipFile(fileobj=self._raw) if begins.startswith(GZIP) else self._raw
        self._size = 0 if self._standard_input else os.fstat(self._raw.fileno()).st_size
        self._offset = 0

    def __enter__(self) -> TextLines:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is closed by itself where a ``with`` block ends."""
        if not self._standard_input:
            self._raw.close()

    @property
    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._raw.tell() / self._size if self._size else 1.0

    def __iter__(self) -> Iterator[str]:
        try:
            for number, data in enumerate(iter(self._line, b""), 1):
                text = self._decoded(data, number)
                self._offset += len(data)
                yield from io.StringIO(text, newline="")  # a carriage return alone ends a line, too
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{self.path} is damaged: {error}; copy or download it again") from None

    def _line(self) -> bytes:
        data = self._file.readline(LONGEST_LINE + 1)
        if len(data) > LONGEST_LINE:
            raise InputError(
                f"{self.path}: a line is longer than {LONGEST_LINE:,} bytes, which begins at offset {self._offset:,};"
                " write shorter ones"
            )
        return data

    def _decoded(self, data: bytes, number: int) -> str:
        start = self._offset
        if number == 1:
            if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise InputError(
                    f"{self.path} is not UTF-8: byte 0x{data[0]:02x} at offset 0 begins UTF-16 text; save it as UTF-8"
                )
            if data.startswith(_MARK):
                data, start = data[3:], 3
        nul = data.find(b"\0")
        if nul >= 0:
            raise InputError(f"{self.path} is not a text file: a NUL byte at offset {start + nul} (line {number})")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            offset = error.start
            raise InputError(
                f"{self.path} is not UTF-8: byte 0x{data[offset]:02x} at offset {start + offset} (line {number});"
                " save it as UTF-8"
            ) from None


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:
        raise InputError("there is no standard input to read; name a file")
    buffer: Any = sys.stdin.buffer
    return buffer if isinstance(buffer, io.BufferedReader) else io.BufferedReader(buffer)


def _open(path: Path, expected: str) -> io.BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, expected {expected}") from None
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{str(path)!r} cannot be the name of a file: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
