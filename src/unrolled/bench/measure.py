"""All cases in this process: contenders made ready, compared, timed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from unrolled.bench.case import Case
from unrolled.bench.comparison import disagreement
from unrolled.bench.contender import Contender
from unrolled.bench.jax_scan import JaxScan
from unrolled.bench.onnx_node import OnnxNode
from unrolled.bench.report import Row
from unrolled.bench.runtime_layer import RuntimeLayer
from unrolled.bench.timing import Effort, time_in_turns
from unrolled.bench.torch_modules import TorchModules
from unrolled.version import library_version

__all__ = ["contenders", "measure", "measure_case"]

REFERENCE = "torch"


def contenders(peers: Sequence[str], threads: int) -> list[Contender]:
    """This library's contenders and those of the peers named."""
    torch.set_num_threads(threads)
    version = library_version()
    chosen: list[Contender] = [TorchModules.of_unrolled(version), RuntimeLayer(version), TorchModules.of_torch()]
    if "jax" in peers:
        chosen.append(JaxScan())
    if "onnx" in peers:
        chosen.append(OnnxNode(threads))
    return chosen


def measure(cases: Sequence[Case], chosen: Sequence[Contender], effort: Effort) -> Iterator[Row]:
    """One row after the other."""
    for case in cases:
        yield measure_case(case, chosen, effort)


def measure_case(case: Case, chosen: Sequence[Contender], effort: Effort) -> Row:
    """Compare every contender's results with torch's; time them only if all agree."""
    arrays = case.arrays()
    ready = {contender.name: contender.prepare(case, arrays) for contender in chosen}
    tasks = {name: task for name, task in ready.items() if task is not None}
    results = {name: task.read(task.run()) for name, task in tasks.items()}
    largest, error = disagreement(results, REFERENCE)
    if error is not None:
        return Row(case, {}, largest, f"{case.title} ({case.sizes}), {case.work}: {error}")
    times = time_in_turns({name: task.run for name, task in tasks.items()}, effort)
    seconds, spread = ({name: timing[i] for name, timing in times.items()} for i in range(2))
    return Row(case, seconds, largest, spread=spread)
