"""Which layers remember: the adding problem over 200 steps and the copy task over a delay of 50.

    python benchmarks/memory_tasks.py [--tasks adding copy] [--models LSTM ...] [--seeds N] [--steps N]

Adding (Hochreiter, Schmidhuber 1997): of 200 numbers between 0 and 1 two are marked, one in each half; the last output is
to be their sum. Copy (Arjovsky, Shah, Bengio 2016): ten symbols out of eight, blanks, a sign that asks for them, and the
ten are to be put out in order; all steps count. Losses are shown beside the best that can be had without memory: the
variance of the sum, 1/6; and 10 ln 8 / (delay + 20), for blanks where they are due and all eight symbols equally likely
after. A task counts as solved where the loss is under a tenth of that.

All have the same number of units, the same batches, Adam, and the gradient's norm clipped. IRNN, IndRNN, JANET and one of
the LSTMs start as their papers say, the others as in torch; IndRNN has two layers, as units of one see none of the others.
Final losses are those of 1000 sequences never seen. Nothing is tuned for one layer, so a loss says what came out here and
not what a layer can reach.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.nn import GRU, IRNN, JANET, LSTM, RNN, IndRNN
from unrolled.version import library_version

HIDDEN, BATCH, RATE, LARGEST_NORM, UNSEEN = 128, 32, 2e-3, 1.0, 1000
SYMBOLS, COPIED = 8, 10
BLANK, ASK = SYMBOLS, SYMBOLS + 1


class Batch(NamedTuple):
    """Inputs ``[T, B, I]`` and what is wanted of them."""

    x: Tensor
    wanted: Tensor


class Task(NamedTuple):
    """A task: sizes of inputs and outputs, its sequences, its loss from the outputs of all steps, when it counts as learned."""

    inputs: int
    outputs: int
    steps: int
    """Time steps of a sequence."""
    updates: int
    """Batches of a training run."""
    memoryless: float
    batch: Callable[[int, torch.Generator], Batch]
    loss: Callable[[Tensor, Tensor], Tensor]


def adding(steps: int, updates: int) -> Task:
    """Numbers and marks ``[T, B, 2]``, and the sums ``[B]``."""

    def batch(size: int, generator: torch.Generator) -> Batch:
        numbers = torch.rand(steps, size, generator=generator)
        half = steps // 2
        marked = torch.stack([
            torch.randint(half, (size,), generator=generator),
            torch.randint(half, steps, (size,), generator=generator),
        ])  # fmt: skip
        marks = torch.zeros(steps, size).scatter_(0, marked, 1.0)
        return Batch(torch.stack((numbers, marks), 2), (numbers * marks).sum(0))

    def loss(outputs: Tensor, wanted: Tensor) -> Tensor:
        return F.mse_loss(outputs[-1, :, 0], wanted)

    return Task(2, 1, steps, updates, 1 / 6, batch, loss)


def copy(delay: int, updates: int) -> Task:
    """Symbols as ones of ten ``[T, B, 10]``, and those wanted at each step ``[T, B]``; ``T = delay + 20``."""
    steps = delay + 2 * COPIED

    def batch(size: int, generator: torch.Generator) -> Batch:
        symbols = torch.randint(SYMBOLS, (COPIED, size), generator=generator)
        shown = torch.full((steps, size), BLANK)
        shown[:COPIED] = symbols
        shown[steps - COPIED - 1] = ASK
        wanted = torch.full((steps, size), BLANK)
        wanted[-COPIED:] = symbols
        return Batch(F.one_hot(shown, SYMBOLS + 2).float(), wanted)

    def loss(outputs: Tensor, wanted: Tensor) -> Tensor:
        return F.cross_entropy(outputs.flatten(0, 1), wanted.flatten())

    return Task(SYMBOLS + 2, SYMBOLS + 1, steps, updates, COPIED * math.log(SYMBOLS) / steps, batch, loss)


def indrnn(inputs: int, hidden: int, steps: int) -> nn.Module:
    layers = IndRNN(inputs, hidden, num_layers=2)
    for name, parameter in layers.named_parameters():
        if name.startswith("weight_hh"):
            nn.init.uniform_(parameter, 0, 1)
    return layers


TASKS = {"adding": adding(200, 3000), "copy": copy(50, 4000)}
MODELS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "RNN": lambda I, H, T: RNN(I, H),
    "IRNN": lambda I, H, T: IRNN(I, H),
    "IndRNN": indrnn,
    "LSTM": lambda I, H, T: LSTM(I, H),
    "LSTM, chrono": lambda I, H, T: LSTM(I, H, chrono=T),
    "GRU": lambda I, H, T: GRU(I, H),
    "JANET, chrono": lambda I, H, T: JANET(I, H, chrono=T),
}
"""Name → layers of so many inputs and units for sequences of so many steps."""


class Model(nn.Module):
    def __init__(self, layers: nn.Module, outputs: int) -> None:
        super().__init__()
        self.layers, self.head = layers, nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x)[0])


def progress(text: str = "") -> None:
    """A line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def train(task: Task, name: str, seed: int, updates: int) -> float:
    """The loss of sequences never seen, after training a model of that name."""
    torch.manual_seed(seed)
    model = Model(MODELS[name](task.inputs, HIDDEN, task.steps), task.outputs)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    generator = torch.Generator().manual_seed(seed)
    for update in range(updates):
        x, wanted = task.batch(BATCH, generator)
        optimizer.zero_grad()
        loss = task.loss(model(x), wanted)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM)
        optimizer.step()
        if update % 50 == 0:
            progress(f"{name}, seed {seed}: {update} of {updates}, loss {loss.item():.4f}")
    x, wanted = task.batch(UNSEEN, torch.Generator().manual_seed(1_000_000 + seed))
    with torch.no_grad():
        return task.loss(model(x), wanted).item()


def row(task: str, model: str, losses: Sequence[float], memoryless: float, seconds: float) -> str:
    """A line of the table."""
    solved = f"{sum(loss < memoryless / 10 for loss in losses)} of {len(losses)}"
    numbers = f"{statistics.median(losses):.4f} | {min(losses):.4f} to {max(losses):.4f} | {memoryless:.4f}"
    return f"| {task} | {model} | {numbers} | {solved} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="MODEL",
                        help=f"of these: {'; '.join(MODELS)}")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=3, help="runs of every model (default 3)")
    parser.add_argument("--steps", type=int, help="training steps of every run; by default the task's")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    print(f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads; {HIDDEN} units, batches of "
          f"{BATCH}, Adam {RATE}, gradient norm at most {LARGEST_NORM}")  # fmt: skip
    for name in options.tasks:
        print(f"{name}: {TASKS[name].steps} time steps, {options.steps or TASKS[name].updates} training steps")
    print("\n| task | layer | final loss, median | range | memoryless | solved | s a run |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for name in options.tasks:
        task = TASKS[name]
        for model in options.models:
            began, updates = time.perf_counter(), options.steps or task.updates
            losses = [train(task, model, seed, updates) for seed in range(options.seeds)]
            seconds = (time.perf_counter() - began) / options.seeds
            progress()
            print(row(name, model, losses, task.memoryless, seconds), flush=True)
    print(f"\n{(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
