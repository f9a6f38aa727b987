"""The processor: its name, and which of its threads of execution share no core."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from contextlib import suppress
from pathlib import Path

__all__ = ["cores", "cpu_model", "pin"]


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    with suppress(OSError):
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
        if names:
            return names[0]
    with suppress(OSError, subprocess.SubprocessError):
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    return platform.processor() or platform.machine()


def cores() -> list[int]:
    """The processors this process may run on: one of every core first, then those that share a core with another."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    allowed = sorted(os.sched_getaffinity(0))
    seen: set[str] = set()
    alone: list[int] = []
    for processor in allowed:
        core = _core(processor)
        if core not in seen:
            seen.add(core)
            alone.append(processor)
    return alone + [processor for processor in allowed if processor not in alone]


def _core(processor: int) -> str:
    """The processors of one core, as the system writes them."""
    with suppress(OSError):
        path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
        return path.read_text(encoding="ascii").strip()
    return str(processor)


def pin(threads: int) -> None:
    """Keep this process to as many cores, so that libraries which count processors count as many."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[:threads])
