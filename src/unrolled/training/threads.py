"""How many threads a small network is worth."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

__all__ = ["threads_worth_having"]


@contextmanager
def threads_worth_having(batch: int, hidden_size: int) -> Generator[None, None, None]:
    """One thread for networks so small that threads would wait for each other longer than they work."""
    before = torch.get_num_threads()
    if batch * hidden_size < 1024:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
