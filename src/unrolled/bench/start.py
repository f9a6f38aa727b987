"""What is felt before times settle: imports, the first step, fresh pages, and the arranging of weights.

Each measurement has a process of its own, which loads nothing else before: :data:`STARTER`, run by
:func:`unrolled.bench.run.run_benchmark`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from statistics import median
from typing import Any, Literal, NamedTuple, cast

import msgspec

from unrolled.bench.case import Case, Sizes
from unrolled.bench.report import Start

__all__ = ["STARTED", "STARTER", "main", "measure_start", "median_start"]

STARTED = Case("lstm", "training", Sizes(batch=32, steps=100, inputs=64, hidden=128))
STEPS = 12

STARTER = """
import sys, time
sys.path[:] = [*filter(None, sys.path), sys.argv[1]]
begin = time.perf_counter()
import torch
between = time.perf_counter()
if sys.argv[2] == "nn":
    import unrolled.nn
end = time.perf_counter()
from unrolled.bench.start import main
main(between - begin, end - between)
"""
"""What a process runs; its arguments are where this package lies, and ``nn`` or ``torch``."""

_PLACES = {"nn": "unrolled.nn", "torch": "torch.nn"}


class _Call(NamedTuple):
    """What a call took."""

    seconds: float
    faults: int | None


def main(import_torch: float, import_own: float) -> None:
    """Measure the rest in this process, and write a line of JSON."""
    name = cast("Literal['nn', 'torch']", sys.argv[2])
    sys.stdout.buffer.write(msgspec.json.encode(measure_start(name, STARTED, import_torch, import_own)) + b"\n")


def measure_start(name: Literal["nn", "torch"], case: Case, import_torch: float, import_own: float) -> Start:
    """Training steps of a fresh layer, the first of which is the process's first."""
    import torch

    module = getattr(import_module(_PLACES[name]), case.cell.upper())(case.sizes.inputs, case.sizes.hidden)
    x = torch.randn(case.sizes.steps, case.sizes.batch, case.sizes.inputs, requires_grad=True)

    def step() -> None:
        x.grad = None
        module.zero_grad()
        y, _ = module(x)
        y.square().sum().backward()

    first, *later = [_measured(step) for _ in range(STEPS)]
    counted = [call.faults for call in later if call.faults is not None]
    return Start(
        name, import_torch, import_own, first.seconds, median(call.seconds for call in later), first.faults,
        round(median(counted)) if counted else None, _packing(case) if name == "nn" else None,
    )  # fmt: skip


def median_start(starts: list[Start]) -> Start:
    """The median of each number over processes of one library.

    >>> a, b = Start("torch", 1.0, 0.0, 4.0, 1.0, 10), Start("torch", 2.0, 0.0, 5.0, 2.0, 30)
    >>> median_start([a, b]).first, median_start([a, b]).first_faults, median_start([a, b]).later_faults
    (4.5, 20, None)
    """

    def middle(field: str) -> Any:
        numbers = [getattr(start, field) for start in starts]
        if None in numbers:
            return None
        return round(median(numbers)) if field.endswith("faults") else median(numbers)

    return Start(starts[0].name, *[middle(field) for field in Start.__struct_fields__[1:]])


def _measured(call: Callable[[], object]) -> _Call:
    before, start = _faults(), time.perf_counter()
    call()
    seconds, after = time.perf_counter() - start, _faults()
    return _Call(seconds, None if before is None or after is None else after - before)


def _faults() -> int | None:
    """Pages that this process has met for the first time so far, where the system counts them."""
    with suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return None


def _packing(case: Case) -> float:
    """Seconds to arrange the weights of a layer for a forward pass."""
    from unrolled.kernels.packed import PackedWeights

    arrays = case.arrays()
    parameters = {name: array for name, array in arrays.items() if name != "x"}
    layers = [PackedWeights(case.described.name, parameters) for _ in range(STEPS)]
    return median(_measured(lambda layer=layer: layer.packed(fused=True)).seconds for layer in layers)
