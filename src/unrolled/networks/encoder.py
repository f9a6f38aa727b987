r"""From a sequence to a few numbers: recurrent layers, pooling over time, a dense layer.

.. math::
    y[t] &= \mathrm{RNN}(x[1..T])[t] \\
    p &= y \text{ at the last step,} \quad \tfrac 1 T \sum_t y[t], \quad \max_t y[t] \quad\text{or}\quad \sum_t w[t]\, y[t] \\
    s &= V p + b

with attention's weights :math:`w = \mathrm{softmax}_t(v^\top \tanh(A\, y[t] + a))` (Yang et al. 2016, *Hierarchical
attention networks for document classification*, without its hierarchy). Of the reverse direction the
last step is the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count
from unrolled.networks.embedding import Embedding, EmbeddingConfig
from unrolled.networks.engine import Array, Engine, Lengths
from unrolled.networks.last_output import last_output
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.stack import StackConfig

__all__ = ["Encoder", "EncoderConfig", "Pooling"]

Pooling = Literal["last", "mean", "max", "attention"]


class EncoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="encoder"):
    """The sizes of the network."""

    stack: StackConfig
    pooling: Pooling
    outputs: Count
    tokens: EmbeddingConfig | None = None
    """None where steps are numbers."""

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(Encoder, self)


class Encoder:
    """The network. After training a sequence's scores have the same bits alone and in a batch.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> config = EncoderConfig(StackConfig("gru", inputs=2, hidden_size=3, num_layers=1), pooling="mean", outputs=5)
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> Encoder(KernelEngine(parameters), config).scores([np.ones((4, 2), np.float32), np.ones((9, 2), np.float32)]).shape
    (2, 5)
    """

    def __init__(self, engine: Engine, config: EncoderConfig) -> None:
        self.engine, self.config = engine, config
        width = config.stack.outputs
        self.embedding = Embedding(engine.scope("embedding"), config.tokens)
        self.rnn = engine.stack("rnn", config.stack)
        if config.pooling == "attention":
            self.attention = engine.dense("attention", width, width)
            self.score = engine.vector("score", width)
        self.head = engine.dense("head", width, config.outputs)

    def __call__(self, items: Sequence[Item]) -> Array:
        """Scores ``[B, O]`` of sequences ``[T_i, I]`` or tokens."""
        x, lengths = self.embedding(items)
        if self.config.tokens:
            x = self.engine.dropout(x)
        y, _ = self.rnn(x, lengths)
        return self.head(self.engine.dropout(self._pooled(y, lengths)))

    def _pooled(self, y: Array, lengths: Lengths) -> Array:
        """``y [T, B, H]`` → ``[B, H]``."""
        if self.config.pooling == "last":
            return last_output(self.engine, self.config.stack, y, lengths)
        if self.config.pooling == "mean":
            return self.engine.mean(y, lengths)
        if self.config.pooling == "max":
            return self.engine.max(y, lengths)
        return self.engine.attend(self.score(self.engine.tanh(self.attention(y))), y, lengths)

    def scores(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Those of any number of sequences, which are run in batches of similar length."""
        scores = np.empty((len(items), self.config.outputs), np.float32)
        for chosen in batches_of_similar_length([len(item) for item in items]):
            scores[chosen] = self([items[n] for n in chosen])
        return scores
