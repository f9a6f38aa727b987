"""Fixed points of a network that keeps three bits: `unrolled.insight.fixed_points` beside a plain search in torch.

    python benchmarks/fixed_points.py [--layers GRU RNN] [--starts N] [--rates RATE ...] [--rounds N]

The task (Sussillo, Barak 2013): at every step each of three inputs is 1, -1 or, mostly, 0, and each output is to be the last
of its input's that was not 0. A trained network has a stable fixed point for each of the eight memories, and saddles
between them. Both searches begin from the same states that the network was in, with noise, and minimise

    q(s) = ½ ‖F(s, 0) - s‖²

until it is 1e-16. The plain search is the one usually found in research code (the joint one of FixedPointFinder, Golub and
Sussillo 2018): Adam on the states themselves, all at once, in float64, by the gradient that torch gives of one step of
``torch.nn``'s own cell; the rate falls where the mean of q no longer does, and after --updates those that have not arrived
are given up. Of the rates given, that is taken with which most states arrive, and of such the quickest. It is not asked for
eigenvalues, which ours come with.

Points are compared before any time is taken: torch's cell must leave all of ours where they are, both searches must have
found a stable point for every memory, and the table says how many of the plain search's points are among ours. Times are of
CPU, of one thread, both searches in turns; the ratio is the median of the rounds', and marked ``*`` under the aim of 10.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled import insight
from unrolled.insight import FixedPoints
from unrolled.version import library_version

BITS, UNITS, STEPS, BATCH, UPDATES, RATE = 3, {"GRU": 24, "RNN": 32}, 60, 64, 400, 0.01
NOISE, ARRIVED, SAME, AIM = 0.5, 1e-16, 1e-3, 10.0
EVERY = 50  # updates between looks at whether all states have arrived


def pulses(batch: int, generator: np.random.Generator, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Inputs and the bits that are to be kept, ``[T, B, 3]`` each."""
    x = generator.choice([-1.0, 0.0, 1.0], size=(steps, batch, BITS), p=[0.1, 0.8, 0.1])
    x[0] = generator.choice([-1.0, 1.0], size=(batch, BITS))
    kept = [x[0]]
    for now in x[1:]:
        kept.append(np.where(now != 0, now, kept[-1]))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(np.stack(kept), dtype=torch.float32)


def train(kind: str, updates: int = UPDATES) -> tuple[Any, nn.Linear, float]:
    """A layer of ``torch.nn`` and the outputs on it, and the loss of sequences that it has not seen."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    layer, head = getattr(nn, kind)(BITS, UNITS[kind]), nn.Linear(UNITS[kind], BITS)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], RATE)
    for _ in range(updates):
        x, kept = pulses(BATCH, generator)
        optimizer.zero_grad()
        F.mse_loss(head(layer(x)[0]), kept).backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
    x, kept = pulses(256, np.random.default_rng(1))
    with torch.no_grad():
        return layer, head, F.mse_loss(head(layer(x)[0]), kept).item()


def one_step(layer: Any) -> Any:
    """The layer as a cell of ``torch.nn``, in float64, for an input of zeros: ``s [K, H]`` → ``F(s, 0)``."""
    cell = (nn.GRUCell if isinstance(layer, nn.GRU) else nn.RNNCell)(BITS, layer.hidden_size).double()
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in layer.state_dict().items()})
    cell.requires_grad_(False)
    return lambda s: cell(torch.zeros(len(s), BITS, dtype=torch.float64), s)


def states_visited(layer: Any, starts: int) -> Tensor:
    """The states from which both searches begin: they are those that `fixed_points` draws itself."""
    with torch.no_grad():
        h = layer(searched_inputs())[0].double().numpy()
    before = np.concatenate([np.zeros_like(h[:1]), h[:-1]]).reshape(-1, h.shape[2])
    generator = np.random.default_rng(0)
    first = before[generator.permutation(len(before))[:starts]]
    return torch.tensor(first + NOISE * generator.normal(size=first.shape))


def searched_inputs() -> Tensor:
    return pulses(16, np.random.default_rng(2))[0]


def our_search(layer: Any, starts: int) -> FixedPoints:
    return insight.fixed_points(layer, searched_inputs(), starts=starts, noise=NOISE, apart=SAME)


class Plain(NamedTuple):
    """What the plain search has found."""

    points: NDArray[np.float64]
    """Each once, ``[P, H]``."""
    arrived: int
    """How many states came to one."""


def plain_search(layer: Any, starts: int, updates: int, rate: float) -> Plain:
    """Adam on all states at once."""
    step, s = one_step(layer), states_visited(layer, starts).requires_grad_()
    optimizer = torch.optim.Adam([s], rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.7, patience=30, min_lr=1e-6)
    for update in range(updates + 1):
        q = 0.5 * (step(s) - s).square().sum(1)
        if update == updates or (update % EVERY == 0 and bool((q <= ARRIVED).all())):
            break
        (s.grad,) = torch.autograd.grad(q.sum(), [s])
        optimizer.step()
        schedule.step(q.detach().mean())
    points = s.detach()[q <= ARRIVED].numpy()
    return Plain(distinct(points), len(points))


def distinct(points: NDArray[np.float64]) -> NDArray[np.float64]:
    chosen = list[NDArray[np.float64]]()
    for point in points:
        if not chosen or nearest(np.stack(chosen), point) > SAME:
            chosen.append(point)
    return np.stack(chosen) if chosen else points


def compare(layer: Any, head: nn.Linear, ours: FixedPoints, plain: Plain) -> str:
    """What ours has found, and how many of the plain search's; an AssertionError names what does not fit."""
    states = np.stack([point.state for point in ours.points if point.fixed])
    stays = (one_step(layer)(torch.tensor(states)) - torch.tensor(states)).norm(dim=1).max().item()
    assert stays < 1e-6, f"a point of ours moves by {stays:.1e} in torch's cell"
    stable = np.stack([point.state for point in ours.of_kind("stable")])
    missing = set(itertools.product((-1, 1), repeat=BITS)) - memories_of(head, stable)
    assert not missing, f"memories without a stable point: {missing}"
    others = [point for point in stable if nearest(plain.points, point) > SAME]
    assert not others, f"{len(others)} stable points are not among those of the plain search"
    also = sum(nearest(states, point) <= SAME for point in plain.points)
    saddles = np.bincount([point.unstable for point in ours.points if point.fixed]).tolist()[1:]
    told = ", ".join(f"{count} of {n}" for n, count in enumerate(saddles, 1) if count)
    return f"{len(stable)} stable; unstable directions: {told} | {also} of {len(plain.points)}"


def nearest(points: NDArray[np.float64], point: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(points - point, axis=1).min()) if len(points) else np.inf


def memories_of(head: nn.Linear, states: NDArray[np.float64]) -> set[tuple[int, ...]]:
    """The bits that these states hold."""
    with torch.no_grad():
        bits = head(torch.tensor(states, dtype=torch.float32)).sign().int().tolist()
    return set(map(tuple, bits))


def cpu_seconds(search: Any, *given: Any) -> tuple[float, Any]:
    begun = time.thread_time()
    result = search(*given)
    return time.thread_time() - begun, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", choices=list(UNITS), default=list(UNITS))
    parser.add_argument("--starts", type=int, default=512, help="states from which both searches begin (default 512)")
    parser.add_argument("--updates", type=int, default=5000, help="of the plain search at most (default 5000)")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.3, 0.1, 0.03, 0.01], help="of the plain search")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"unrolled {library_version()}, torch {torch.__version__}, one thread; {options.starts} starts, Adam of at most "
          f"{options.updates} updates")  # fmt: skip
    print("\n| layer | loss | points of ours | the plain search's that are ours | arrived, ours | plain | CPU s, ours | "
          "plain (rate) | ratio |\n|---|--:|---|--:|--:|--:|--:|--:|--:|")  # fmt: skip
    missed = False
    for kind in options.layers:
        layer, head, loss = train(kind)
        given = layer, options.starts
        tried = [cpu_seconds(plain_search, *given, options.updates, rate) for rate in options.rates]
        best = max(range(len(tried)), key=lambda n: (tried[n][1].arrived, -tried[n][0]))
        rate, plain, ours = options.rates[best], tried[best][1], our_search(*given)
        points = compare(layer, head, ours, plain)
        times = [
            (cpu_seconds(our_search, *given)[0], cpu_seconds(plain_search, *given, options.updates, rate)[0])
            for _ in range(options.rounds)
        ]
        ratio = statistics.median(theirs / own for own, theirs in times)
        missed |= ratio < AIM
        own, theirs = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"| {kind}, {UNITS[kind]} units | {loss:.4f} | {points} | {ours.arrived} | {plain.arrived} of {ours.starts} "
              f"| {own:.2f} | {theirs:.2f} ({rate:g}) | {ratio:.1f}{'*' * (ratio < AIM)} |", flush=True)  # fmt: skip
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
