"""Replace a file as a whole or not at all: whoever reads it sees the old bytes or the new ones, never a mixture."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import BinaryIO

from unrolled.errors import InputError
from unrolled.runtime.companions import open_temporary, target_of
from unrolled.runtime.place import find_stream, open_stream, refuse_inputs

__all__ = ["check_place", "replacing", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all (:func:`replacing`)."""
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[BinaryIO, None, None]:
    """Yield a file to write to that becomes ``path`` when the block has ended well.

    The order is: write a temporary file in the same folder, fsync it, rename it over ``path``, fsync the folder. After a
    crash or a power cut at any moment the path holds either the old content or the new. When the block or the writing fails
    the old file is untouched and the temporary file is removed; that of a process that was killed is removed by the next
    one that writes the same file. A link is followed, and an existing file keeps its permissions. A pipe, a terminal or a
    device is not replaced but written into (:mod:`unrolled.runtime.place`).

    Raises:
        InputError: the folder does not exist, or ``path`` is itself a folder.
        OSError: the system refused (disk full, no permission, a write-protected file); it names ``path``.
    """
    stream = find_stream(path)
    if stream is not None:
        with _errors_that_name(path), open_stream(stream) as file:
            yield file
        return
    target = target_of(path)
    with (
        _errors_that_name(path, target, target.parent) as own,
        _temporary_beside(target) as (file, temporary),
    ):
        own.append(str(temporary))
        yield file
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(target)  # while it is held, or another process would sweep it
        _sync_folder(target.parent)


def check_place(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Find out before the work whether its result can be written to ``path``, at which nothing is changed.

    Args:
        path: where :func:`replacing` is to write.
        inputs: files that are read, none of which ``path`` may be.

    Raises:
        InputError: it cannot be written, or is an input.
    """
    refuse_inputs(path, inputs)
    if find_stream(path) is not None:
        return
    try:
        with _temporary_beside(target_of(path)) as (file, temporary):
            file.write(bytes(4096))  # a full disk takes an empty file
            file.flush()
            temporary.unlink()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another path") from None


@contextlib.contextmanager
def _temporary_beside(target: Path) -> Generator[tuple[BinaryIO, Path], None, None]:
    """A new file in the same folder, with the permissions the target has; it is removed if the block fails."""
    mode = _mode_of(target)
    try:
        descriptor, temporary = open_temporary(target)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield file, temporary
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def _errors_that_name(path: str | os.PathLike[str], *own: Path) -> Generator[list[str], None, None]:
    """Let errors of the system about files of our ``own``, or none, name the file the user knows."""
    names = [str(each) for each in own]
    try:
        yield names
    except OSError as error:
        if error.filename is None or str(error.filename) in names:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def _mode_of(path: Path) -> int | None:
    """The permissions of a file, which must be one that may be changed; None if there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return None
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
