"""Replace a file as a whole or not at all: whoever reads it sees the old bytes or the new ones, never a mixture."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from unrolled.runtime.companions import open_temporary, target_of

__all__ = ["replacing", "write_atomically"]


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
    one that writes the same file. A link is followed, and an existing file keeps its permissions.

    Raises:
        InputError: the folder does not exist, or ``path`` is itself a folder.
        OSError: the system refused (disk full, no permission); it names ``path``.
    """
    target = target_of(path)
    temporary: Path | None = None
    try:
        descriptor, temporary = open_temporary(target)
        with os.fdopen(descriptor, "wb") as file:
            mode = _mode_of(target)
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
            temporary.replace(target)  # while it is held, or another process would sweep it
        _sync_folder(target.parent)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        own = (None, str(temporary), str(target.parent))
        if isinstance(error, OSError) and (temporary is None or error.filename in own):
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
