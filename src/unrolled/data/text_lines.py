"""Lines of a text file, one at a time, however large the file is; what is no text is named by its place."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from unrolled.errors import InputError

__all__ = ["text_lines"]

GZIP = b"\x1f\x8b"


def text_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file with their numbers from 1, without their ends; a file that gzip packed is unpacked.

    Raises:
        InputError: there is no such file, it is not UTF-8 or has a NUL byte (with line and offset), or is packed and damaged.
    """
    path = Path(path)
    offset = 0
    with _open(path) as file:
        try:
            for number, data in enumerate(file, 1):
                yield number, _decoded(data, path, number, offset).rstrip("\r\n")
                offset += len(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{path} is damaged: {error}; copy or download it again") from None


def _open(path: Path) -> IO[bytes]:
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
        return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, expected a text file") from None
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{str(path)!r} cannot be the name of a file: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(data: bytes, path: Path, number: int, offset: int) -> str:
    where = f"{path}, line {number}"
    if number == 1 and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{where}: byte 0x{data[0]:02x} at offset 0 begins UTF-16 text; save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        raise InputError(f"{where}: a NUL byte at offset {offset + nul}: not a text file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
        raise InputError(
            f"{where}: byte 0x{data[at]:02x} at offset {offset + at} is not UTF-8; save it as UTF-8"
        ) from None
    return text.removeprefix("\ufeff") if number == 1 else text
