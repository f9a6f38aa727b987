"""Learning to read sequences: many-to-one networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from unrolled.runtime.encoder import EncoderShape
from unrolled.training.encoder import EncoderModule, padded
from unrolled.training.length_buckets import length_buckets
from unrolled.training.loop import TrainingRun, train
from unrolled.training.options import TrainingOptions
from unrolled.training.threads import threads_worth_having

__all__ = ["Answers", "Loss", "learn_encoder"]

Loss = Literal["one_of", "any_of", "squares"]
"""Cross entropy of one class among several; of every class by itself; squared error."""


@dataclass(frozen=True)
class Answers:
    """Sequences ``[T_i, I]`` and what is wanted of them: places of classes ``[N]``, or numbers ``[N, O]``."""

    sequences: Sequence[NDArray[np.float32]]
    wanted: NDArray[np.int64] | NDArray[np.float32]


def learn_encoder(
    shape: EncoderShape,
    answers: Answers,
    loss: Loss,
    options: TrainingOptions,
    *,
    class_weights: NDArray[np.float64] | None = None,
    kept_back: Answers | None = None,
    phase: str = "training",
) -> tuple[EncoderModule, TrainingRun]:
    """Train a module; with ``kept_back`` it ends in the state of the epoch that does best on it.

    The caller's torch generator is left as it was.
    """
    generator = np.random.default_rng(options.seed)
    lengths = [len(sequence) for sequence in answers.sequences]
    weights = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))
    batch_size = min(options.batch_size, len(lengths))
    with torch.random.fork_rng(devices=[]), threads_worth_having(batch_size, shape.stack.hidden_size):
        torch.manual_seed(options.seed)
        module = EncoderModule(shape, dropout=options.dropout)

        def loss_of(answers: Answers, chosen: NDArray[np.int64]) -> Tensor:
            scores = module(*padded([answers.sequences[n] for n in chosen]))
            return _loss(loss, scores, torch.from_numpy(answers.wanted[chosen]), weights)

        def validate() -> float:
            assert kept_back is not None
            N = len(kept_back.sequences)
            order = np.argsort([len(sequence) for sequence in kept_back.sequences], kind="stable")
            batches = [order[at : at + options.batch_size] for at in range(0, N, options.batch_size)]
            return sum(loss_of(kept_back, batch).item() * len(batch) for batch in batches) / N

        run = train(
            module,
            lambda: length_buckets(lengths, batch_size, generator),
            lambda chosen: loss_of(answers, chosen),
            epochs=options.max_epochs,
            batches_per_epoch=math.ceil(len(lengths) / batch_size),
            learning_rate=options.learning_rate,
            clip_norm=options.clip_norm,
            validate=None if kept_back is None else validate,
            patience=options.patience,
            phase=phase,
            callback=options.callback,
        )
    return module, run


def _loss(loss: Loss, scores: Tensor, wanted: Tensor, weights: Tensor | None) -> Tensor:
    if loss == "one_of":
        return cross_entropy(scores, wanted, weight=weights)
    if loss == "any_of":
        return binary_cross_entropy_with_logits(scores, wanted, weight=weights)
    return mse_loss(scores, wanted)
