"""One step of one sequence, as a program takes it that gets its numbers one by one, beside ONNX Runtime and torch.

    python benchmarks/one_step.py [--cells gru lstm] [--sizes 64 128 256] [--batch 1] [--rounds N]

Each contender is called as its users call it, with one thread, and hands its states from step to step: a ``Stack`` of the
runtime by ``step``; ONNX Runtime by ``run`` on a model of one node with its states as inputs and outputs, and once more with
all memory bound before (``run_with_iobinding``); torch's single-step
cell, and ours, under ``inference_mode``. Results are compared before anything is timed.

Times are those of the processor, a step of a chain of many; contenders take turns in an order drawn anew each round, and the
median of the rounds is shown. Aims, marked ``*`` where missed: 2.5, 4 and 15 µs, and 4, 2.8 and 2 times as fast as ``run``.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

import unrolled
from unrolled.bench.case import Case, CellName, Floats, Sizes
from unrolled.bench.comparison import disagreement
from unrolled.bench.machine import pin
from unrolled.bench.onnx_node import GATE_ORDER
from unrolled.bench.report import NOISE, Machine
from unrolled.bench.worker import environment
from unrolled.kernels import kernel_info
from unrolled.networks.stack import StackConfig
from unrolled.runtime.stack import Stack
from unrolled.version import library_version

OURS, CELL, RUN, BOUND, TORCH = "unrolled", "unrolled cell", "onnx run", "onnx bound", "torch cell"
AIMS = {64: (2.5, 4.0), 128: (4.0, 2.8), 256: (15.0, 2.0)}
"""Hidden size → most microseconds, and how many times as fast as ONNX Runtime's ``run``."""
COMPARED, TIMED = 30, 200
"""Steps of a chain."""

Chain = Callable[[int], Floats]
"""From the states of zero through so many steps; the last one's output ``[B, H]``."""


class Work(NamedTuple):
    """A cell of ``H`` units and as many inputs, its inputs and parameters."""

    cell: CellName
    hidden: int
    batch: int
    arrays: Mapping[str, Floats]

    @classmethod
    def of(cls, cell: CellName, hidden: int, batch: int) -> Work:
        return cls(cell, hidden, batch, Case(cell, "inference", Sizes(batch, TIMED, hidden, hidden)).arrays())

    @property
    def parameters(self) -> dict[str, Floats]:
        return {name: array for name, array in self.arrays.items() if name != "x"}

    @property
    def zeros(self) -> Floats:
        return np.zeros((self.batch, self.hidden), np.float32)

    @property
    def states(self) -> list[str]:
        return ["h", "c"] if self.cell == "lstm" else ["h"]


def our_chain(work: Work) -> Chain:
    config = StackConfig(work.cell, work.hidden, work.hidden, num_layers=1)
    stack = Stack(config, {f"{name}_l0": array for name, array in work.parameters.items()})
    x, start = list(work.arrays["x"]), tuple(work.zeros[None] for _ in work.states)

    def chain(steps: int) -> Floats:
        y, states = work.zeros, start
        for now in x[:steps]:
            y, states = stack.step(now, states)
        return y

    return chain


def cell_chain(work: Work, library: Any) -> Chain:
    """Of torch's single-step cell or ours."""
    make = library.LSTMCell if work.cell == "lstm" else library.GRUCell
    cell = make(work.hidden, work.hidden)
    cell.load_state_dict({name: torch.from_numpy(array) for name, array in work.parameters.items()})
    x, zero = list(torch.from_numpy(work.arrays["x"])), torch.from_numpy(work.zeros)

    @torch.inference_mode()
    def chain(steps: int) -> Floats:
        states: Any = (zero, zero) if work.cell == "lstm" else zero
        for now in x[:steps]:
            states = cell(now, states)
        return (states[0] if work.cell == "lstm" else states).numpy()

    return chain


def onnx_session(work: Work) -> Any:
    """A model of one node from ``X [1, B, I]`` and ``h``, ``c`` ``[1, B, H]`` to ``new_h``, ``new_c``."""
    gates = {"gru": "rzn", "lstm": "ifgo"}[work.cell]

    def reordered(stacked: Floats) -> Floats:
        blocks = dict(zip(gates, np.split(stacked, len(gates)), strict=True))
        return np.concatenate([blocks[gate] for gate in GATE_ORDER[work.cell]])

    own = {name: reordered(array) for name, array in work.parameters.items()}
    bias = np.concatenate([own["bias_ih"], own["bias_hh"]])
    weights = {"W": own["weight_ih"][None], "R": own["weight_hh"][None], "B": bias[None]}
    inputs, outputs = work.states, [f"new_{state}" for state in work.states]
    reset = {"linear_before_reset": 1} if work.cell == "gru" else {}
    node = helper.make_node(
        work.cell.upper(), ["X", *weights, "", *inputs], ["", *outputs], hidden_size=work.hidden, **reset
    )
    number, shape = onnx.TensorProto.FLOAT, (1, work.batch, work.hidden)
    graph = helper.make_graph(
        [node],
        work.cell,
        [helper.make_tensor_value_info(name, number, shape) for name in ("X", *inputs)],
        [helper.make_tensor_value_info(name, number, shape) for name in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run_chain(work: Work) -> Chain:
    session, x = onnx_session(work), [now[None] for now in work.arrays["x"]]
    zero = work.zeros[None]

    def chain_of_gru(steps: int) -> Floats:
        h = zero
        for now in x[:steps]:
            (h,) = session.run(None, {"X": now, "h": h})
        return h[0]

    def chain_of_lstm(steps: int) -> Floats:
        h = c = zero
        for now in x[:steps]:
            h, c = session.run(None, {"X": now, "h": h, "c": c})
        return h[0]

    return chain_of_lstm if work.cell == "lstm" else chain_of_gru


def bound_chain(work: Work) -> Chain:
    """Numbers are copied into the memory that was bound for ``X``; states go to and fro between two places."""
    session, x = onnx_session(work), [now[None] for now in work.arrays["x"]]
    zero = work.zeros[None]

    def memory() -> Any:
        return onnxruntime.OrtValue.ortvalue_from_numpy(zero.copy())

    given, places = memory(), [{state: memory() for state in work.states} for _ in range(2)]
    bindings = []
    for before, after in (places, places[::-1]):
        binding = session.io_binding()
        binding.bind_ortvalue_input("X", given)
        for state in work.states:
            binding.bind_ortvalue_input(state, before[state])
            binding.bind_ortvalue_output(f"new_{state}", after[state])
        bindings.append(binding)

    def chain(steps: int) -> Floats:
        for state in work.states:
            places[0][state].update_inplace(zero)
        for now, binding in zip(x[:steps], itertools.cycle(bindings), strict=False):
            given.update_inplace(now)
            session.run_with_iobinding(binding)
        return places[steps % 2]["h"].numpy()[0]

    return chain


def chains(work: Work) -> dict[str, Chain]:
    return {
        OURS: our_chain(work),
        RUN: run_chain(work),
        BOUND: bound_chain(work),
        CELL: cell_chain(work, unrolled.nn),
        TORCH: cell_chain(work, torch.nn),
    }


class Row(NamedTuple):
    """What was measured, or why it was not."""

    work: Work
    seconds: Mapping[str, float]
    """Medians, a step."""
    spread: Mapping[str, float] = {}
    difference: float = 0.0
    error: str | None = None

    def ratio(self, peer: str, ours: str = OURS) -> float:
        """How many times a peer's time is ours."""
        return self.seconds[peer] / self.seconds[ours]

    @property
    def missed(self) -> tuple[bool, bool]:
        """Which of the aims: the time, and the ratio."""
        most, times = AIMS.get(self.work.hidden, (np.inf, 0.0)) if self.work.batch == 1 else (np.inf, 0.0)
        return self.seconds[OURS] * 1e6 > most, self.ratio(RUN) < times

    def markdown(self) -> str:
        """A line of the table."""
        title = f"| {self.work.cell.upper()} | {self.work.hidden}"
        if self.error is not None:
            return f"{title} | {self.error} |" + " |" * 6
        slow, behind = self.missed
        noisy = ", noisy" if any(self.spread[name] > NOISE for name in (OURS, RUN)) else ""
        times = {name: f"{1e6 * seconds:.2f}" for name, seconds in self.seconds.items()}
        ours = f"{times[OURS]}{'*' * slow}"
        ratios = f"{self.ratio(RUN):.1f}{'*' * behind}{noisy} | {self.ratio(BOUND):.1f} | {self.ratio(TORCH, CELL):.1f}"
        return f"{title} | {ours} | {times[RUN]} | {times[BOUND]} | {times[CELL]} | {times[TORCH]} | {ratios} |"


HEADING = f"""\
| cell | I = H | {OURS}, µs | {RUN}, µs | {BOUND}, µs | {CELL}, µs | {TORCH}, µs | times {RUN} | times {BOUND} | cells |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


def measure(work: Work, rounds: int) -> Row:
    """Everything compared, then timed."""
    ready = chains(work)
    results = {name: {"y": chain(COMPARED).copy()} for name, chain in ready.items()}
    largest, error = disagreement(results, TORCH)
    if error is not None:
        return Row(work, {}, {}, largest, error)
    samples = timed_in_turns(ready, rounds)
    middle = {name: median(times) for name, times in samples.items()}
    quarters = {name: quantiles(times, n=4, method="inclusive") for name, times in samples.items()}
    return Row(work, middle, {name: third / first for name, (first, _, third) in quarters.items()}, largest)


def timed_in_turns(ready: Mapping[str, Chain], rounds: int) -> dict[str, list[float]]:
    """Of each chain the processor's seconds a step, round by round; one that is not timed warms the caches."""
    samples: dict[str, list[float]] = {name: [] for name in ready}
    names, order = list(ready), random.Random(0)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            order.shuffle(names)
            for name in names:
                chain = ready[name]
                chain(COMPARED)
                start = time.process_time()
                chain(TIMED)
                samples[name].append((time.process_time() - start) / TIMED)
    finally:
        gc.enable()
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["gru", "lstm"], choices=["gru", "lstm"])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(AIMS), metavar="H")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=51, help="turns of every contender (default 51)")
    options = parser.parse_args()
    machine = Machine.here()
    if machine.busy:
        print(machine.busy, file=sys.stderr)
    os.environ.update(environment(1))
    pin(1)
    torch.set_num_threads(1)
    print(f"unrolled {library_version()} ({kernel_info().cpu_level}), onnxruntime {onnxruntime.__version__}, ", end="")
    print(f"torch {torch.__version__}, {machine.cpu}, B={options.batch}, {options.rounds} rounds\n")
    print(HEADING)
    rows = []
    for hidden in options.sizes:
        for cell in options.cells:
            rows.append(measure(Work.of(cell, hidden, options.batch), options.rounds))
            print(rows[-1].markdown(), flush=True)
    print(f"\nresults differ by at most {max(row.difference for row in rows):.0e} of the largest number")
    if any(row.error is None and any(row.missed) for row in rows):
        print("* the aim was missed")
    return int(any(row.error is not None for row in rows))


if __name__ == "__main__":
    sys.exit(main())
