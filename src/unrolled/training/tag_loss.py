"""The loss of networks with one tag a step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from unrolled.codecs.tag_scheme import TagOrder
from unrolled.networks.tagger import TagScores
from unrolled.training.crf import crf_loss
from unrolled.training.examples import Examples, weighted_mean

__all__ = ["tag_loss"]

IGNORED = -100  # cross_entropy leaves steps past the end out


def tag_loss(order: TagOrder) -> Callable[[torch.nn.Module, Examples], Tensor]:
    """Mean over steps of the negative log likelihood of the tags; weights are those of whole sequences.

    ``order`` says which tags may begin, follow which, and end.
    """

    def loss(module: torch.nn.Module, examples: Examples) -> Tensor:
        scores: TagScores = module(examples.items)
        tags = [torch.from_numpy(places) for places in examples.targets]
        lengths = torch.from_numpy(scores.lengths)
        if scores.crf is None:
            targets = pad_sequence(tags, padding_value=IGNORED)
            e, flat = scores.emissions.flatten(0, 1), targets.flatten()
            if examples.weights is None:
                return cross_entropy(e, flat, ignore_index=IGNORED)
            steps = cross_entropy(e, flat, ignore_index=IGNORED, reduction="none")
            each = steps.reshape(targets.shape).sum(0)
        else:
            each = crf_loss(scores.emissions, pad_sequence(tags), lengths, *scores.crf, order)
            if examples.weights is None:
                return each.sum() / lengths.sum()
        return weighted_mean(each / lengths, torch.from_numpy(examples.weights) * lengths)

    return loss
