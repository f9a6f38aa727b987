r"""One answer per step: embeddings, recurrent layers, a dense layer, scores of tag sequences.

.. math::
    y[t] &= \mathrm{RNN}(x[1..T])[t] \\
    e[t] &= V y[t] + b \\
    s(k_1 \dots k_T) &= a_{k_1} + \sum_t e[t]_{k_t} + \sum_{t>1} A_{k_{t-1} k_t} + z_{k_T}

with :math:`A`, :math:`a` and :math:`z` zero where the tags are scored one by one. Source: Lample et al. 2016, *Neural
architectures for named entity recognition*, arXiv 1603.01360.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count
from unrolled.networks.embedding import Embedding, EmbeddingConfig
from unrolled.networks.engine import Array, Engine, Lengths
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.stack import StackConfig

__all__ = ["TagScores", "Tagger", "TaggerConfig"]


class TaggerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="tagger"):
    """The sizes of the network."""

    stack: StackConfig
    outputs: Count
    tokens: EmbeddingConfig | None = None
    """None where steps are numbers."""
    crf: bool = True

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(Tagger, self)


class TagScores(NamedTuple):
    """What the scores of tag sequences are made of."""

    emissions: Array
    """``e [T, B, K]``, any numbers past the lengths."""
    lengths: Lengths
    crf: tuple[Array, Array, Array] | None
    """``A [K, K]`` from and to, ``a [K]`` and ``z [K]``; None where tags are scored one by one."""


class Tagger:
    """The network. After training an item's scores have the same bits alone and in a batch.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> config = TaggerConfig(StackConfig("gru", inputs=2, hidden_size=3, num_layers=1), outputs=5, crf=False)
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> tagger = Tagger(KernelEngine(parameters), config)
    >>> [scores.shape for scores in tagger.emissions([np.ones((4, 2), np.float32), np.ones((9, 2), np.float32)])]
    [(4, 5), (9, 5)]
    """

    def __init__(self, engine: Engine, config: TaggerConfig) -> None:
        self.engine, self.config = engine, config
        K = config.outputs
        self.embedding = Embedding(engine.scope("embedding"), config.tokens)
        self.rnn = engine.stack("rnn", config.stack)
        self.head = engine.dense("head", config.stack.outputs, K)
        self.crf = None
        if config.crf:
            crf = engine.scope("crf")
            self.crf = crf.parameter("transitions", (K, K)), crf.parameter("start", (K,)), crf.parameter("end", (K,))

    def __call__(self, items: Sequence[Item]) -> TagScores:
        """The scores of items that are run together."""
        x, lengths = self.embedding(items)
        if self.config.tokens:
            x = self.engine.dropout(x)
        y, _ = self.rnn(x, lengths)
        return TagScores(self.head(self.engine.dropout(y)), lengths, self.crf)

    def advance(self, x: Array, states: tuple[Array, ...] | None = None) -> tuple[Array, tuple[Array, ...]]:
        """The scores ``e [T, B, K]`` of further steps ``x [T, B, I]`` of numbers, and the states to go on from."""
        y, states = self.rnn(x, None, states)
        return self.head(y), states

    def emissions(self, items: Sequence[Item]) -> list[NDArray[np.float32]]:
        """The scores ``e [T_i, K]`` of each of any number of items, which are run in batches of similar length."""
        scores: list[NDArray[np.float32]] = [np.empty((0, 0), np.float32)] * len(items)
        for chosen in batches_of_similar_length([len(item) for item in items]):
            found = self([items[n] for n in chosen])
            for place, n in enumerate(chosen):
                scores[n] = np.ascontiguousarray(found.emissions[: found.lengths[place], place], np.float32)
        return scores
