"""The networks of fitted estimators as torch modules, with the loss of their fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unrolled.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["is_estimator", "network_loss"]

WHY_NOT = {
    "Forecaster": "it learns from windows of the history that it has read, not from (X, y)",
    "AnomalyDetector": "it learns from windows of the history that it has read, not from (X, y)",
    "SequenceGenerator": "its pieces are their own targets",
    "Seq2Seq": "it reads the target while it predicts it",
    "CTCTranscriber": "its targets have no steps of their own",
}
"""Estimators whose loss does not follow from items and their targets alone."""


def is_estimator(model: Any) -> bool:
    """Whether it is one of the library's estimators."""
    from unrolled.tasks.estimator import Estimator

    return isinstance(model, Estimator)


def network_loss(estimator: Any, X: Any, y: Any, member: int) -> tuple[Any, Callable[[], Tensor]]:
    """One network of an estimator as a module in evaluation mode, and what computes the loss of its fit.

    Raises:
        InputError: not fitted, there is no such network, or the estimator is of another kind; the message says why.
        MissingExtraError: torch is not installed.
    """
    from unrolled.tasks.sequences.estimator import SequenceEstimator

    name = type(estimator).__name__
    if not isinstance(estimator, SequenceEstimator):
        reason = WHY_NOT.get(name, "its loss needs more than items and targets")
        raise InputError(
            f"insight does not look inside a {name}: {reason}; a SequenceClassifier, SequenceRegressor or SequenceTagger"
            " it does, and any torch module with a loss"
        )
    try:
        import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise MissingExtraError(f"insight into a {name}", "torch", "train") from None
    return estimator.network_loss(X, y, member)
