"""The reader of :mod:`unrolled.runtime.reader` as a torch module, for as long as it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding
from torch.nn.utils.rnn import pad_sequence

from unrolled.codecs.inputs import Item
from unrolled.codecs.tokens import TokenIds
from unrolled.runtime.reader import EmbeddingConfig, distinct_spellings
from unrolled.training.recurrent import last_states, recurrent_layers

__all__ = ["ReaderModule"]


class ReaderModule(torch.nn.Module):
    """Items side by side, tokens as vectors; ``token_dropout`` reads that share of the words as unknown."""

    def __init__(self, shape: EmbeddingConfig | None, *, token_dropout: float) -> None:
        super().__init__()
        self.shape, self.token_dropout = shape, token_dropout
        if shape is not None:
            self.words = torch.nn.Parameter(torch.randn(shape.words, shape.word_size) * shape.word_size**-0.5)
            if shape.characters:
                size = shape.character_size
                self.characters = torch.nn.Parameter(torch.randn(shape.characters, size) * size**-0.5)
                self.spelling = recurrent_layers(shape.spelling, 0.0)

    def forward(self, items: Sequence[Item]) -> tuple[Tensor, Tensor]:
        """``x [T, B, I]``, zero past each length, and lengths ``[B]``."""
        if isinstance(items[0], TokenIds):
            tensors = self._vectors([item for item in items if isinstance(item, TokenIds)])
        else:
            tensors = [torch.from_numpy(item) for item in items]
        return pad_sequence(tensors), torch.tensor([len(item) for item in items])

    def _vectors(self, items: Sequence[TokenIds]) -> list[Tensor]:
        assert self.shape is not None
        places = torch.from_numpy(np.concatenate([item.words for item in items]))
        if self.training and self.token_dropout:
            places = places * (torch.rand(len(places)) >= self.token_dropout)
        vectors = embedding(places, self.words)
        if self.shape.characters:
            spellings, own = distinct_spellings(items)
            letters = pad_sequence([torch.tensor(spelling) for spelling in spellings])
            lengths = torch.tensor([len(spelling) for spelling in spellings])
            _, state = self.spelling(embedding(letters, self.characters), lengths=lengths)
            vectors = torch.cat([vectors, last_states(state, 2)[torch.from_numpy(own)]], dim=1)
        return list(vectors.split([len(item) for item in items]))
