"""Pages of memory: large buffers ask for large ones."""

from __future__ import annotations

from unrolled.kernels import _native

__all__ = ["prefer_huge_pages"]

_LARGE = 4 * 2**20


def prefer_huge_pages(address: int, size: int) -> None:
    """Ask for pages of 2 MiB under a buffer that is about to be written for the first time, if it is large.

    What a training step keeps comes fresh from the system each time; with pages of 4 KiB the many first touches take up to
    a third of a step. Linux only, and where its setting ``transparent_hugepage`` lets programs ask; elsewhere nothing happens.
    """
    if size >= _LARGE:
        _native.prefer_huge_pages(address, size)
