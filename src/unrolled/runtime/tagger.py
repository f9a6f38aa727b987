r"""One answer per step, run without torch: reader, recurrent layers, a dense layer, scores of tag sequences.

.. math::
    y[t] &= \mathrm{RNN}(x[1..T])[t] \\
    e[t] &= V y[t] + b \\
    s(k_1 \dots k_T) &= a_{k_1} + \sum_t e[t]_{k_t} + \sum_{t>1} A_{k_{t-1} k_t} + z_{k_T}

with :math:`A`, :math:`a` and :math:`z` zero where the tags are scored one by one. Source: Lample et al. 2016, *Neural
architectures for named entity recognition*, arXiv 1603.01360.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count
from unrolled.runtime.dense import Dense
from unrolled.runtime.reader import EmbeddingConfig, Reader, batches_of_similar_length
from unrolled.runtime.stack import Expected, Stack, StackConfig

__all__ = ["Tagger", "TaggerConfig"]


class TaggerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="tagger"):
    """The sizes of the network."""

    stack: StackConfig
    outputs: Count
    tokens: EmbeddingConfig | None = None
    """None where steps are numbers."""
    crf: bool = True

    def tensors(self) -> Expected:
        """Name → shape and dtype of every parameter."""
        K = self.outputs
        expected = self.stack.tensors("rnn.") | (self.tokens.tensors() if self.tokens else {})
        expected |= {"head.weight": ((K, self.stack.outputs), np.float32), "head.bias": ((K,), np.float32)}
        if self.crf:
            expected |= {
                "crf.transitions": ((K, K), np.float32),
                "crf.start": ((K,), np.float32),
                "crf.end": ((K,), np.float32),
            }
        return expected


class Tagger:
    """The network after training; an item's scores have the same bits alone and in a batch.

    >>> shape = TaggerConfig(StackConfig("gru", inputs=2, hidden_size=3, num_layers=1), outputs=5, crf=False)
    >>> tagger = Tagger(shape, {name: np.zeros(size, dtype) for name, (size, dtype) in shape.tensors().items()})
    >>> [scores.shape for scores in tagger([np.ones((4, 2), np.float32), np.ones((9, 2), np.float32)])]
    [(4, 5), (9, 5)]
    """

    def __init__(self, shape: TaggerConfig, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._reader = Reader(shape.tokens, tensors)
        self._stack = Stack(shape.stack, tensors, "rnn.")
        self._head = Dense(tensors["head.weight"], tensors["head.bias"])

    def __call__(self, items: Sequence[Item]) -> list[NDArray[np.float32]]:
        """The scores ``e [T_i, K]`` of each item."""
        scores: list[NDArray[np.float32]] = [np.empty((0, 0), np.float32)] * len(items)
        for chosen in batches_of_similar_length([len(item) for item in items]):
            x, lengths = self._reader([items[n] for n in chosen])
            e = self._head(self._stack(x, lengths)[0])
            for place, n in enumerate(chosen):
                scores[n] = np.ascontiguousarray(e[: lengths[place], place], np.float32)
        return scores
