"""How many threads a call may use: the environment, the processors this process may run on, the container's quota."""

from __future__ import annotations

import math
import os
import re
import reprlib
from functools import lru_cache
from pathlib import Path

from unrolled.errors import InputError
from unrolled.kernels.admission import whole_number

__all__ = ["chosen_threads", "default_threads"]

MOST_THREADS = 1024

_QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")


def _container_quota() -> int | None:
    """Processors the container's quota amounts to, if it has one."""
    try:
        quota, period = _QUOTA_FILE.read_text(encoding="ascii").split()
        return math.ceil(float(quota) / float(period))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return None


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _available() -> int:
    return max(1, min(_processors(), _container_quota() or _processors()))


def default_threads() -> int:
    """Threads a kernel call uses unless told otherwise.

    ``UNROLLED_NUM_THREADS`` if it is set, otherwise the number of processors this process may run on, at most what
    the container's quota amounts to. Results never depend on it.

    Raises:
        InputError: ``UNROLLED_NUM_THREADS`` is not a whole number from 1 to 1024.
    """
    wanted = os.environ.get("UNROLLED_NUM_THREADS")
    return _available() if wanted is None else _stated(wanted)


@lru_cache(maxsize=8)
def _stated(wanted: str) -> int:
    """The number that the environment states."""
    if not re.fullmatch("[0-9]{1,9}", wanted) or not 1 <= int(wanted) <= MOST_THREADS:
        raise InputError(
            f"UNROLLED_NUM_THREADS={reprlib.repr(wanted)}: expected a whole number from 1 to {MOST_THREADS}"
        )
    return int(wanted)


def chosen_threads(threads: int | None) -> int:
    """The threads a caller asks for; by default those of :func:`default_threads`.

    Raises:
        InputError: they are not a whole number from 1 to 1024.
    """
    if threads is None:
        return default_threads()
    return whole_number("threads", threads, 1, MOST_THREADS)
