"""The rules: one class for each cause, in files by family; each docstring says what the threshold comes from."""

from __future__ import annotations

from typing import Any

from unrolled.insight.watcher.rules.activations import DeadUnits, NegativeForgetBias, SaturatedGates
from unrolled.insight.watcher.rules.axes import AxesSwapped, TimeShuffled, WrongAxisLoss
from unrolled.insight.watcher.rules.data import ConstantLabels, DuplicateRows, InputsNotScaled, TargetShifted
from unrolled.insight.watcher.rules.gradients import Exploding, Float16Underflow, Vanishing
from unrolled.insight.watcher.rules.modes import DropoutInEvaluation, EvaluationModeInTraining
from unrolled.insight.watcher.rules.optimiser import GradientsNotZeroed, LearningRate, OptimiserWithoutRecurrent
from unrolled.insight.watcher.rules.padding import PaddingInLoss, PaddingReadBackwards
from unrolled.insight.watcher.rules.states import StateCarried, StateNotCarried, StateNotDetached
from unrolled.insight.watcher.rules.truncation import ShortTruncation

__all__ = ["RULES", "every_rule"]

RULES: tuple[Any, ...] = (
    Vanishing, Exploding, SaturatedGates, StateCarried, StateNotCarried, StateNotDetached, PaddingInLoss,
    PaddingReadBackwards, AxesSwapped, TimeShuffled, TargetShifted, DropoutInEvaluation, EvaluationModeInTraining,
    LearningRate, InputsNotScaled, DeadUnits, NegativeForgetBias, GradientsNotZeroed, OptimiserWithoutRecurrent,
    ConstantLabels, WrongAxisLoss, Float16Underflow, DuplicateRows, ShortTruncation,
)  # fmt: skip


def every_rule() -> list[Any]:
    """A new rule of each kind."""
    return [rule() for rule in RULES]
