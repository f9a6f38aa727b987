"""What this machine can do at best, measured in the process that is benchmarked: multiply and copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from unrolled.bench.report import Roofline

__all__ = ["measure_roofline"]

MATRIX = 1536
COPIED = 1 << 25  # floats, 128 MiB: beyond most caches
SECONDS = 0.25


def measure_roofline() -> Roofline:
    """Measure both limits with the threads this process has; for each the better of NumPy and torch."""
    return Roofline(gflops=_best_product() / 1e9, gbytes=_best_copy() / 1e9)


def _best_product() -> float:
    a = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    out, t, t_out = np.empty_like(a), torch.from_numpy(a), torch.empty(MATRIX, MATRIX)
    seconds = _quickest(lambda: np.matmul(a, a, out=out), lambda: torch.mm(t, t, out=t_out))
    return 2 * MATRIX**3 / seconds


def _best_copy() -> float:
    source, target = np.ones(COPIED, np.float32), np.zeros(COPIED, np.float32)
    t_source, t_target = torch.from_numpy(source), torch.from_numpy(target)
    seconds = _quickest(lambda: np.copyto(target, source), lambda: t_target.copy_(t_source))
    return 2 * source.nbytes / seconds


def _quickest(*calls: Callable[[], Any]) -> float:
    best = float("inf")
    for call in calls:
        call()
        end = time.perf_counter() + SECONDS
        while (start := time.perf_counter()) < end:
            call()
            best = min(best, time.perf_counter() - start)
    return best
