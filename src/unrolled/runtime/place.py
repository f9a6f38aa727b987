"""Where a result goes: a file, which is replaced as a whole, or a stream, which is written into and never replaced.

Streams are pipes, terminals, devices such as ``/dev/null``, and what is open already, such as ``/dev/stdout``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, BinaryIO

from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.aliases import PathLike  # which needs NumPy, as the command line at its start does not

__all__ = ["find_stream", "open_stream", "refuse_inputs", "same_file"]

READER_COMES_IN = 10.0  # seconds


KINDS = {stat.S_IFDIR: "a folder; give the name of a file in it", stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}
"""What is neither a file nor a stream that a result is written to."""


def find_stream(path: PathLike) -> int | str | None:
    """A stream's open descriptor or path; None where ``path`` is a file, or nothing yet.

    Raises:
        InputError: it is a folder, a disk or a socket, or a stream that cannot be written to.

    >>> find_stream("/dev/null")
    '/dev/null'
    >>> find_stream("/dev/stderr"), find_stream("result.csv")
    (2, None)
    """
    place = os.fspath(path)
    try:
        descriptor = _descriptor(place)
        mode = (Path(place).stat() if descriptor is None else os.fstat(descriptor)).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"cannot write {place!r}: {getattr(error, 'strerror', error)}; choose another path") from None
    if descriptor is not None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise InputError(f"cannot write {place}: it is open for reading only")
        return descriptor
    if stat.S_IFMT(mode) in KINDS:
        raise InputError(f"cannot write {place}: it is {KINDS[stat.S_IFMT(mode)]}")
    if stat.S_ISREG(mode):
        return None
    if not os.access(place, os.W_OK):
        raise InputError(f"cannot write {place}: {os.strerror(13)}; choose another path")
    return place


def open_stream(stream: int | str) -> BinaryIO:
    """Open what :func:`find_stream` found.

    Raises:
        InputError: it is a named pipe, and nobody comes to read it.
    """
    if isinstance(stream, str):
        descriptor = _open(stream)
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "wb")
    for text in (sys.stdout, sys.stderr):  # what was printed before comes before
        text.flush()
    return os.fdopen(os.dup(stream), "wb")


def _open(place: str) -> int:
    """Open for writing, without waiting for ever for the reader of a pipe."""
    for _ in range(int(READER_COMES_IN / 0.05)):
        try:
            return os.open(place, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or not Path(place).is_fifo():
                raise
        sleep(0.05)
    raise InputError(f"cannot write {place}: it is a pipe that nobody reads; start its reader first")


def refuse_inputs(path: PathLike, inputs: Iterable[PathLike]) -> None:
    """Refuse to write over what is read.

    Raises:
        InputError: ``path`` is one of ``inputs``, by whatever name, link or hard link.
    """
    for each in inputs:
        if same_file(path, each):
            raise InputError(f"cannot write {path}: it is the input {each}, which would be lost; choose another path")


def same_file(path: PathLike, other: PathLike) -> bool:
    """Whether two paths lead to one file, now or once it is written; a terminal or other device is never meant."""
    try:
        found = Path(path).stat()
        return os.path.samestat(found, Path(other).stat()) and not stat.S_ISCHR(found.st_mode)
    except (OSError, ValueError):  # one is not there, but may be about to
        return os.path.realpath(path) == os.path.realpath(other)


def _descriptor(path: str) -> int | None:
    """The number that ``/dev/stdout``, ``/dev/fd/3``, ``/proc/self/fd/3`` or a link to such a name stands for."""
    folders = {Path(os.path.realpath("/proc/self/fd")), Path("/dev/fd")}
    for _ in range(40):  # as many links as the system follows
        folder, name = os.path.split(path)
        folder = Path(os.path.realpath(folder or "."))
        if folder in folders:
            return int(name) if name.isascii() and name.isdigit() else None
        link = Path(folder, name)
        if not link.is_symlink():
            return None
        path = str(folder / link.readlink())
    return None
