"""Networks run with NumPy and the kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Values
from unrolled.kernels.arrays import elementary, softmax
from unrolled.kernels.storage import Storage, stores_halves
from unrolled.networks.engine import Lengths
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.stack import StackConfig
from unrolled.runtime.comparison import Comparison
from unrolled.runtime.decoder_step import decoder_step
from unrolled.runtime.dense import Dense
from unrolled.runtime.probabilities import log_softmax, log_sum_exp
from unrolled.runtime.sources import SourceProducts, SourceSums
from unrolled.runtime.stack import Stack
from unrolled.runtime.table import Table

__all__ = ["KernelEngine", "Storage", "stores_halves"]

LARGE = 1 << 16
"""Weights from which on a dense layer is large: 256 KiB, an eighth of a core's second-level cache."""

Places = NDArray[np.int64]


class KernelEngine:
    """The engine of saved models: weights are packed when a network is made, and a row's bits never depend on its neighbours.

    Args:
        tensors: the parameters by name.
        prefix: what the names of this part begin with.
        weights: what the matrices of recurrent layers and of large dense ones are stored as, as for
            :class:`unrolled.runtime.recurrent.RecurrentLayer`.

    >>> engine = KernelEngine({"head.weight": np.eye(2), "head.bias": np.ones(2)})
    >>> engine.dense("head", 2, 2)(np.array([[1.0, 2.0]])).tolist()
    [[2.0, 3.0]]
    """

    def __init__(
        self, tensors: Mapping[str, NDArray[Any]], prefix: str = "", *, weights: Storage | None = None
    ) -> None:
        self._tensors, self._prefix = tensors, prefix
        self._weights: Storage | None = weights

    def scope(self, name: str) -> KernelEngine:
        """The engine of a part."""
        return KernelEngine(self._tensors, f"{self._prefix}{name}.", weights=self._weights)

    def stack(self, name: str, config: StackConfig) -> Stack:
        """Recurrent layers, packed."""
        parameters = {own: self.parameter(f"{name}.{own}") for own in config.parameter_shapes()}
        return Stack(config, parameters, weights=self._weights)

    def dense(self, name: str, inputs: int, outputs: int) -> Dense:
        """A dense layer, packed."""
        weight, bias = self.parameter(f"{name}.weight"), self.parameter(f"{name}.bias")
        return Dense(weight, bias, weights=self._stored(weight))

    def matrix(self, name: str, inputs: int, outputs: int) -> Dense:
        """A dense layer without bias, packed."""
        weight = self.parameter(f"{name}.weight")
        return Dense(weight, weights=self._stored(weight))

    def vector(self, name: str, size: int) -> Callable[[Floats], Floats]:
        """A product with one vector."""
        product = Dense(self.parameter(name))
        return lambda x: product(x)[..., 0]

    def comparison(self, name: str, size: int) -> Comparison:
        """With the vector of one row."""
        return Comparison(self.parameter(name)[0])

    def embedding(self, name: str, entries: int, size: int) -> Table:
        """Rows of a table."""
        return Table(self.parameter(name))

    def parameter(self, name: str, *_: Any) -> NDArray[Any]:
        """An array as it is."""
        return self._tensors[self._prefix + name]

    def _stored(self, weight: NDArray[Any]) -> Storage | None:
        """What the weight of a dense layer is stored as."""
        return self._weights if weight.size >= LARGE else None

    def constant(self, a: NDArray[Any]) -> NDArray[Any]:
        """As they are."""
        return a

    def tanh(self, a: Floats) -> Floats:
        """As the kernels compute it."""
        return elementary("tanh", a)

    def sigmoid(self, a: Floats) -> Floats:
        """As the kernels compute it."""
        return elementary("sigmoid", a)

    def exp(self, a: Floats) -> Floats:
        """As the kernels compute it."""
        return elementary("exp", a)

    def sum(self, a: Floats) -> Floats:
        """In the order of the last axis."""
        return np.add.accumulate(a, axis=-1)[..., -1]

    def log_sum_exp(self, a: Floats) -> Values:
        """In float64, in the order of the last axis."""
        return log_sum_exp(a)

    def concatenate(self, arrays: Sequence[Floats]) -> Floats:
        """Side by side along the last axis."""
        return np.concatenate(arrays, axis=-1)

    def steps(self, arrays: Sequence[Floats]) -> Floats:
        """One after the other along a new first axis."""
        return np.stack(arrays)

    def repeat(self, a: Floats, steps: int) -> Floats:
        """A view."""
        return np.broadcast_to(a, (steps, *a.shape))

    def mean(self, y: Floats, lengths: Lengths) -> Floats:
        """Summed over steps in their order, whatever follows."""
        return _sum_over_time(y) / lengths[:, None].astype(y.dtype)

    def max(self, y: Floats, lengths: Lengths) -> Floats:
        """The largest of each sequence's own steps."""
        inside = np.arange(len(y))[:, None] < lengths
        return np.where(inside[..., None], y, -np.inf).max(0).astype(y.dtype)

    def attend(self, scores: Floats, y: Floats, lengths: Lengths) -> Floats:
        """Both sums over steps in their order, whatever follows."""
        score = np.where(np.arange(len(y))[:, None] < lengths, scores, -np.inf)
        weight = elementary("exp", score - score.max(0))
        return _sum_over_time(weight[..., None] * y) / _sum_over_time(weight)[:, None]

    def softmax(self, scores: Floats, inside: NDArray[np.bool_] | None) -> Floats:
        """Divided by a sum in the order of the last axis, whatever is outside."""
        if inside is None:
            return softmax(scores)
        score = np.where(inside, scores, -np.inf).astype(scores.dtype)
        share = elementary("exp", score - score.max(-1, keepdims=True))
        return share / np.add.accumulate(share, axis=-1)[..., -1:]

    def products(self, keys: Floats, lengths: Lengths) -> SourceProducts:
        """Keys packed, source by source."""
        return SourceProducts(keys, lengths)

    def sums(self, values: Floats, lengths: Lengths) -> SourceSums:
        """Values packed, source by source."""
        return SourceSums(values, lengths)

    def log_probabilities(self, scores: Floats) -> Values:
        """In float64."""
        return log_softmax(scores)

    def log_softmax(self, a: Floats) -> Values:
        """In float64."""
        return log_softmax(a)

    def chosen(self, a: Floats, places: Places) -> Floats:
        """Copies."""
        return np.take_along_axis(a, places[..., None], -1)[..., 0]

    def decoder_step(self, network: Any) -> Callable[[Any, Places], Any] | None:
        """In one call, where the kernels know all of it."""
        return decoder_step(network)

    def dropout(self, a: Floats) -> Floats:
        """Nothing is left out."""
        return a

    def noisy(self, a: Floats) -> Floats:
        """Nothing is added."""
        return a

    def drop_steps(self, a: Floats) -> Floats:
        """No step is left out."""
        return a

    def drop_tokens(self, places: Places) -> Places:
        """No word is left out."""
        return places

    def pad(self, rows: Floats, lengths: Lengths) -> Floats:
        """``[ΣT, I]`` → ``[T, B, I]``."""
        x = np.zeros((lengths.max(), len(lengths), rows.shape[1]), np.float32)
        for n, own in enumerate(np.split(rows, np.cumsum(lengths)[:-1])):
            x[: len(own), n] = own
        return x

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Of similar length, as many as memory holds."""
        return batches_of_similar_length(lengths)


def _sum_over_time(a: Floats) -> Floats:
    total = np.zeros_like(a[0])
    for now in a:
        total += now
    return total
