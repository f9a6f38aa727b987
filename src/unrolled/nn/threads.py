"""Which threads torch and the kernels run on.

After each of its loops OpenMP lets its threads spin for a while, ready for the next loop. Threads of another pool would
have to compete with them for the same processors: on two cores a training step took up to 1.6 times as long. So the
kernels run on torch's own OpenMP team.

But a loop of OpenMP ends when every thread of the team has been there. Where other programs want the processors, too, each
of the hundreds of short loops of a small network's step waits until the system lets the last thread run: such a step took
thirty times as long. There torch is better off with one thread, and the kernels with their own, which nobody waits for
unless they have begun.
"""

from __future__ import annotations

import ctypes
import multiprocessing.context
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

import torch

from unrolled.kernels import _native
from unrolled.kernels.threads import default_threads

__all__ = ["follow_forks", "kernel_threads", "kernels_apart", "share_torch_threads"]


class _Apart(threading.local):
    threads: int | None = None
    """How many torch had in this thread before it was parted from the kernels; None where it is not."""


_apart = _Apart()
_lock, _calls_apart = threading.Lock(), 0
_child = False
"""Whether this process is a forked one, in which a team that torch had started is gone for good."""


def share_torch_threads() -> bool:
    """Hand the kernels the OpenMP runtime that torch loaded; False if none is usable, they keep their own threads."""
    try:
        parallel = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError):  # torch without OpenMP, or with its symbols hidden
        return False
    address = None if _child else ctypes.cast(parallel, ctypes.c_void_p).value
    _native.borrow_threads(address or 0)
    return bool(address)


def kernel_threads() -> int:
    """How many threads the kernels may use in a call: as many as torch has, or had before they were parted."""
    return _apart.threads or torch.get_num_threads()


@contextmanager
def kernels_apart() -> Generator[None]:
    """Torch on one thread, the kernels on as many of their own as torch had, within :func:`default_threads`."""
    global _calls_apart
    before, outer = torch.get_num_threads(), _apart.threads
    threads = outer or min(before, default_threads())
    with _lock:
        _calls_apart += 1
        _native.borrow_threads(0)
    torch.set_num_threads(1)
    _apart.threads = threads
    try:
        yield
    finally:
        _apart.threads = outer
        torch.set_num_threads(before)
        with _lock:
            _calls_apart -= 1
            if not _calls_apart:
                share_torch_threads()


def follow_forks() -> None:
    """Let torch run on one thread in forked processes: any loop for a team whose threads stayed behind would never end."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_be_a_child)
    if isinstance(multiprocessing.current_process(), getattr(multiprocessing.context, "ForkProcess", ())):
        _be_a_child()  # what the parent did with torch cannot be known


def _be_a_child() -> None:
    global _child, _lock, _calls_apart
    _child, _lock, _calls_apart = True, threading.Lock(), 0
    torch.set_num_threads(1)
