"""What a watcher says: a cause by name, where, since which step, the number that says so, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["CAUSES", "Cause", "Finding"]


class Cause(NamedTuple):
    """One thing that goes wrong with recurrent networks."""

    title: str
    """In words."""
    rank: int
    """0: a fact read off the run that nothing else explains; 1: a measured quantity far outside what works; 2 and
    3: symptoms that other causes have, too. Findings of a lower rank come first."""


CAUSES = {
    "state_not_detached": Cause("the graph grows from batch to batch", 0),
    "gradients_not_zeroed": Cause("gradients pile up over steps", 0),
    "optimiser_without_recurrent": Cause("the optimiser lacks the recurrent parameters", 0),
    "evaluation_mode_in_training": Cause("training in evaluation mode", 0),
    "dropout_in_evaluation": Cause("dropout is on in evaluation", 0),
    "axes_swapped": Cause("batch and time are swapped", 0),
    "wrong_axis_loss": Cause("the loss runs over the wrong axis", 0),
    "target_shifted": Cause("the answer is among the inputs", 0),
    "time_shuffled": Cause("time runs in the wrong order", 0),
    "duplicate_rows": Cause("the same sequences in training and evaluation", 0),
    "constant_labels": Cause("batches of one label", 0),
    "padding_read_backwards": Cause("the backward direction begins in the padding", 0),
    "padding_in_loss": Cause("padding counts in the loss", 0),
    "state_carried": Cause("the state is carried between unrelated sequences", 0),
    "state_not_carried": Cause("the state is lost where the sequence goes on", 0),
    "float16_underflow": Cause("gradients are rounded to zero in half precision", 0),
    "inputs_not_scaled": Cause("inputs are not scaled", 0),
    "negative_forget_bias": Cause("forget gates start closed", 0),
    "learning_rate": Cause("the learning rate is far off", 1),
    "dead_units": Cause("units that are always zero", 1),
    "short_truncation": Cause("gradients are cut off before what they need", 1),
    "saturated_gates": Cause("gates are saturated", 2),
    "exploding": Cause("gradients explode", 2),
    "vanishing": Cause("gradients vanish", 3),
    "not_finite": Cause("the run is no longer finite", 3),
}
"""Slug → cause, the most certain first; the last is that of a stop, and of no rule."""

_ORDER = {slug: place for place, slug in enumerate(CAUSES)}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a run.

    >>> print(Finding("exploding", "rnn.weight_hh_l0", 12, "the gradient norm grew 40x in 3 steps", "clip it at 1.0"))
    exploding (gradients explode) in rnn.weight_hh_l0 at step 12: the gradient norm grew 40x in 3 steps: clip it at 1.0
    """

    cause: str
    """A key of :data:`CAUSES`."""
    place: str
    """The module, parameter or tensor."""
    step: int
    """Optimiser steps that had been begun when it was found."""
    message: str
    """What was measured, with the number."""
    remedy: str
    """What to change."""

    @property
    def title(self) -> str:
        """The cause in words."""
        return CAUSES[self.cause].title

    @property
    def rank(self) -> tuple[int, int, int]:
        """By which findings are sorted: how certain the cause is, then when it was found."""
        return CAUSES[self.cause].rank, self.step, _ORDER[self.cause]

    def __str__(self) -> str:
        return f"{self.cause} ({self.title}) in {self.place} at step {self.step}: {self.message}: {self.remedy}"
