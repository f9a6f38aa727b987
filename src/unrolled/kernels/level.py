"""The CPU level whose kernels run: the best one that this machine supports, or the one named by
``UNROLLED_CPU_LEVEL``."""

from __future__ import annotations

import os
import reprlib
from dataclasses import dataclass

from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.threads import default_threads

__all__ = ["KernelInfo", "kernel_info"]


def _select_level() -> None:
    supported = _native.levels()
    wanted = os.environ.get("UNROLLED_CPU_LEVEL") or (supported[0] if supported else "")
    if wanted not in supported:
        known = ", ".join(supported) or "none: the kernels need SSE4.2"
        raise InputError(f"UNROLLED_CPU_LEVEL={reprlib.repr(wanted)}: this machine can run {known}")
    _native.select_level(wanted)


_select_level()


@dataclass(frozen=True)
class KernelInfo:
    """The kernels in use in this process."""

    cpu_level: str
    """Instruction set in use: ``v2``, ``v3`` or ``v4`` (x86-64), ``neon``, ``generic``."""
    supported_levels: tuple[str, ...]
    """All levels this machine can run, best first."""
    vector_bits: int
    """Width of one vector."""
    threads: int
    """Threads per call, unless set otherwise."""


def kernel_info() -> KernelInfo:
    """Return which kernels run in this process.

    >>> import unrolled
    >>> info = unrolled.kernel_info()
    >>> info.cpu_level in info.supported_levels
    True
    """
    return KernelInfo(
        cpu_level=_native.level(),
        supported_levels=tuple(_native.levels()),
        vector_bits=8 * _native.vector_bytes(),
        threads=default_threads(),
    )
