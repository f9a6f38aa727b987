"""The losses of networks that answer once a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from unrolled.training.encoder import EncoderModule
from unrolled.training.learn import Answers, weighted_mean

__all__ = ["Loss", "answer_loss"]

Loss = Literal["one_of", "any_of", "squares"]
"""Cross entropy of one class among several; of every class by itself; squared error."""


def answer_loss(
    kind: Loss, class_weights: NDArray[np.float64] | None = None
) -> Callable[[EncoderModule, Answers], Tensor]:
    """The mean loss of a batch, whose answers are places of classes, or numbers ``[O]``; weights multiply those of classes."""
    weight = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))
    losses: dict[Loss, Callable[..., Tensor]] = {
        "one_of": cross_entropy, "any_of": binary_cross_entropy_with_logits, "squares": mse_loss,
    }  # fmt: skip
    weights: dict[str, Any] = {} if weight is None else {"weight": weight}

    def loss(module: EncoderModule, answers: Answers) -> Tensor:
        scores, wanted = module(answers.items), torch.from_numpy(np.array(answers.wanted))
        if answers.weights is None:
            return losses[kind](scores, wanted, **weights)
        each = losses[kind](scores, wanted, reduction="none", **weights).reshape(len(wanted), -1).mean(1)
        counts = torch.from_numpy(answers.weights)
        if weight is None:
            return weighted_mean(each, counts)
        return weighted_mean(each / weight[wanted].clamp_min(torch.finfo(weight.dtype).tiny), counts * weight[wanted])

    return loss
