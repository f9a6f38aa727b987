"""Replace a file as a whole or not at all: whoever reads it sees the old bytes or the new ones, never a mixture."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from unrolled.errors import InputError

__all__ = ["write_atomically"]


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder.

    The order is: write the temporary file, fsync it, rename it over ``path``, fsync the folder. After a crash or a
    power cut at any moment the path holds either the old content or the new. When writing fails the old file is
    untouched and the temporary file is removed. A link is followed, and an existing file keeps its permissions.

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
        _write_and_sync(temporary, data, mode=_mode_of(target))
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _write_and_sync(path: Path, data: bytes, mode: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # the umask applies, as for any new file
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
