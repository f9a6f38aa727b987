"""One writer at a time: a lock that the system takes back from a process that dies, however it dies."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from unrolled.errors import InputError
from unrolled.runtime.companions import beside, is_at, target_of

__all__ = ["only_writer"]

NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENXIO)  # what opening a link, a folder or a socket ends in


@contextmanager
def only_writer(path: Path) -> Generator[None, None, None]:
    """Hold ``path`` against other processes and threads, by a lock on the file ``path.lock`` beside it.

    Links are followed first, so all paths to a file have one lock. A lock file left behind by a process that was killed is
    taken over: the file says who, the lock on it says whether.

    Raises:
        InputError: another process holds it, which is named; there is no such folder; or what stands in the lock's place is
            none, which is left untouched.
    """
    lock = beside(target_of(path), "", ".lock")
    descriptor = _locked(lock, path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        if is_at(lock, descriptor):  # who removed it by hand may have let another writer in
            lock.unlink()  # before it is let go: whoever opened it already finds that it is gone
        os.close(descriptor)


def _locked(lock: Path, path: Path) -> int:
    while True:
        descriptor = _opened(lock, path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace") or "that just began"
            os.close(descriptor)
            raise InputError(
                f"{path} is being written by process {holder}: wait for it or stop it, or choose another path"
            ) from None
        if is_at(lock, descriptor):
            return descriptor
        os.close(descriptor)  # its holder removed it between the two calls


def _opened(lock: Path, path: Path) -> int:
    """The lock file, open, and sure to be one: nothing else is ever written to."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(lock, flags, 0o666)
    except OSError as error:
        if error.errno in NO_FILE:
            raise _no_lock(lock, path) from None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and re.fullmatch(rb"\d{0,20}", os.pread(descriptor, 21, 0)):
        return descriptor
    os.close(descriptor)
    raise _no_lock(lock, path)


def _no_lock(lock: Path, path: Path) -> InputError:
    return InputError(
        f"cannot write {path}: {lock} stands where its lock would, and is none; remove it, or choose another path"
    )
