"""How many threads a call may use: the environment, the processors this process may run on, the container's quota."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from pathlib import Path

from unrolled.errors import InputError

__all__ = ["default_threads"]

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

    Raises
    ------
    InputError
        ``UNROLLED_NUM_THREADS`` is not a whole number of at least 1.
    """
    wanted = os.environ.get("UNROLLED_NUM_THREADS")
    if wanted is None:
        return _available()
    if not wanted.isascii() or not wanted.isdigit() or int(wanted) < 1:
        raise InputError(f"UNROLLED_NUM_THREADS={wanted!r}: expected a whole number of at least 1")
    return int(wanted)
