"""The process of one thread count: a request on stdin, a line of JSON on stdout for each thing measured."""

from __future__ import annotations

import os
import sys
from itertools import chain

import msgspec

from unrolled.bench.case import Case
from unrolled.bench.machine import pin
from unrolled.bench.timing import Effort

__all__ = ["Request", "environment", "main"]


class Request(msgspec.Struct, frozen=True):
    """What to measure."""

    threads: int
    peers: tuple[str, ...]
    cases: tuple[Case, ...]
    effort: Effort


def environment(threads: int) -> dict[str, str]:
    """Variables that libraries read once, when they are loaded."""
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "UNROLLED_NUM_THREADS", "PJRT_NPROC")
    several = "true" if threads > 1 else "false"
    return {
        **os.environ,
        **dict.fromkeys(counts, str(threads)),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={several}",
    }


def main() -> None:
    """Pin the process, then load the libraries: some count the processors as they start."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not do it between the results
    pin(request.threads)

    from unrolled.bench.measure import contenders, measure
    from unrolled.bench.report import Run
    from unrolled.bench.roofline import measure_roofline
    from unrolled.kernels import kernel_info

    chosen = contenders(request.peers, request.threads)
    versions = {contender.name: contender.version for contender in chosen}
    run = Run(request.threads, measure_roofline(), versions, kernel_info().cpu_level)
    for result in chain((run,), measure(request.cases, chosen, request.effort)):
        results.write(msgspec.json.encode(result) + b"\n")
        results.flush()
