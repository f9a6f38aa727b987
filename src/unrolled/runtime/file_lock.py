"""One writer at a time: a lock that the system takes back from a process that dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from unrolled.errors import InputError

__all__ = ["only_writer"]


@contextmanager
def only_writer(path: Path) -> Generator[None, None, None]:
    """Hold ``path`` against other processes and threads, by a lock on the file ``path.lock`` beside it.

    A lock file left behind by a process that was killed is taken over: the file says who, the lock on it says whether.

    Raises:
        InputError: another process holds it, which is named; or there is no such folder.
    """
    lock = path.with_name(path.name + ".lock")
    if not path.parent.is_dir():
        raise InputError(
            f"cannot write {path}: there is no folder {path.parent}; create it first or choose another path"
        )
    descriptor = _locked(lock, path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        lock.unlink(missing_ok=True)  # before it is let go: whoever opened it already finds that it is gone
        os.close(descriptor)


def _locked(lock: Path, path: Path) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace") or "that just began"
            os.close(descriptor)
            raise InputError(
                f"{path} is being written by process {holder}: wait for it or stop it, or choose another path"
            ) from None
        if _is_at(lock, descriptor):
            return descriptor
        os.close(descriptor)  # its holder removed it between the two calls


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
