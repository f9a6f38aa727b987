"""A training step of every cell, beside a torch loop, the same loop compiled, and a scan in JAX.

    python benchmarks/cells.py [--cells lstm gru ...] [--sizes 32,100,64,64 ...] [--rounds N] [--compile]

A step is forward and backward of ``sum(y²)`` over all outputs, in float32, with gradients of the input and of all that a
layer trains. Peers are the steps of steps.py: the loop has its input product hoisted and its inputs unbound, the scan is
jitted with its gradients. ``--compile`` adds the loop under ``torch.compile``, which takes minutes a cell. For RNN, LSTM
and GRU torch has layers of its own, to which ``unrolled bench`` compares.

Results are compared before anything is timed. All take turns in one process, in an order drawn anew each round, and with
them our own LSTM, to which the time of cells with one product a step is related. Medians are shown; every ratio is that
to the fastest peer. The share is how much of our time the multiplications with W and U alone need at the machine's SGEMM
rate, measured in the same process: no ratio can be larger than it is at 100 %. Aims, marked ``*`` where missed: gated
cells 4 and 1.6 times as fast at the two sizes, cells with at most one gate besides the candidate and cells that are a mere
scan 2.5 and 1.3 times; one product a step, at most 1.6 times the time of our LSTM.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from steps import PEERS, Peer, jax_scan, torch_loop
from torch import Tensor

from unrolled import nn
from unrolled.bench.case import Floats, Sizes
from unrolled.bench.comparison import TOLERANCE, disagreement
from unrolled.bench.contender import Task
from unrolled.bench.machine import pin
from unrolled.bench.report import NOISE, Machine
from unrolled.bench.roofline import measure_roofline
from unrolled.bench.timing import Effort, time_in_turns
from unrolled.bench.worker import environment
from unrolled.cells import Cell, get_cell
from unrolled.kernels import kernel_info
from unrolled.version import library_version

OURS, OUR_LSTM, LOOP, COMPILE, SCAN = "unrolled", "our LSTM", "loop", "compile", "scan"
SMALL, LARGE = Sizes(32, 100, 64, 64), Sizes(64, 100, 128, 256)
AIMS = {SMALL: (4.0, 2.5), LARGE: (1.6, 1.3)}
"""How many times as fast as the best peer: gated cells, and the others."""
MOST_OF_LSTM = 1.6
TOLERANCES = {"lstm_layer_norm": 0.1}
"""For cells that magnify rounding: these differ from their own float64 results as much as from each other, and in float64
all contenders agree (tests/test_benchmarks.py)."""

LAYERS: dict[str, Callable[[int, int], torch.nn.Module]] = {
    "rnn_tanh": nn.RNN,
    "rnn_relu": lambda I, H: nn.RNN(I, H, nonlinearity="relu"),
    "rnn_identity": lambda I, H: nn.RNN(I, H, nonlinearity="identity"),
    "irnn": nn.IRNN,
    "indrnn": nn.IndRNN,
    "leaky_rnn": nn.LeakyRNN,
    "lstm": nn.LSTM,
    "lstm_peephole": lambda I, H: nn.LSTM(I, H, peepholes=True),
    "lstm_cifg": lambda I, H: nn.LSTM(I, H, coupled_gates=True),
    "lstm_peephole_cifg": lambda I, H: nn.LSTM(I, H, peepholes=True, coupled_gates=True),
    "lstmp": lambda I, H: nn.LSTM(I, H, proj_size=H // 2),
    "lstm_layer_norm": lambda I, H: nn.LSTM(I, H, layer_norm=True),
    "janet": nn.JANET,
    "slstm": nn.SLSTM,
    "gru": nn.GRU,
    "gru_reset_before": lambda I, H: nn.GRU(I, H, reset_after=False),
    "gru_layer_norm": lambda I, H: nn.GRU(I, H, layer_norm=True),
    "gru1": nn.GRU1,
    "gru2": nn.GRU2,
    "gru3": nn.GRU3,
    "mgu": nn.MGU,
    "li_gru": nn.LiGRU,
    "fast_grnn": nn.FastGRNN,
    "min_gru": nn.MinGRU,
    "min_lstm": nn.MinLSTM,
    "sru": nn.SRU,  # with a matrix in its highway where the sizes differ
    "qrnn": nn.QRNN,
}
"""The cells as the registry names them."""


class Work(NamedTuple):
    """A layer with its input, and its peer with copies of the same numbers."""

    layer: Any
    cell: Cell
    peer: Peer
    x: Tensor
    trained: dict[str, Tensor]
    fixed: dict[str, Tensor]
    states: tuple[Tensor, ...]

    @classmethod
    def of(cls, make: Callable[[int, int], torch.nn.Module], sizes: Sizes, dtype: torch.dtype = torch.float32) -> Work:
        torch.manual_seed(0)
        layer: Any = make(sizes.inputs, sizes.hidden).to(dtype)
        cell = get_cell(layer.cell)
        peer = PEERS[layer.cell]
        parameters = {name.removesuffix("_l0"): p for name, p in layer.named_parameters()}
        widths = cell.state_sizes(input_size=sizes.inputs, hidden_size=sizes.hidden, **layer.sizes).values()
        starts = zip(peer.states, widths, strict=False)  # QRNN's window of inputs is hoisted
        return cls(
            layer,
            cell,
            peer,
            torch.randn(sizes.steps, sizes.batch, sizes.inputs, dtype=dtype),
            {name: p.detach().clone() for name, p in parameters.items() if p.requires_grad},
            {name: p.detach().clone() for name, p in parameters.items() if not p.requires_grad},
            tuple(torch.full((sizes.batch, width), value, dtype=dtype) for value, width in starts),
        )


def as_columns(array: Any) -> Any:
    """Matrices turned round."""
    return array.T if len(array.shape) == 2 else array


def torch_task(forward: Callable[[Tensor], Tensor], x: Tensor, parameters: Mapping[str, Tensor]) -> Task:
    leaves = {"x": x.clone().requires_grad_(), **{name: p for name, p in parameters.items() if p.requires_grad}}

    def run() -> Tensor:
        for leaf in leaves.values():
            leaf.grad = None
        y = forward(leaves["x"])
        (y * y).sum().backward()
        return y

    def read(y: Tensor) -> dict[str, Floats]:
        grads = {name: leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None}
        return {"y": y.detach().numpy(), **grads}

    return Task(run, read)


def our_task(work: Work) -> Task:
    parameters = {name.removesuffix("_l0"): p for name, p in work.layer.named_parameters()}
    return torch_task(lambda x: work.layer(x)[0], work.x, parameters)


def loop_task(work: Work, compiled: bool = False) -> Task:
    leaves = {name: p.clone().requires_grad_() for name, p in work.trained.items()}

    def forward(x: Tensor, leaves: dict[str, Tensor]) -> Tensor:
        params = {name: as_columns(p) for name, p in {**leaves, **work.fixed}.items()}
        return torch_loop(work.peer, x, params, work.states)

    if compiled:
        torch.compiler.reset()  # else every cell counts as one more variation of the same loop
        forward = torch.compile(forward, fullgraph=True, dynamic=False)
    return torch_task(lambda x: forward(x, leaves), work.x, leaves)


def in_jax(work: Work) -> tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]:
    """What is trained and the input, what is not, and the states; weights lie as ``[inputs, outputs]`` from the start."""
    jax = import_module("jax")

    def given(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        return {name: jax.numpy.asarray(np.ascontiguousarray(as_columns(t.numpy()))) for name, t in tensors.items()}

    states = tuple(jax.numpy.asarray(state.numpy()) for state in work.states)
    return {"x": jax.numpy.asarray(work.x.numpy()), **given(work.trained)}, given(work.fixed), states


def scan_task(work: Work) -> Task:
    jax = import_module("jax")
    leaves, fixed, states = in_jax(work)

    def loss(leaves: dict[str, Any]) -> tuple[Any, Any]:
        y = jax_scan(work.peer, leaves["x"], {**leaves, **fixed}, states)
        return (y * y).sum(), y

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))

    def read(result: Any) -> dict[str, Floats]:
        (_, y), grads = result
        return {"y": np.asarray(y), **{name: as_columns(np.asarray(grad)) for name, grad in grads.items()}}

    return Task(lambda: jax.block_until_ready(step(leaves)), read)


class Row(NamedTuple):
    """What was measured of one cell, or why it was not."""

    cell: Cell
    sizes: Sizes
    seconds: Mapping[str, float]
    """Medians; those of :data:`OURS` and :data:`OUR_LSTM`, all others are peers."""
    spread: Mapping[str, float] = {}
    difference: float = 0.0
    error: str | None = None
    least: float = 0.0
    """What the multiplications alone take."""

    @property
    def title(self) -> str:
        return self.cell.title

    @property
    def best(self) -> str:
        """The fastest peer."""
        peers = {name: s for name, s in self.seconds.items() if name not in (OURS, OUR_LSTM)}
        return min(peers, key=peers.__getitem__)

    @property
    def ratio(self) -> float:
        """How many times the best peer's time is ours."""
        return self.seconds[self.best] / self.seconds[OURS]

    @property
    def of_lstm(self) -> float | None:
        """Our time as a multiple of our LSTM's, if the cell has one product a step."""
        return self.seconds[OURS] / self.seconds[OUR_LSTM] if OUR_LSTM in self.seconds else None

    @property
    def aim(self) -> float | None:
        """The ratio aimed at; none at other sizes."""
        gated = self.cell.recurrence != "no_product" and len(self.cell.gates) > 2
        return AIMS[self.sizes][0 if gated else 1] if self.sizes in AIMS else None

    @property
    def missed(self) -> list[str]:
        """The aims that were missed."""
        name, sentences = f"{self.title} ({self.sizes})", []
        if self.aim is not None and self.ratio < self.aim:
            most = (
                f"; {self.seconds[self.best] / self.least:.2f} if nothing but the multiplications took time"
                if self.least
                else ""
            )
            sentences.append(f"{name}: {self.ratio:.2f} times as fast as {self.best}, aim {self.aim}{most}")
        if self.of_lstm is not None and self.of_lstm > MOST_OF_LSTM:
            sentences.append(f"{name}: {self.of_lstm:.2f} of our LSTM's time, at most {MOST_OF_LSTM}")
        return sentences

    def markdown(self, peers: Sequence[str]) -> str:
        """A line of the table."""
        if self.error is not None:
            return f"| {self.title} | {self.sizes} | {self.error} |" + " |" * (len(peers) + 4)
        times = (f"{1000 * self.seconds[name]:.2f}" for name in (OURS, *peers))
        slower = self.aim is not None and self.ratio < self.aim
        noisy = ", noisy" if any(self.spread.get(name, 1) > NOISE for name in (OURS, self.best)) else ""
        ratio = f"{self.ratio:.2f}{'*' * slower} {self.best}{noisy}"
        aim = "" if self.aim is None else f"{self.aim}"
        of_lstm = "" if self.of_lstm is None else f"{self.of_lstm:.2f}{'*' * (self.of_lstm > MOST_OF_LSTM)}"
        share = f"{self.least / self.seconds[OURS]:.0%}"
        return f"| {' | '.join((self.title, str(self.sizes), *times, ratio, aim, share, of_lstm))} |"


def heading(peers: Sequence[str], versions: Mapping[str, str]) -> str:
    times = " | ".join(f"{versions[name]}, ms" for name in peers)
    titles = f"| cell | B, T, I, H | unrolled, ms | {times} | ratio | aim | share | of our LSTM |"
    return f"{titles}\n|---|---|--:|{'--:|' * len(peers)}---|--:|--:|--:|"


def multiplications(work: Work) -> int:
    """Operations of a training step in products with matrices: forward, and back to operands and weights."""
    T, B, _ = work.x.shape
    return 3 * 2 * T * B * sum(p.numel() for p in {**work.trained, **work.fixed}.values() if p.ndim == 2)


def measure(name: str, sizes: Sizes, peers: Sequence[str], rounds: int, gflops: float) -> Row:
    """One cell at one size: everything compared, then timed."""
    work = Work.of(LAYERS[name], sizes)
    makers = {LOOP: loop_task, COMPILE: lambda work: loop_task(work, compiled=True), SCAN: scan_task}
    tasks = {OURS: our_task(work)}
    results = {OURS: tasks[OURS].read(tasks[OURS].run())}
    for peer in peers:
        progress(f"{name} ({sizes}): {peer}")
        tasks[peer] = makers[peer](work)
        results[peer] = tasks[peer].read(tasks[peer].run())
    largest, error = disagreement(results, LOOP, TOLERANCES.get(name, TOLERANCE))
    if error is not None:
        return Row(work.cell, sizes, {}, {}, largest, error)
    if work.cell.recurrence == "one_product" and name != "lstm":
        tasks[OUR_LSTM] = our_task(Work.of(nn.LSTM, sizes))
    progress(f"{name} ({sizes}): timing")
    times = time_in_turns({name: task.run for name, task in tasks.items()}, Effort(0, rounds, rounds))
    seconds, spread = ({name: timing[i] for name, timing in times.items()} for i in range(2))
    return Row(work.cell, sizes, seconds, spread, largest, least=multiplications(work) / gflops / 1e9)


def progress(text: str = "") -> None:
    """A line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def sizes_of(text: str) -> Sizes:
    numbers = [int(n) for n in text.split(",") if n.isdigit()]
    if len(numbers) != 4 or 0 in numbers:
        raise argparse.ArgumentTypeError(f"{text!r}: expected B,T,I,H such as 32,100,64,64")
    return Sizes(*numbers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=list(LAYERS), choices=list(LAYERS), metavar="CELL",
                        help=f"of these: {', '.join(LAYERS)}")  # fmt: skip
    parser.add_argument("--sizes", nargs="+", type=sizes_of, default=[SMALL, LARGE], metavar="B,T,I,H")
    parser.add_argument("--rounds", type=int, default=11, help="turns of every contender (default 11)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="the loop under torch.compile, too")
    options = parser.parse_args()
    machine = Machine.here()
    if machine.busy:
        print(machine.busy, file=sys.stderr)
    os.environ.update(environment(options.threads))  # before JAX is loaded
    pin(options.threads)
    torch.set_num_threads(options.threads)

    versions = {LOOP: f"torch {torch.__version__} loop", COMPILE: f"torch.compile {torch.__version__}"}
    if find_spec("jax"):
        versions[SCAN] = f"jax {import_module('jax').__version__} scan"
    else:
        print("jax is not installed, its column is left out: pip install jax", file=sys.stderr)
    peers = [name for name in versions if name != COMPILE or options.compile]
    print(f"unrolled {library_version()} ({kernel_info().cpu_level}), {machine.cpu}, ", end="")
    gflops = measure_roofline().gflops
    print(f"{options.threads} threads, {options.rounds} rounds, SGEMM {gflops:.0f} GFLOP/s\n")
    print(heading(peers, versions))
    start, rows = time.perf_counter(), []
    for sizes in options.sizes:
        for name in options.cells:
            rows.append(measure(name, sizes, peers, options.rounds, gflops))
            progress()
            print(rows[-1].markdown(peers), flush=True)
    timed = [row for row in rows if row.error is None]
    missed = [sentence for row in timed for sentence in row.missed]
    largest = max((row.difference for row in rows if row.cell.name not in TOLERANCES), default=0.0)
    print(f"\nresults differ by at most {largest:.0e} of the largest number; {time.perf_counter() - start:.0f} s")
    if missed:
        print("\n".join(["* missed:", *(f"- {sentence}" for sentence in missed)]))
    return int(len(timed) < len(rows))


if __name__ == "__main__":
    sys.exit(main())
