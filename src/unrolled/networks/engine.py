"""The few words in which a network is written, whatever runs it.

A network's constructor asks the engine for its layers, which declares their parameters; its ``__call__`` applies them.
:class:`unrolled.runtime.engine.KernelEngine` runs networks with NumPy and the kernels,
:class:`unrolled.training.engine.TorchEngine` trains them, and :class:`unrolled.networks.parameters.Declaration` lists their
parameters. An array is one of the engine's own library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Integers
from unrolled.networks.stack import StackConfig

__all__ = ["Array", "Comparison", "Dense", "Engine", "Layer", "Lengths", "Lookup", "Rows", "Stack", "Table"]

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""
Layer: TypeAlias = Callable[[Array], Array]
Lengths: TypeAlias = NDArray[np.int64]
"""Steps of each sequence, ``[B]``, at least 1."""
Rows: TypeAlias = Integers
"""Places of rows in a batch."""


class Dense(Protocol):
    """``W x + b`` of the last axis."""

    @property
    def bias(self) -> Array:
        """``b``"""
        ...

    def __call__(self, x: Array, /) -> Array:
        """``[..., I]`` → ``[..., O]``."""
        ...


class Stack(Protocol):
    """Stacked recurrent layers."""

    def __call__(
        self, x: Array, lengths: Lengths | None = None, states: tuple[Array, ...] | None = None
    ) -> tuple[Array, tuple[Array, ...]]:
        """Outputs ``[T, B, O]`` of the last layer for ``x [T, B, I]``, zero past each length, and the last states as
        :class:`unrolled.runtime.stack.Stack` has them; ``states`` are those to go on from."""
        ...


class Table(Protocol):
    """Vectors ``[entries, size]``."""

    def __call__(self, places: Array, /) -> Array:
        """Vectors by place, along a new last axis."""
        ...

    def products(self, x: Array) -> Array:
        """``[..., size]`` → ``[..., entries]``: products with every vector."""
        ...


class Lookup(Protocol):
    """What each source of a batch holds, asked once a row; ``rows [N]`` says which source a row asks, by default its own."""

    def __call__(self, asked: Array, rows: Rows | None = None) -> Array:
        """``[U, N, ...]`` → ``[U, N, ...]``."""
        ...


class Comparison(Protocol):
    """What additive attention makes of each step of a row and each step of its source; none of the ``tanh`` is kept."""

    def __call__(self, query: Array, keys: Array, lengths: Lengths, rows: Rows | None = None) -> Array:
        """From ``q [U, N, A]`` and ``k [T, B, A]`` to ``[U, N, T]``, 0 past the lengths; ``rows [N]`` says which source a row
        asks, by default its own."""
        ...


class Engine(Protocol):
    """Layers by name, and what is computed between them."""

    def scope(self, name: str) -> Engine:
        """The engine of a part, whose parameters' names begin with that of the part and a dot."""
        ...

    def stack(self, name: str, config: StackConfig) -> Stack:
        """Recurrent layers."""
        ...

    def dense(self, name: str, inputs: int, outputs: int) -> Dense:
        """``W x + b`` of the last axis."""
        ...

    def matrix(self, name: str, inputs: int, outputs: int) -> Layer:
        """``W x`` of the last axis."""
        ...

    def vector(self, name: str, size: int) -> Layer:
        """``v · x`` of the last axis, which it takes away."""
        ...

    def comparison(self, name: str, size: int) -> Comparison:
        """``v · tanh(q + k)`` with one vector ``v``."""
        ...

    def embedding(self, name: str, entries: int, size: int) -> Table:
        """From whole numbers below ``entries`` to vectors, along a new last axis."""
        ...

    def parameter(self, name: str, shape: tuple[int, ...], dtype: type[np.floating[Any]] = np.float32) -> Array:
        """An array of its own, zero before training."""
        ...

    def constant(self, a: NDArray[Any]) -> Array:
        """Numbers that are not learned, or truth values."""
        ...

    def tanh(self, a: Array) -> Array:
        """The hyperbolic tangent."""
        ...

    def sigmoid(self, a: Array) -> Array:
        """The logistic function."""
        ...

    def exp(self, a: Array) -> Array:
        """The exponential function."""
        ...

    def sum(self, a: Array) -> Array:
        """Along the last axis, which it takes away."""
        ...

    def log_sum_exp(self, a: Array) -> Array:
        r""":math:`\log \sum_i e^{a_i}` along the last axis, which it takes away."""
        ...

    def concatenate(self, arrays: Sequence[Array]) -> Array:
        """Side by side along the last axis."""
        ...

    def steps(self, arrays: Sequence[Array]) -> Array:
        """One after the other along a new first axis."""
        ...

    def repeat(self, a: Array, steps: int) -> Array:
        """``[...]`` → ``[T, ...]``: the same at every step."""
        ...

    def mean(self, y: Array, lengths: Lengths) -> Array:
        """The mean over the steps of each sequence of ``y [T, B, H]``, which is zero past the lengths: ``[B, H]``."""
        ...

    def max(self, y: Array, lengths: Lengths) -> Array:
        """The largest over the steps of each sequence: ``[B, H]``."""
        ...

    def attend(self, scores: Array, y: Array, lengths: Lengths) -> Array:
        r""":math:`\sum_t w[t]\, y[t]` with :math:`w = \mathrm{softmax}_t` of ``scores [T, B]``: ``[B, H]``."""
        ...

    def softmax(self, scores: Array, inside: Array | None) -> Array:
        """Shares along the last axis, of those ``inside`` alone, by default of all; the others are 0."""
        ...

    def products(self, keys: Array, lengths: Lengths) -> Lookup:
        """From ``q [U, N, K]`` to its products with the ``keys [T, B, K]`` of each row's source, ``[U, N, T]``."""
        ...

    def sums(self, values: Array, lengths: Lengths) -> Lookup:
        """From weights ``[U, N, T]``, 0 past the lengths, to sums of the ``values [T, B, V]`` of each row's source so
        weighted, ``[U, N, V]``."""
        ...

    def log_probabilities(self, scores: Array) -> NDArray[np.float64]:
        """The logarithm of the softmax along the last axis, in float64."""
        ...

    def log_softmax(self, a: Array) -> Array:
        """The logarithm of the softmax along the last axis."""
        ...

    def chosen(self, a: Array, places: NDArray[np.int64]) -> Array:
        """``a [..., V]`` at one place of the last axis each, ``places [...]``: ``[...]``."""
        ...

    def decoder_step(
        self, network: Any
    ) -> Callable[[Any, NDArray[np.int64]], tuple[NDArray[np.float64], Any] | None] | None:
        """``advance`` of an encoder-decoder in fewer calls and with the same bits, where there is such; it returns None where a
        step must be taken in the usual way."""
        ...

    def dropout(self, a: Array) -> Array:
        """In training without a random share of its numbers, the others larger by as much."""
        ...

    def noisy(self, a: Array) -> Array:
        """In training with random numbers added."""
        ...

    def drop_steps(self, a: Array) -> Array:
        """``a [U, N, ...]``, in training with zeros in place of a random share of the steps."""
        ...

    def drop_tokens(self, places: NDArray[np.int64]) -> Array:
        """In training with a random share of the words unknown, which is 0."""
        ...

    def pad(self, rows: Array, lengths: Lengths) -> Array:
        """Rows of all sequences in turn ``[ΣT, I]`` as ``[T, B, I]``, zero past each length."""
        ...

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Places of sequences of these lengths that are to be run together: all of them, or as many as memory holds."""
        ...
