"""The trainings of an estimator's networks, which its losses have one after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["TrainingLosses", "training_runs"]


class TrainingLosses(NamedTuple):
    """Of one network."""

    losses: list[float]
    """Of each epoch."""
    validation: list[float]
    """Of what was kept back, of each epoch; nothing where nothing was."""
    best: int | None
    """The epoch whose weights were kept, the first is 1; None where these are the last."""


def training_runs(model: Any) -> list[TrainingLosses]:
    """The losses of each network by itself; of all in one where it is not known where one ends and the next begins.

    A training ends with its last epoch, or as soon as the best of what was kept back is ``patience`` epochs ago.
    """
    losses = [float(loss) for loss in np.ravel(getattr(model, "losses_", ()))]
    validation = [float(loss) for loss in np.ravel(getattr(model, "validation_losses_", ()) or ())]
    if not losses:
        return []
    epochs: Any = getattr(model, "epochs_", None)
    best: list[int] = epochs if isinstance(epochs, list) else [epochs] if isinstance(epochs, int) else []
    networks = len(best) or int(model.members)
    counts = _counts(model, networks, best if validation else [], len(losses))
    starts = [sum(counts[:k]) for k in range(len(counts))]
    return [
        TrainingLosses(losses[at : at + n], validation[at : at + n], best[k] if validation and k < len(best) else None)
        for k, (at, n) in enumerate(zip(starts, counts, strict=True))
    ]


def _counts(model: Any, networks: int, best: list[int], total: int) -> list[int]:
    """How many epochs each network was trained for."""
    most, patience = model.max_epochs, getattr(model, "patience", None)
    if networks > 1 and best and patience:
        found = [min(most, epoch + patience) for epoch in best]
        return found if sum(found) == total else [total]
    each, rest = divmod(total, networks)
    return [total] if rest else [each] * networks
