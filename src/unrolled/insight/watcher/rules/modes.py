"""Modes: dropout where answers are measured, and none where the model learns."""

from __future__ import annotations

from typing import Any

from unrolled.insight.watcher.records import Pass
from unrolled.insight.watcher.run import Found, Run

__all__ = ["DropoutInEvaluation", "EvaluationModeInTraining"]

ENOUGH = 3
"""Passes of the same kind before anything is said: one may be a trial call."""


class DropoutInEvaluation:
    """A fact: a pass without a backward pass drew dropout masks.

    Passes count whose gradients are off, or whose outputs no backward pass ever went through, once the model has been trained.
    Monte Carlo dropout (Gal, Ghahramani 2016) does this on purpose and says so by many passes over the same input, which
    do not count.
    """

    cause = "dropout_in_evaluation"

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._count = 0

    def evaluated(self, seen: Pass, run: Run) -> Found | None:
        """Look at a pass that nothing is learned from."""
        place = dropping(seen, drawn=True)
        if place is None or not run.step or seen.keys is None:
            return None
        key = hash(tuple(seen.keys.ordered))
        self._count += 1
        if key in self._seen and self._count < ENOUGH and len(self._seen) == 1:
            return None
        self._seen.add(key)
        if seen.calls[0].training:
            return Found(
                place,
                "dropout draws masks in a pass from which nothing is learned, so that its answers and measures are random",
                "call model.eval() before evaluating and model.train() after it",
            )
        return Found(
            place, "dropout draws masks in a pass from which nothing is learned, although the model is in evaluation mode",
            "pass training=self.training to the dropout function",
        )  # fmt: skip


class EvaluationModeInTraining:
    """A fact: backward passes went through a model in evaluation mode that has layers to which the mode matters.

    A layer matters that drops out with p > 0 or normalises by statistics of the batch. Three passes in a row, all of
    whose such layers are in evaluation mode.
    """

    cause = "evaluation_mode_in_training"

    def __init__(self) -> None:
        self._count = 0

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at a pass that something is learned from."""
        place = None if dropping(seen, drawn=True) else dropping(seen, drawn=False)
        self._count = 0 if place is None else self._count + 1
        if place is None or self._count < ENOUGH:
            return None
        return Found(
            place,
            f"the last {self._count} passes learned in evaluation mode: no dropout, and frozen statistics",
            "call model.train() at the begin of every epoch, after each evaluation",
        )


def dropping(seen: Pass, *, drawn: bool) -> str | None:
    """A place where dropout draws a mask, or, with ``drawn`` False, where a layer is that would if it were in training mode."""
    for place, draws in seen.masks.items():
        if draws == drawn:
            return place
    for call in seen.calls:
        for layer in call.layers:
            if _drops_inside(layer.module) and layer.training == drawn:
                return layer.place
        if not drawn:
            for path, module in call.module.named_modules():
                if _normalises(module) and not module.training:
                    return path or call.name
    return None


def _drops_inside(module: Any) -> bool:
    settings = getattr(module, "settings", None)
    between = getattr(module, "dropout", 0) and getattr(module, "num_layers", 1) > 1
    return bool(between or getattr(settings, "draws", False) or getattr(settings, "weight_drop", 0))


def _normalises(module: Any) -> bool:
    return "BatchNorm" in type(module).__name__ and getattr(module, "track_running_stats", False)
