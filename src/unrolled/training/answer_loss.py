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
from unrolled.training.learn import Answers

__all__ = ["Loss", "answer_loss"]

Loss = Literal["one_of", "any_of", "squares"]
"""Cross entropy of one class among several; of every class by itself; squared error."""


def answer_loss(
    kind: Loss, class_weights: NDArray[np.float64] | None = None
) -> Callable[[EncoderModule, Answers], Tensor]:
    """The mean loss of a batch, whose answers are places of classes, or numbers ``[O]``."""
    weight = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))
    losses: dict[Loss, Callable[..., Tensor]] = {
        "one_of": cross_entropy, "any_of": binary_cross_entropy_with_logits, "squares": mse_loss,
    }  # fmt: skip
    weights: dict[str, Any] = {} if weight is None else {"weight": weight}

    def loss(module: EncoderModule, answers: Answers) -> Tensor:
        return losses[kind](module(answers.items), torch.from_numpy(np.array(answers.wanted)), **weights)

    return loss
