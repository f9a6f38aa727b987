"""The progress of training, as callbacks receive it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """Where training is, after a step.

    Attributes:
        phase: what this run is for, such as ``validating``.
        step, steps: steps done, and how many there are if nothing stops it early.
        epoch: the epoch of this step, from 1.
        loss: the training loss of this step.
        validation_loss: the last one, if there is one.
        seconds: since the run began.
    """

    phase: str
    step: int
    steps: int
    epoch: int
    loss: float
    validation_loss: float | None
    seconds: float
