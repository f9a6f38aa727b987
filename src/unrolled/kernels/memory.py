"""How much memory a request may ask for before it is refused."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from unrolled.errors import InputError

__all__ = ["check_allocation"]

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_LARGEST = 2**63 - 1


@lru_cache(maxsize=1)
def _available() -> int:
    """Bytes of memory this process can ever have; the largest number there is where the system does not tell."""
    limits = [_LARGEST]
    with suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # no such file, or "max": no limit
        limits.append(int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    return min(limits)


def check_allocation(bytes_needed: int, purpose: str, error: type[InputError] = InputError) -> None:
    """Refuse what cannot be allocated before anything is; systems that overcommit would only fail while writing."""
    if bytes_needed > _available():
        raise error(
            f"{purpose} need {bytes_needed / 2**30:,.1f} GiB of memory, more than the {_available() / 2**30:,.1f} GiB "
            "there are: choose smaller sizes"
        )
