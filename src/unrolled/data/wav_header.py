"""The chunks of a WAV file: how many bytes of samples its header promises, and how many are there.

Source: Microsoft and IBM 1991, *Multimedia Programming Interface and Data Specifications 1.0*; of files above 4 GB EBU Tech 3306.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

__all__ = ["missing_bytes"]

UNKNOWN = 0x7FFFF000  # a program that writes into a pipe cannot know the size; what it writes instead begins here


def missing_bytes(file: BinaryIO) -> int:
    r"""Bytes of samples that the file promises and does not hold; 0 where it does not say how many there should be.

    >>> import io
    >>> header = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    >>> [missing_bytes(io.BytesIO(header + b"data\x04\0\0\0" + samples)) for samples in (b"\0\0\0\0", b"\0")]
    [0, 3]
    """
    begin = file.tell()
    end = file.seek(0, 2)
    file.seek(begin)
    promised = _promised(file)
    missing = 0 if promised is None else max(0, promised - (end - file.tell()))
    file.seek(begin)
    return missing


def _promised(file: BinaryIO) -> int | None:
    """Bytes of the first chunk ``data``, where the file then stands; None if there is none, or its size is not known."""
    kind, large = file.read(12), None
    order = ">" if kind[:4] == b"RIFX" else "<"
    if kind[:4] not in (b"RIFF", b"RIFX", b"RF64") or kind[8:] != b"WAVE":
        return None
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", header)
        if name == b"data":
            if large is not None and size == 0xFFFFFFFF:
                return large
            return size if 0 < size < UNKNOWN else None
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            large = int.from_bytes(sizes[8:], "little")
            size -= 16
        file.seek(size + size % 2, 1)
    return None
