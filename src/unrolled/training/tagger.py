"""The network of :mod:`unrolled.runtime.tagger` as a torch module, for as long as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, dropout
from torch.nn.utils.rnn import pad_sequence

from unrolled.codecs.inputs import Item
from unrolled.codecs.tag_scheme import TagOrder
from unrolled.runtime.tagger import TaggerConfig
from unrolled.training.crf import crf_loss
from unrolled.training.learn import Answers, weighted_mean
from unrolled.training.reader import ReaderModule
from unrolled.training.recurrent import recurrent_layers

__all__ = ["TaggerModule"]

IGNORED = -100  # cross_entropy leaves steps past the end out


class TaggerModule(torch.nn.Module):
    """Reader, recurrent layers, a dense layer; parameters are named as the saved model names them.

    ``order`` says which tags may begin, follow which, and end.
    """

    def __init__(self, shape: TaggerConfig, order: TagOrder, *, dropout: float, token_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.order, self.dropout = shape, order, dropout
        self.reader = ReaderModule(shape.tokens, token_dropout=token_dropout)
        self.rnn = recurrent_layers(shape.stack, dropout)
        self.head = torch.nn.Linear(shape.stack.outputs, shape.outputs)
        if shape.crf:
            K = shape.outputs
            self.crf = torch.nn.ParameterDict(
                {"transitions": torch.zeros(K, K), "start": torch.zeros(K), "end": torch.zeros(K)}
            )

    def forward(self, items: Sequence[Item]) -> tuple[Tensor, Tensor]:
        """Scores of tags ``[T, B, K]`` and lengths ``[B]``."""
        x, lengths = self.reader(items)
        if self.shape.tokens:
            x = dropout(x, self.dropout, self.training)
        y, _ = self.rnn(x, lengths=lengths)
        return self.head(dropout(y, self.dropout, self.training)), lengths

    def loss(self, answers: Answers) -> Tensor:
        """Mean over steps of the negative log likelihood of the tags; weights are those of whole sequences."""
        scores, lengths = self(answers.items)
        tags = [torch.from_numpy(places) for places in answers.wanted]
        if not self.shape.crf:
            wanted = pad_sequence(tags, padding_value=IGNORED)
            if answers.weights is None:
                return cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)
            steps = cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none")
            each = steps.reshape(wanted.shape).sum(0)
        else:
            A, start, end = (self.crf[name] for name in ("transitions", "start", "end"))
            each = crf_loss(scores, pad_sequence(tags), lengths, A, start, end, self.order)
            if answers.weights is None:
                return each.sum() / lengths.sum()
        return weighted_mean(each / lengths, torch.from_numpy(answers.weights) * lengths)

    def tensors(self) -> dict[str, NDArray[np.floating[Any]]]:
        """The parameters, named as in :meth:`TaggerConfig.tensors`."""
        return {name: parameter.detach().numpy().copy() for name, parameter in self.named_parameters()}
