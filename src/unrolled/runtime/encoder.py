r"""From a sequence to a few numbers, run without torch: recurrent layers, pooling over time, a dense layer.

.. math::
    y[t] &= \mathrm{RNN}(x[1..T])[t] \\
    p &= \text{last state,} \quad \tfrac 1 T \sum_t y[t], \quad \max_t y[t] \quad\text{or}\quad \sum_t w[t]\, y[t] \\
    s &= V p + b

with attention's weights :math:`w = \mathrm{softmax}_t(v^\top \tanh(A\, y[t] + a))` (Yang et al. 2016, *Hierarchical
attention networks for document classification*, without its hierarchy). ``last`` is the state after the last step, of the
reverse direction the one after the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count
from unrolled.kernels.arrays import elementary
from unrolled.runtime.dense import Dense
from unrolled.runtime.reader import EmbeddingConfig, Reader, batches_of_similar_length
from unrolled.runtime.stack import Expected, Stack, StackConfig

__all__ = ["Encoder", "EncoderConfig", "Pooling"]

Pooling = Literal["last", "mean", "max", "attention"]
Floats = NDArray[np.floating[Any]]


class EncoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="encoder"):
    """The sizes of the network."""

    stack: StackConfig
    pooling: Pooling
    outputs: Count
    tokens: EmbeddingConfig | None = None
    """None where steps are numbers."""

    def tensors(self) -> Expected:
        """Name → shape and dtype of every parameter."""
        width = self.stack.outputs
        expected = self.stack.tensors("rnn.") | (self.tokens.tensors() if self.tokens else {})
        if self.pooling == "attention":
            expected |= {
                "attention.weight": ((width, width), np.float32),
                "attention.bias": ((width,), np.float32),
                "attention.score": ((1, width), np.float32),
            }
        return expected | {
            "head.weight": ((self.outputs, width), np.float32),
            "head.bias": ((self.outputs,), np.float32),
        }


class Encoder:
    """The network after training; a sequence's scores have the same bits alone and in a batch.

    >>> shape = EncoderConfig(StackConfig("gru", inputs=2, hidden_size=3, num_layers=1), pooling="mean", outputs=5)
    >>> encoder = Encoder(shape, {name: np.zeros(size, dtype) for name, (size, dtype) in shape.tensors().items()})
    >>> encoder([np.ones((4, 2), np.float32), np.ones((9, 2), np.float32)]).shape
    (2, 5)
    """

    def __init__(self, shape: EncoderConfig, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.shape = shape
        self._reader = Reader(shape.tokens, tensors)
        self._stack = Stack(shape.stack, tensors, "rnn.")
        self._head = Dense(tensors["head.weight"], tensors["head.bias"])
        if shape.pooling == "attention":
            self._attended = Dense(tensors["attention.weight"], tensors["attention.bias"])
            self._score = Dense(tensors["attention.score"])

    def __call__(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Scores ``[N, O]`` of sequences ``[T_i, I]`` or tokens, which are run in batches of similar length."""
        scores = np.empty((len(items), self.shape.outputs), np.float32)
        for chosen in batches_of_similar_length([len(item) for item in items]):
            x, lengths = self._reader([items[n] for n in chosen])
            y, last = self._stack(x, lengths)
            scores[chosen] = self._head(self._pooled(y, last, lengths))
        return scores

    def _pooled(self, y: Floats, last: Floats, lengths: NDArray[np.int64]) -> Floats:
        """``y [T, B, H]``, zero past each length → ``[B, H]``; sums run over steps in their order, whatever follows."""
        if self.shape.pooling == "last":
            return last
        inside = np.arange(len(y))[:, None] < lengths
        if self.shape.pooling == "mean":
            return _sum_over_time(y) / lengths[:, None].astype(y.dtype)
        if self.shape.pooling == "max":
            return np.where(inside[..., None], y, -np.inf).max(0).astype(y.dtype)
        score = np.where(inside, self._score(elementary("tanh", self._attended(y)))[..., 0], -np.inf)
        weight = elementary("exp", score - score.max(0))
        return _sum_over_time(weight[..., None] * y) / _sum_over_time(weight)[:, None]


def _sum_over_time(a: Floats) -> Floats:
    total = np.zeros_like(a[0])
    for now in a:
        total += now
    return total
