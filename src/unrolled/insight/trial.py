"""A change tried: models trained with it and without, on the same data, from the same seeds, judged on what none has seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.errors import InputError
from unrolled.insight.causes import Change
from unrolled.insight.result_frame import frame_of

if TYPE_CHECKING:
    from unrolled.tasks.held_out.data import Data
else:
    Data = Any

__all__ = ["Trial", "try_module", "try_settings"]

STEPS, BATCH, RATE = 300, 32, 1e-3
"""Of the training of a torch module: steps, sequences a step, learning rate of Adam."""
SHARE = 0.2
"""Of its sequences, which are held out."""


@dataclass(frozen=True)
class Trial:
    """What came of a change.

    Attributes:
        measure: what models were judged by on the part held out.
        larger_is_better: whether it is.
        before, after: its values without the change and with it, one of each seed.
        held_out: what was held out, in words.
    """

    measure: str
    larger_is_better: bool
    before: Sequence[float]
    after: Sequence[float]
    held_out: str

    @property
    def gains(self) -> list[float]:
        """How much better the change made it, of each seed; a measure that is no number is as bad as can be."""
        sign = 1 if self.larger_is_better else -1
        pairs = zip(self.before, self.after, strict=True)
        return [
            0.0 if b == a or (math.isnan(b) and math.isnan(a)) else _worth(sign * a) - _worth(sign * b)
            for b, a in pairs
        ]

    @property
    def helps(self) -> bool | None:
        """Whether every seed is better with the change; None where some are better and some are worse, or all are alike."""
        better, worse = (sum(sign * gain > 0 for gain in self.gains) for sign in (1, -1))
        return True if better == len(self.gains) else False if worse == len(self.gains) else None

    @property
    def verdict(self) -> str:
        """A sentence with the numbers, either way."""
        name, seeds = self.measure.replace("_", " "), len(self.before)
        better = sum(gain > 0 for gain in self.gains)
        said = f"{name} {np.mean(self.before):.3g} as it is, {np.mean(self.after):.3g} with the change"
        count = f"better from {better} of {seeds} seed{'s' * (seeds > 1)}"
        mixed = "the seeds do not agree" if better or any(gain < 0 for gain in self.gains) else "no difference"
        end = {True: "it helps", False: "it makes it worse: leave it out", None: mixed}[self.helps]
        if seeds == 1 and self.helps is not None:
            end += ", as far as one seed can tell"
        return f"Tried on {self.held_out}: {said}, {count}: {end}."

    def to_frame(self) -> Any:
        """A polars frame with one row for each seed: ``seed``, ``before``, ``after``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = zip(range(len(self.before)), self.before, self.after, strict=True)
        return frame_of(("seed", "before", "after"), list(rows))

    def __str__(self) -> str:
        return self.verdict


def _worth(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def try_settings(
    data: Data, settings: Mapping[str, Any], change: Change, seeds: int = 3, *, verbose: bool | None = False
) -> Trial:
    """Fit an estimator with its settings, and with those of a change, to all but the part of its data kept for a test.

    Args:
        data: a file's, as :mod:`unrolled.tasks.held_out` has them.
        settings: parameters by name.
        change: whose ``values`` replace some of them.
        seeds: how often both are fitted, from 0.
        verbose: as every estimator takes it.

    Raises:
        InputError: there is too little to hold some out.
        TrainingError: a loss is not finite or has exploded.
    """
    from unrolled.tasks.held_out.data import LARGER_IS_BETTER

    learned, held_out = data.test_split()
    found: list[list[float]] = [[], []]
    measure = ""
    for seed in range(seeds):
        for scores, values in zip(found, (settings, {**settings, **change.values}), strict=True):
            told = held_out.scores(learned.fit(values, seed=seed, verbose=verbose))
            measure = held_out.measure(told)
            scores.append(told[measure])
    what = f"{held_out.describe()} that none had seen"
    return Trial(measure, measure in LARGER_IS_BETTER, found[0], found[1], what)


def try_module(
    make: Callable[[], Any],
    x: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    change: Change,
    axis: int,
    seeds: int = 3,
    *,
    tell: Callable[[float, int], None] | None = None,
) -> Trial:
    """Train a torch module as it is made, and changed, with Adam on four fifths of some sequences; the rest judges by its loss.

    Args:
        make: makes the module; torch's generator is seeded before.
        x, y: all sequences, a tensor each; those of ``y`` along the same axis, or along the first.
        loss: of the module's output and targets.
        change: what is tried.
        axis: of the sequences in ``x``.
        seeds: how often both are trained.
        tell: is called after each step with the share that is done, and the number of steps.

    Raises:
        InputError: there is one sequence only, or ``y`` has none.
    """
    import torch

    count, own_axis = x.shape[axis], axis if y.dim() > axis and y.shape[: axis + 1] == x.shape[: axis + 1] else 0
    if count < 2:
        raise InputError(
            f"x holds {count} sequence, expected at least 2, so that one can be held out to try a change on"
        )
    if not y.dim() or y.shape[own_axis] != count:
        raise InputError(f"y has shape {list(y.shape)}, expected something for each of the {count} sequences of x")
    order = torch.from_numpy(np.random.default_rng(0).permutation(count))
    held, rest = order[: max(1, round(SHARE * count))], order[max(1, round(SHARE * count)) :]

    def part(rows: Any) -> tuple[Any, Any]:
        return x.index_select(axis, rows), y.index_select(own_axis, rows)

    runs = [(each, seed) for each in (Change(""), change) for seed in range(seeds)]

    def trained(before: int, changed: Change, seed: int) -> float:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = make() if changed.module is None else changed.module(make())
            optimiser = torch.optim.Adam(module.parameters(), RATE * changed.rate)
            module.train()
            for done in range(before * STEPS, (before + 1) * STEPS):
                if tell is not None:
                    tell(done / (len(runs) * STEPS), done)
                inputs, targets = part(rest[torch.randint(len(rest), (min(BATCH, len(rest)),))])
                optimiser.zero_grad()
                loss(module(inputs), targets).backward()
                if changed.clip_norm is not None:
                    torch.nn.utils.clip_grad_norm_(module.parameters(), changed.clip_norm)
                optimiser.step()
            module.eval()
            with torch.no_grad():
                inputs, targets = part(held)
                return float(loss(module(inputs), targets))

    found = [trained(before, *run) for before, run in enumerate(runs)]
    what = f"{len(held)} of {count} sequences that none had seen, after {STEPS} steps each"
    return Trial("loss", False, found[:seeds], found[seeds:], what)
