"""Large buffers ask for large pages."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from unrolled.kernels.pages import prefer_huge_pages

SMAPS = Path("/proc/self/smaps")
HUGE = 2 * 2**20


def asked(address: int) -> bool:
    """Whether large pages were asked for where this address lies."""
    inside = False
    for line in SMAPS.read_text(encoding="ascii", errors="replace").splitlines():
        first = line.split(" ", 1)[0]
        if "-" in first and not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            inside = start <= address < end
        elif inside and line.startswith("VmFlags:"):
            return "hg" in line.split()
    raise AssertionError("no such mapping")


@pytest.mark.skipif(
    not SMAPS.exists() or not Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="this system has no such pages",
)
@pytest.mark.parametrize(("size", "expected"), [(16 * 2**20, True), (3 * 2**20, False)])
def test_pages_are_asked_for_within_a_large_buffer(size, expected):
    memory = mmap.mmap(-1, size + 2 * HUGE)
    buffer = np.frombuffer(memory, np.uint8)
    start = buffer.ctypes.data + 4096
    prefer_huge_pages(start, size)
    assert asked(start + size // 2) == expected
    assert not asked(buffer.ctypes.data)
    assert not asked(start + size)
    assert not buffer.any()
