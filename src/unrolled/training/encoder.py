"""The network of :mod:`unrolled.runtime.encoder` as a torch module, for as long as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import dropout

from unrolled.codecs.inputs import Item
from unrolled.runtime.encoder import EncoderConfig
from unrolled.training.reader import ReaderModule
from unrolled.training.recurrent import last_states, recurrent_layers

__all__ = ["EncoderModule"]


class EncoderModule(torch.nn.Module):
    """Recurrent layers, pooling over time, a dense layer; parameters are named as the saved model names them."""

    def __init__(self, shape: EncoderConfig, *, dropout: float, token_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.reader = ReaderModule(shape.tokens, token_dropout=token_dropout)
        self.rnn = recurrent_layers(shape.stack, dropout)
        width = shape.stack.outputs
        if shape.pooling == "attention":
            self.attention = torch.nn.Linear(width, width)
            self.score = torch.nn.Parameter(torch.empty(1, width).uniform_(-(width**-0.5), width**-0.5))
        self.head = torch.nn.Linear(width, shape.outputs)

    def forward(self, items: Sequence[Item]) -> Tensor:
        """Scores ``[B, O]``."""
        x, lengths = self.reader(items)
        if self.shape.tokens:
            x = dropout(x, self.dropout, self.training)
        y, state = self.rnn(x, lengths=lengths)
        return self.head(dropout(self._pooled(y, state, lengths), self.dropout, self.training))

    def _pooled(self, y: Tensor, state: Any, lengths: Tensor) -> Tensor:
        if self.shape.pooling == "last":
            return last_states(state, self.shape.stack.directions)
        inside = torch.arange(len(y))[:, None] < lengths
        if self.shape.pooling == "mean":
            return y.sum(0) / lengths[:, None]
        if self.shape.pooling == "max":
            return y.masked_fill(~inside[..., None], -torch.inf).amax(0)
        score = (torch.tanh(self.attention(y)) @ self.score[0]).masked_fill(~inside, -torch.inf)
        return (torch.softmax(score, 0)[..., None] * y).sum(0)

    def tensors(self) -> dict[str, NDArray[np.floating[Any]]]:
        """The parameters, named as in :meth:`EncoderConfig.tensors`."""
        named = {"attention.score" if name == "score" else name: p for name, p in self.named_parameters()}
        return {name: parameter.detach().numpy().copy() for name, parameter in named.items()}
