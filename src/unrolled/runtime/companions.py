"""Files beside another: the one a path names, the names of those that stand beside it, and what killed processes left.

A file that is being written has a hidden name of its own until it is whole, and its process holds a lock on it. The system
takes the lock back from a process that dies, however it dies; so a temporary file without a lock belongs to nobody.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from unrolled.errors import InputError

__all__ = ["beside", "is_at", "open_temporary", "target_of"]

LONGEST_NAME = 255  # bytes, not characters, on every system this library runs on
NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP)
TOKEN = 16  # hexadecimal digits


def target_of(path: str | os.PathLike[str]) -> Path:
    """The file that a path names: links are followed, so that all paths to a file give the same.

    Raises:
        InputError: its folder does not exist, the path is itself a folder, or no path at all.
    """
    try:
        target = Path(path).resolve()
        is_folder, has_folder = target.is_dir(), target.parent.is_dir()
    except (ValueError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_NAME:
            raise
        reason = error.strerror if isinstance(error, OSError) else error  # a NUL, or links in a circle
        raise InputError(f"cannot write {str(path)!r}: {reason}; choose another path") from None
    if is_folder:
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file in it")
    if not has_folder and target.parent.exists():
        raise InputError(f"cannot write {path}: {target.parent} is a file, not a folder; choose another path")
    if not has_folder:
        raise InputError(
            f"cannot write {path}: there is no folder {target.parent}; create it first or choose another path"
        )
    return target


def beside(target: Path, prefix: str, suffix: str) -> Path:
    """A file in the same folder, called after ``target``; of a long name as much as fits, and a digest of all of it.

    >>> beside(Path("models/sales"), "", ".lock").name
    'sales.lock'
    >>> len(os.fsencode(beside(Path("é" * 120), ".", ".tmp").name)) <= LONGEST_NAME
    True
    """
    name = os.fsencode(target.name)
    room = LONGEST_NAME - len(prefix) - len(suffix)
    if len(name) > room:
        digest = "~" + hashlib.sha256(name).hexdigest()[:TOKEN]
        name = name[: room - len(digest)].decode(errors="ignore").encode() + digest.encode()
    return target.with_name(prefix + os.fsdecode(name) + suffix)


def open_temporary(target: Path) -> tuple[int, Path]:
    """A new empty file beside ``target`` that this process holds; those that dead processes left there are removed."""
    _sweep(target)
    while True:
        temporary = beside(target, ".", f".{secrets.token_hex(TOKEN // 2)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)  # the umask applies
        if _held(descriptor) and is_at(temporary, descriptor):
            return descriptor, temporary
        os.close(descriptor)  # swept by another process before it was held


def _held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # there are no locks, as on some network drives: nothing is swept there either
        return True
    return True


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _sweep(target: Path) -> None:
    """Remove the temporary files of ``target`` that no living process holds."""
    pattern = beside(target, ".", f".{'0' * TOKEN}.tmp").name.rpartition("0" * TOKEN)
    name = re.compile(re.escape(pattern[0]) + f"[0-9a-f]{{{TOKEN}}}" + re.escape(pattern[2]))
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:  # a folder may be written and not listed
        for entry in entries:
            if name.fullmatch(entry.name):
                with contextlib.suppress(OSError):  # held, or removed meanwhile, or another user's
                    _remove_unheld(Path(entry.path))


def _remove_unheld(temporary: Path) -> None:
    descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(temporary, descriptor):
                temporary.unlink()
    finally:
        os.close(descriptor)
