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
    Monte Carlo dropout (Gal, Ghahramani 2016) does this on purpose and says so: by several passes over the same input between
    two steps, for which this waits, or by dropout layers in training mode within a model in evaluation mode.
    """

    cause = "dropout_in_evaluation"

    def __init__(self) -> None:
        self._keys: set[int] = set()
        self._step = 0
        self._found: Found | None = None
        self._on_purpose = False

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Training goes on, so that the evaluation is over."""
        return self._found if run.step > self._step else None

    def ended(self, run: Run) -> Found | None:
        """So it is when the run is."""
        return self._found

    def evaluated(self, seen: Pass, run: Run) -> Found | None:
        """Look at a pass that nothing is learned from."""
        place = dropping(seen, drawn=True)
        if place is None or not run.step or seen.keys is None or self._on_purpose:
            return None
        if self._found is not None and run.step > self._step:
            return self._found
        key, call = hash(tuple(seen.keys.ordered)), seen.calls[0]
        self._on_purpose = key in self._keys or (not call.training and _has_dropout_on(call.module))
        self._keys.add(key)
        self._step, self._found = run.step, None if self._on_purpose else self._what(place, call.training)
        return None

    @staticmethod
    def _what(place: str, training: bool) -> Found:
        if training:
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


def _has_dropout_on(model: Any) -> bool:
    return any("Dropout" in type(module).__name__ and module.training for module in model.modules())


def _drops_inside(module: Any) -> bool:
    settings = getattr(module, "settings", None)
    between = getattr(module, "dropout", 0) and getattr(module, "num_layers", 1) > 1
    return bool(between or getattr(settings, "draws", False) or getattr(settings, "weight_drop", 0))


def _normalises(module: Any) -> bool:
    return "BatchNorm" in type(module).__name__ and getattr(module, "track_running_stats", False)
