r"""Steps that are symbols: what a network reads of them, and the probabilities of the next.

.. math::
    x[u] &= E_{y[u-1]} \\
    p(y[u] \mid y[<u]) &= \mathrm{softmax}(V h[u] + v)_{y[u]}

Where the tables are tied, :math:`V = E P` with a matrix :math:`P` between vectors of two sizes, or the identity. After the
symbols comes one that ends a piece, and as an input alone one that begins it. Where the symbols are notes and ends of frames,
those that must not follow :math:`y[u-1]` (:mod:`unrolled.codecs.frame_tokens`) are left out of the softmax.

Source: Press, Wolf 2017, *Using the output embedding to improve language models*, arXiv 1608.05859.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.frame_tokens import FrameTokens
from unrolled.codecs.ranges import Count
from unrolled.errors import InputError
from unrolled.networks.engine import Array, Engine

__all__ = ["SymbolHead", "SymbolHeadConfig"]


class SymbolHeadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="symbols"):
    """The sizes of the head."""

    symbols: Count
    """The unknown one, 0, included; not the end, nor the beginning."""
    size: Count
    """Of their embeddings."""
    tied: bool = False
    frames: FrameTokens | None = None
    """Of what notes the symbols are, if they are notes."""

    def __post_init__(self) -> None:
        """Check that the notes are the symbols."""
        if self.frames is not None and self.frames.symbols != self.symbols:
            raise InputError(
                f"{self.symbols} symbols for frames of {self.frames.notes} notes, which have {self.frames.symbols}"
            )

    @property
    def inputs(self) -> int:
        """Numbers that the layers read of a step."""
        return self.size

    @property
    def outputs(self) -> int:
        """Symbols that have a probability, the end included."""
        return self.symbols + 1

    @property
    def end(self) -> int:
        """The symbol after a piece's last."""
        return self.symbols

    @property
    def begin(self) -> int:
        """The symbol before a piece's first."""
        return self.symbols + 1

    def first(self, rows: int) -> NDArray[np.int64]:
        """What the layers read at the first step, ``[N]``."""
        return np.full(rows, self.begin)

    def ending(self, piece: NDArray[np.int64]) -> NDArray[np.int64]:
        """What is to be said of a piece: its steps, and its end."""
        return np.append(piece, self.end)

    def targets(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """What is to be said of steps in the midst of a piece."""
        return steps


class SymbolHead:
    """What is read of symbols, and said of the next.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> from unrolled.networks.parameters import parameters_of
    >>> config = SymbolHeadConfig(symbols=3, size=2)
    >>> tables = {"symbols": np.ones((5, 2)), "scores.weight": np.zeros((4, 6)), "scores.bias": np.log([1.0, 2.0, 3.0, 2.0])}
    >>> head = SymbolHead(KernelEngine(tables), config, inputs=6)
    >>> np.exp(head.log_p(head(np.ones((1, 2, 6))), np.array([[2, 3]]))).round(3).tolist()
    [[0.375, 0.25]]
    """

    def __init__(self, engine: Engine, config: SymbolHeadConfig, inputs: int) -> None:
        self.engine, self.config = engine, config
        self.symbols = engine.embedding("symbols", config.symbols + 2, config.size)
        if not config.tied:
            self.scores = engine.dense("scores", inputs, config.outputs)
        else:
            self.project = engine.matrix("project", inputs, config.size) if inputs != config.size else None
            self.bias = engine.parameter("bias", (config.outputs,))
        self.barred = None
        if config.frames is not None:
            self.barred = np.where(config.frames.may_follow, 0, -np.inf).astype(np.float32)

    def read(self, steps: NDArray[np.int64]) -> Array:
        """``[U, N]`` → ``[U, N, E]``."""
        places = self.engine.drop_tokens(steps.reshape(-1))
        return self.symbols(places).reshape(*steps.shape, self.config.size)

    def __call__(self, h: Array, steps: NDArray[np.int64] | None = None) -> Array:
        """Scores ``[U, N, V]`` of the next symbol after each of the layers' outputs ``[U, N, H]``, which have read
        ``steps [U, N]``; where symbols are notes, these say which get none."""
        scores = self._scores(h)
        return scores if self.barred is None else scores + self.engine.constant(self.barred[steps])

    def _scores(self, h: Array) -> Array:
        if not self.config.tied:
            return self.scores(h)
        own = h if self.project is None else self.project(h)
        return self.symbols.products(own)[..., : self.config.outputs] + self.bias

    def log_p(self, scores: Array, target: NDArray[np.int64]) -> Array:
        """The log-likelihood of each step, ``[U, N]``."""
        return self.engine.chosen(self.engine.log_softmax(scores), target)
