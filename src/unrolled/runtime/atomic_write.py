"""Replace a file as a whole or not at all: whoever reads it sees the old bytes or the new ones, never a mixture."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from unrolled.errors import InputError

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
    the old file is untouched and the temporary file is removed. A link is followed, and an existing file keeps its
    permissions.

    Raises:
        InputError: the folder does not exist, or ``path`` is itself a folder.
        OSError: the system refused (disk full, no permission); it names ``path``.
    """
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise InputError(
            f"cannot write {path}: there is no folder {target.parent}; create it first or choose another path"
        )
    if target.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file in it")
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # the umask applies, as ever
        with os.fdopen(descriptor, "wb") as file:
            mode = _mode_of(target)
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (None, str(temporary), str(target.parent)):
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
