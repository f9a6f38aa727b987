"""Do gradients vanish, do they explode, and what helps? What texts say of it, measured.

    python examples/vanishing.py [--small] [--seeds N] [--figure vanishing.svg]

The task is the adding problem (Hochreiter, Schmidhuber 1997), made here: of 100 numbers between 0 and 1 two are marked, one
in each half, and after the last step the network is to say their sum. Who remembers nothing has a loss of 1/6 at best. All
layers have 32 units, and are trained in the same way: Adam, 1500 batches of 32, the norm of the gradient clipped at 1 but
where it says otherwise. The effective memory is measured by `insight.gradient_flow`: steps back until the gradient of the
loss with respect to a state is below 1 % of that at the last step, of an LSTM with respect to the one of ``h`` and ``c`` that
remembers longer. The rates of growth are Lyapunov exponents, by `insight.jacobians`. Every figure of the first table is the
median of three seeds.

Run in full, about 150 seconds on one core, it printed:

                             memory at the start  trained     loss  solved   largest norm
    RNN, tanh                                  9        8   0.1706    0 of 3           4.51
    RNN, ReLU                                  5        6   0.1655    0 of 3           4.11
    RNN, tanh, orthogonal                     69       15   0.1709    0 of 3           9.55
    RNN, tanh, identity                     100+        4   0.1687    0 of 3           25.1
    RNN, ReLU, identity                     100+     100+   0.0045    3 of 3       9.95e+12
    the same, not clipped                   100+     100+   0.1647    0 of 3       7.51e+04
    LSTM                                       9       18   0.1704    0 of 3            2.4
    LSTM, forget bias 1                       24       45   0.1583    0 of 3           3.49
    LSTM, chrono                            100+     100+   0.0012    3 of 3           22.9
    GRU                                       10     100+   0.0011    3 of 3           6.92
    GRU, chrono                             100+     100+   0.0007    3 of 3           4.69

    U = λ times orthogonal     bound  measured    50 steps
    linear, λ = 0.9           -0.105    -0.105     5.2e-03
    linear, λ = 1.5            0.405     0.405     6.4e+08
    tanh, λ = 0.9             -0.105    -0.559     7.4e-13
    tanh, λ = 1.5              0.405    -0.152     5.0e-04
    tanh, λ = 3.0              1.099     0.245     2.1e+05

and said of the texts: λ > 1 allows gradients to explode and does not make them, λ = 0.9 is enough for them to vanish; ReLU alone
does not help, with the identity start it does, where gradients are clipped; gates as they start reach no further back than
an RNN; it is a bias that does, or what a GRU learns.
"""

from __future__ import annotations

import argparse
import statistics
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from unrolled import insight, nn
from unrolled.charts.chart import Chart
from unrolled.charts.decay import decay_figure

UNITS, BATCH, RATE, UNSEEN, MEMORYLESS = 32, 32, 3e-3, 1000, 1 / 6
STEPS, UPDATES = 100, 1500
DRAWN = ("RNN, tanh", "LSTM", "GRU", "RNN, ReLU, identity", "LSTM, chrono")


class Layer(NamedTuple):
    """A remedy: how the layer is made for sequences of so many steps, and at what norm gradients are clipped."""

    make: Callable[[int], torch.nn.Module]
    clip: float = 1.0


LAYERS = {
    "RNN, tanh": Layer(lambda T: nn.RNN(2, UNITS)),
    "RNN, ReLU": Layer(lambda T: nn.RNN(2, UNITS, nonlinearity="relu")),
    "RNN, tanh, orthogonal": Layer(lambda T: nn.RNN(2, UNITS, start="orthogonal")),
    "RNN, tanh, identity": Layer(lambda T: nn.RNN(2, UNITS, start="identity")),
    "RNN, ReLU, identity": Layer(lambda T: nn.IRNN(2, UNITS)),
    "the same, not clipped": Layer(lambda T: nn.IRNN(2, UNITS), clip=float("inf")),
    "LSTM": Layer(lambda T: nn.LSTM(2, UNITS)),
    "LSTM, forget bias 1": Layer(lambda T: nn.LSTM(2, UNITS, forget_bias=1.0)),
    "LSTM, chrono": Layer(lambda T: nn.LSTM(2, UNITS, chrono=T)),
    "GRU": Layer(lambda T: nn.GRU(2, UNITS)),
    "GRU, chrono": Layer(lambda T: nn.GRU(2, UNITS, chrono=T)),
}


class Adder(torch.nn.Module):
    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(UNITS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0][-1])[:, 0]


class Found(NamedTuple):
    """What came of a layer with one seed."""

    start: np.ndarray
    """Norms of the gradient by steps back, before the training, relative to the last step's."""
    trained: np.ndarray
    """After it; empty where the training has failed."""
    loss: float
    """Of sequences never seen."""
    largest: float
    """Norm of the parameters' gradient in the training, before it was clipped."""
    first: float
    """That of the recurrent weights before the training."""


def adding(steps: int, size: int, seed: int | torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers and marks ``[T, B, 2]``, and the sums ``[B]``."""
    generator = torch.Generator().manual_seed(seed) if isinstance(seed, int) else seed
    numbers, half = torch.rand(steps, size, generator=generator), steps // 2
    marked = [torch.randint(low, high, (size,), generator=generator) for low, high in ((0, half), (half, steps))]
    marks = torch.zeros(steps, size).scatter_(0, torch.stack(marked), 1.0)
    return torch.stack((numbers, marks), 2), (numbers * marks).sum(0)


def gradients(model: Adder, steps: int) -> tuple[np.ndarray, float]:
    """The norms by steps back, of the state that remembers longest, and the norm of dL/dU."""
    flow = insight.gradient_flow(model, adding(steps, 64, seed=5), F.mse_loss)
    shares = [state.back / state.back[0] for state in flow.states]
    return max(shares, key=memory), flow.parameters["layer.weight_hh_l0"]


def memory(shares: np.ndarray) -> int:
    """Steps back until the norm is below 1 %; as many as there are where it never is."""
    return next((k for k, share in enumerate(shares) if share < 0.01), len(shares))


def learned(layer: Layer, seed: int, steps: int, updates: int) -> Found:
    torch.manual_seed(seed)
    model, generator = Adder(layer.make(steps)), torch.Generator().manual_seed(seed)
    (start, first), largest = gradients(model, steps), 0.0
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for _ in range(updates):
        x, wanted = adding(steps, BATCH, generator)
        optimizer.zero_grad()
        F.mse_loss(model(x), wanted).backward()
        largest = max(largest, torch.nn.utils.clip_grad_norm_(model.parameters(), layer.clip).item())
        optimizer.step()
    x, wanted = adding(steps, UNSEEN, seed=1_000_000 + seed)
    with torch.no_grad():
        loss = F.mse_loss(model(x), wanted).item()
    trained = gradients(model, steps)[0] if np.isfinite(loss) else np.empty(0)
    return Found(start, trained, loss, largest, first)


def growth(cell: str, scale: float, steps: int = 500, units: int = 64) -> insight.Jacobians:
    """A layer whose U is an orthogonal matrix times ``scale``, along unit noise."""
    rng = np.random.default_rng(0)
    U = scale * np.linalg.qr(rng.normal(size=(units, units)))[0]
    zeros = np.zeros(units)
    params = {"weight_ih": np.eye(units), "weight_hh": U, "bias_ih": zeros, "bias_hh": zeros}
    return insight.jacobians((cell, params), rng.normal(size=(steps, 1, units)))


def judged(source: str, claim: str, holds: bool, numbers: str) -> None:
    said = f"{source}: {claim}. {'So it is here' if holds else 'Not so here'}: {numbers}."
    print(textwrap.fill(said, 120, initial_indent="- ", subsequent_indent="  "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    parser.add_argument("--seeds", type=int, help="runs of every layer (default 3)")
    parser.add_argument("--figure", metavar="FILE", help="draw how the gradients decay, as SVG")
    options = parser.parse_args()
    steps, updates = (30, 60) if options.small else (STEPS, UPDATES)
    seeds = options.seeds or (1 if options.small else 3)
    torch.set_num_threads(1)

    print(f"{'':<24}{'memory at the start':>20}{'trained':>9}{'loss':>9}{'solved':>8}{'largest norm':>15}")
    found = dict[str, list[Found]]()
    for name, layer in LAYERS.items():
        found[name] = [learned(layer, seed, steps, updates) for seed in range(seeds)]
        print(row(name, found[name], steps), flush=True)
    print(f"Memories of {steps}+ steps are those that no sequence is long enough for; without memory the loss is 0.167, and a "
          "tenth of it is solved.\n")  # fmt: skip

    print(f"{'U = λ times orthogonal':<24}{'bound':>8}{'measured':>10}{'50 steps':>12}")
    rates = dict[tuple[str, float], float]()
    for cell, scale in (
        ("rnn_identity", 0.9),
        ("rnn_identity", 1.5),
        ("rnn_tanh", 0.9),
        ("rnn_tanh", 1.5),
        ("rnn_tanh", 3.0),
    ):
        seen = growth(cell, scale)
        assert seen.bound is not None
        rates[cell, scale] = rate = float(seen.lyapunov()[0])
        name = f"{'linear' if cell == 'rnn_identity' else 'tanh'}, λ = {scale}"
        print(f"{name:<24}{np.log(seen.bound):>8.3f}{rate:>10.3f}{np.exp(50 * rate):>12.1e}")
    print(
        "Rates of growth of a gradient a step: the logarithm of the bound γ σ_max(U), and the largest Lyapunov exponent.\n"
    )
    judge(found, rates, steps)
    if options.small:
        print("This run was small: it has trained too little for anything that is said of trained layers.")
    if options.figure:
        draw(found, options.figure)


def judge(found: dict[str, list[Found]], rates: dict[tuple[str, float], float], steps: int) -> None:
    """What a derivation of BPTT, a lecture and an article on GRUs say (docs/source-texts.md), beside what came out."""
    start, trained = (
        {name: curves_memory(runs, part) for name, runs in found.items()} for part in ("start", "trained")
    )
    loss = {name: middle_loss(runs) for name, runs in found.items()}
    first = {name: statistics.median(run.first for run in runs) for name, runs in found.items()}
    solved = {name: each < MEMORYLESS / 10 for name, each in loss.items()}
    linear, tanh = (
        {scale: rate for (cell, scale), rate in rates.items() if cell == kind} for kind in ("rnn_identity", "rnn_tanh")
    )

    def told(name: str) -> str:
        before, after = at_most(start[name], steps), at_most(trained[name], steps)
        return f"{name}: memory {before}, trained {after}, loss {loss[name]:.4f}"

    print("What texts say, and what came out:")
    judged(
        "the derivation",
        "gradients explode where λ = γ σ_max(U) > 1",
        tanh[1.5] > 0,
        f"at λ = 1.5 the linear layer's grow by {np.exp(linear[1.5]):.2f} a step, as the bound has it, tanh's by"
        f" {np.exp(tanh[1.5]):.2f}: the bound allows them to explode and does not make them",
    )
    judged(
        "the derivation",
        "they vanish where λ is far below 1, as if it took that",
        linear[0.9] > -0.01,
        f"λ = 0.9 is enough, 1 % is left after {np.log(0.01) / linear[0.9]:.0f} steps without an activation function, after"
        f" {np.log(0.01) / tanh[0.9]:.0f} with tanh",
    )
    judged(
        "the lecture",
        "weights that are too small make gradients vanish, too large ones make them explode",
        all(rate > 0 for scale, rate in tanh.items() if scale > 1),
        "with tanh a step multiplies by "
        + ", ".join(f"{np.exp(rate):.2f} at λ = {scale:g}" for scale, rate in tanh.items())
        + ": large weights saturate it, too",
    )
    judged(
        "the article",
        "the gradient becomes so small that learning stops",
        first["RNN, tanh"] < 0.01 * first["GRU"],
        f"dL/dU is {first['RNN, tanh']:.2g} in the RNN at the start, {first['GRU']:.2g} in the GRU, which does learn; what is"
        f" missing in it are the steps more than {start['RNN, tanh']} back",
    )
    judged(
        "the derivation",
        "choose good activation functions",
        start["RNN, ReLU"] > start["RNN, tanh"] and solved["RNN, ReLU"],
        f"{told('RNN, tanh')}; {told('RNN, ReLU')}",
    )
    judged(
        "the derivation",
        "start U as the identity and biases at 0",
        solved["RNN, ReLU, identity"],
        f"{told('RNN, ReLU, identity')}. It needs ReLU: {told('RNN, tanh, identity')}",
    )
    judged(
        "all three",
        "gates keep gradients from vanishing",
        min(start["LSTM"], start["GRU"]) > 2 * start["RNN, tanh"],
        f"as they start they do not reach further back than the RNN's {start['RNN, tanh']} steps: {told('LSTM')}; {told('GRU')}."
        f" What reaches further is a bias: {told('LSTM, forget bias 1')}; {told('LSTM, chrono')}; {told('GRU, chrono')}",
    )
    judged(
        "the lecture",
        "at long dependencies GRUs are good and LSTMs excellent",
        loss["LSTM"] < loss["GRU"],
        f"loss {loss['LSTM']:.4f} of the LSTM, {loss['GRU']:.4f} of the GRU; with chrono {loss['LSTM, chrono']:.4f} and"
        f" {loss['GRU, chrono']:.4f}",
    )
    clipped, free = loss["RNN, ReLU, identity"], loss["the same, not clipped"]
    judged(
        "none of them",
        "clip the norm of gradients",
        clipped < free,
        f"the identity start has gradients of a norm of up to {max(run.largest for run in found['RNN, ReLU, identity']):.1e};"
        f" its loss is {clipped:.4f} clipped and {free:.4f} otherwise. Clipping does not make a memory longer: the RNN with"
        " tanh is clipped, too",
    )


def draw(found: dict[str, list[Found]], path: str) -> None:
    """How gradients decay, of the first seed."""
    parts = {"before the training": "start", "after it": "trained"}
    figures = [
        decay_figure(
            {name: getattr(found[name][0], part) for name in DRAWN if len(getattr(found[name][0], part))},
            "steps back", f"gradient of the loss by the state, relative to the last step's, {when}", mark=0.01,
        )
        for when, part in parts.items()
    ]  # fmt: skip
    Chart(*figures).save(path)


def row(name: str, runs: list[Found], steps: int) -> str:
    """A line of the table."""
    solved, largest = sum(run.loss < MEMORYLESS / 10 for run in runs), max(run.largest for run in runs)
    start, after = (at_most(curves_memory(runs, part), steps) for part in ("start", "trained"))
    return f"{name:<24}{start:>20}{after:>9}{middle_loss(runs):>9.4f}{solved:>5} of {len(runs)}{largest:>15.3g}"


def curves_memory(runs: list[Found], part: str) -> int:
    """The median of the memories; 0 where the training has failed."""
    return int(statistics.median_low(memory(getattr(run, part)) for run in runs))


def middle_loss(runs: list[Found]) -> float:
    return statistics.median(run.loss if np.isfinite(run.loss) else np.inf for run in runs)


def at_most(steps_back: int, steps: int) -> str:
    return f"{steps}+" if steps_back >= steps else f"{steps_back}"


if __name__ == "__main__":
    main()
