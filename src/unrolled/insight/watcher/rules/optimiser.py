"""The optimiser: what it follows, what it changes, and by how much."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

from unrolled.insight.watcher.records import Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["GradientsNotZeroed", "LearningRate", "OptimiserWithoutRecurrent"]


class GradientsNotZeroed:
    """A fact: the gradients that an optimiser step has followed are still there when the next backward pass adds to them.

    Accumulating over several backward passes before one step does not count, nor does what another optimiser's loss adds to
    gradients that are zeroed before their own. Three steps of an optimiser in a row.
    """

    cause = "gradients_not_zeroed"

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def stepped(self, seen: Pass, run: Run) -> Found | None:
        """Look at what the step followed."""
        count = self._counts[run.stepping] = self._counts.get(run.stepping, 0) + 1 if run.stale else 0
        if count < 3:
            return None
        return Found(
            "the optimiser",
            f"in {count} steps in a row the gradients of the step before were still there and were added to",
            "call optimizer.zero_grad() before loss.backward()",
        )


class OptimiserWithoutRecurrent:
    """A fact: recurrent parameters get gradients, and no optimiser that took a step has them.

    Recurrent are those of recurrent layers and cells, and of modules that run more than twice in one call of a model, which is
    how cells are written by hand. Five steps, so that several optimisers can take turns.
    """

    cause = "optimiser_without_recurrent"

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Compare what has a gradient with what is optimised."""
        if run.step < 5 or not run.optimised or not seen.close:
            return None
        left: dict[str, int] = {}
        for call in seen.calls:
            repeated = [module for module in call.module.modules() if id(module) in seen.repeated]
            for module in dict.fromkeys([*(layer.module for layer in call.layers), *repeated]):
                for parameter in module.parameters(recurse=False):
                    if parameter.grad is not None and id(parameter) not in run.optimised:
                        left[run.name_of(parameter)] = parameter.numel()
        if not left:
            return None
        return Found(
            ", ".join(left),
            f"{sum(left.values()):,} numbers of recurrent parameters get gradients, but are in no optimiser and stay as they are",
            "give the optimiser model.parameters(), after all layers have been made",
        )


class LearningRate:
    r"""Measured: how far a step moves the recurrent matrices, :math:`\|\Delta U\| / \|U\|`.

    About 1e-3 is usual (Bottou; Karpathy's notes CS231n); Adam moves each number by about its learning rate. Far too high is
    when the first steps were above 0.35 and the loss has not fallen by a tenth after 15 steps, or steps above 0.1 do not lower
    it after 20, while gradients have not grown, which would be another cause. Far too low is when all steps together, 40 or
    more, moved the matrices by less than 2e-5 a step, the loss has not fallen by 2 % and is no better for it, and gradients are
    not small.
    """

    cause = "learning_rate"

    def __init__(self) -> None:
        self._start: dict[str, Tensor] = {}
        self._first: list[float] = []
        self._rates: list[float] = []

    def steps(self, seen: Pass, run: Run) -> Found | None:
        """Before a step that is looked at closely: has anything moved since the start?"""
        if run.step == 1 or not self._start:
            self._start = {name: weight.detach().clone() for name, weight in run.recurrent_weights.items()}
            self._began = run.step
            return None
        steps = run.step - self._began
        if steps < 40 or math.isnan(run.loss):
            return None
        shares = [
            float((weight.detach() - self._start[name]).norm() / self._start[name].norm().clamp_min(1e-12))
            for name, weight in run.recurrent_weights.items()
            if name in self._start and self._start[name].shape == weight.shape
        ]
        moved = max(shares, default=1.0) / steps
        if 0 < moved < 2e-5 and run.improvement() < 0.02 and median(run.norms) > 1e-4:
            return Found(
                "the optimiser",
                f"{steps} steps together moved the recurrent matrices by {moved * steps:.1e} of their norm, and the loss fell by"
                f" {max(run.improvement(), 0):.1%}: the learning rate is far too low",
                "multiply it by 100; Adam usually begins at 1e-3",
            )
        return None

    def stepped(self, seen: Pass, run: Run) -> Found | None:
        """After a step that was looked at closely."""
        if run.update is None:
            return None
        self._first.append(run.update)
        grown = max(list(run.norms)[-5:]) > 20 * max(list(run.norms)[:3])
        if len(self._first) < 3 or grown:
            return None
        early, late = median(self._first[:4]), median(self._first[-4:])
        too_far = run.step >= 15 and early > 0.35 and run.gain() < 0.1
        restless = run.step >= 20 and late > 0.1 and run.gain() < 0.02
        if not too_far and not restless:
            return None
        size = early if too_far else late
        return Found(
            "the optimiser",
            f"a step changes the recurrent matrices by {size:.0%} of their norm, where 0.1 % is usual: the learning rate is far"
            " too high",
            "divide it by 100; Adam usually begins at 1e-3",
        )
