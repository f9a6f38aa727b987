"""The losses of networks with one target a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from unrolled.training.examples import Examples, weighted_mean

__all__ = ["Loss", "target_loss"]

Loss = Literal["one_of", "any_of", "squares"]
"""Cross entropy of one class among several; of every class by itself; squared error."""


def target_loss(
    kind: Loss, class_weights: NDArray[np.float64] | None = None
) -> Callable[[torch.nn.Module, Examples], Tensor]:
    """The mean loss of a batch, whose targets are places of classes, or numbers ``[O]``; weights multiply those of classes."""
    weight = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))
    losses: dict[Loss, Callable[..., Tensor]] = {
        "one_of": cross_entropy, "any_of": binary_cross_entropy_with_logits, "squares": mse_loss,
    }  # fmt: skip
    weights: dict[str, Any] = {} if weight is None else {"weight": weight}

    def loss(module: torch.nn.Module, examples: Examples) -> Tensor:
        scores, targets = module(examples.items), torch.from_numpy(np.array(examples.targets))
        if examples.weights is None:
            return losses[kind](scores, targets, **weights)
        each = losses[kind](scores, targets, reduction="none", **weights).reshape(len(targets), -1).mean(1)
        counts = torch.from_numpy(examples.weights)
        if weight is None:
            return weighted_mean(each, counts)
        return weighted_mean(each / weight[targets].clamp_min(torch.finfo(weight.dtype).tiny), counts * weight[targets])

    return loss
