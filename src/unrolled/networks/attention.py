r"""Attention: what a decoder reads of the encoder's outputs at each of its steps.

With the decoder's output :math:`s` at step ``u`` and the encoder's outputs :math:`h_1 \dots h_T`:

.. math::
    e_j &= v^\top \tanh(W s + b + U h_j) && \text{additive (Bahdanau et al. 2015)} \\
    e_j &= s^\top h_j, \qquad s^\top W h_j, \qquad v^\top \tanh(W [s; h_j])
        && \text{dot, general, concat (Luong et al. 2015)} \\
    e_j &= (W_q s)^\top (W_k h_j) / \sqrt d && \text{of each head (Vaswani et al. 2017)} \\
    a &= \mathrm{softmax}_j(e), \qquad c = \textstyle\sum_j a_j h_j

Of several heads, each with ``d`` of the ``A`` numbers, the sums of :math:`W_v h_j` stand side by side, and
:math:`c = W_o [c_1; c_2; \dots]`. Self-attention is this with the outputs themselves in the place of ``s``. Attention reaches

.. math::
    \text{all } j & && \text{global} \\
    |j - p| \le D, \quad p &= \min(u, T) && \text{local-m} \\
    |j - p| \le D, \quad p &= T\, \sigma(v_p^\top \tanh(W_p s)), \quad
        a_j \leftarrow a_j \exp\left(-\tfrac{(j - p)^2}{2 (D / 2)^2}\right) && \text{local-p}

with ``u`` and ``j`` from 1. After local-p's Gaussian the weights sum to less than 1, as in its source. With coverage (Tu et al.
2016, See et al. 2017) :math:`w_c \sum_{u' < u} a_j^{(u')}`, what was read of :math:`h_j` before, is added inside the
:math:`\tanh` of additive and concat.

Sources: D. Bahdanau et al., "Neural machine translation by jointly learning to align and translate", arXiv 1409.0473; M.-T.
Luong et al., "Effective approaches to attention-based neural machine translation", arXiv 1508.04025; A. Vaswani et al.,
"Attention is all you need", arXiv 1706.03762; Z. Tu et al., "Modeling coverage for neural machine translation", arXiv
1601.04811; A. See et al., "Get to the point", arXiv 1704.04368.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from unrolled.codecs.ranges import Count, Size
from unrolled.errors import InputError
from unrolled.networks.engine import Array, Engine, Lengths, Lookup, Rows

__all__ = ["Attention", "AttentionConfig", "AttentionResult", "Memory", "Reach", "Score"]

Score = Literal["additive", "dot", "general", "concat", "multi_head"]
Reach = Literal["global", "local_m", "local_p"]

SIZED = ("additive", "concat", "multi_head")  # scores with a size of their own


class AttentionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which attention.

    Attributes:
        score: how a step of the decoder is compared with one of the encoder.
        size: ``A``, of additive, concat and multi_head; 0 for the others.
        heads: of multi_head, whose size they share.
        reach: which steps can be read.
        window: ``D``, of local_m and local_p; 0 for global.
        coverage: whether what was read before counts.
    """

    score: Score = "additive"
    size: Size = 0
    heads: Count = 1
    reach: Reach = "global"
    window: Size = 0
    coverage: bool = False

    def __post_init__(self) -> None:
        """Check what belongs together."""
        sized, local = self.score in SIZED, self.reach != "global"
        if sized != (self.size > 0):
            raise InputError(f"size is {self.size}, expected {'at least 1' if sized else '0'} for score {self.score!r}")
        if local != (self.window > 0):
            raise InputError(
                f"window is {self.window}, expected {'at least 1' if local else '0'} for reach {self.reach!r}"
            )
        if self.heads > 1 and (self.score != "multi_head" or self.size % self.heads):
            raise InputError(f"heads is {self.heads}, expected a divisor of size, and more than 1 of multi_head only")
        if self.coverage and self.score not in ("additive", "concat"):
            raise InputError(
                f"coverage is added inside the tanh of additive and concat, which score {self.score!r} lacks"
            )


class Memory(NamedTuple):
    """The encoder's outputs as attention reads them, prepared once for all steps."""

    lengths: Lengths
    steps: int
    full: bool
    """All sources have as many steps."""
    keys: Any
    """``[T, B, A]`` of additive and concat, otherwise a :class:`unrolled.networks.engine.Lookup` of products."""
    values: Lookup


class AttentionResult(NamedTuple):
    """What was read, and how."""

    context: Array
    """``c [U, N, H]``."""
    weights: Array
    """``a [U, N, T]``, 0 outside; of several heads their mean."""
    covered: Array | None
    """The weights' sums over all steps so far ``[N, T]``, with coverage."""


class Attention:
    """One of all kinds. After training a row's results have the same bits alone and in a batch.

    Args:
        engine: where its parameters are.
        config: which one.
        asking: size of ``s``.
        asked: size of ``h``, and of what is read.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> attention = Attention(KernelEngine({}), AttentionConfig("dot"), 2, 2)
    >>> h = np.array([[[0.0, 1.0]], [[9.0, 0.0]], [[5.0, 5.0]]])
    >>> found = attention(np.array([[[9.0, 0.0]]]), attention.read(h, np.array([2])))
    >>> found.weights.round(6).tolist(), found.context.round(6).tolist()
    ([[[0.0, 1.0, 0.0]]], [[[9.0, 0.0]]])
    """

    def __init__(self, engine: Engine, config: AttentionConfig, asking: int, asked: int) -> None:
        self.engine, self.config = engine, config
        score, A = config.score, config.size
        if score == "dot" and asking != asked:
            raise InputError(
                f"dot compares vectors of one size, got {asking} of the decoder and {asked} of the encoder"
            )
        if score == "additive":
            self.query = engine.dense("query", asking, A)
        elif score in ("concat", "multi_head"):
            self.query = engine.matrix("query", asking, A)
        if score != "dot":
            self.key = engine.matrix("key", asked, asking if score == "general" else A)
        if score in ("additive", "concat"):
            self.compare = engine.comparison("score", A)
        if score == "multi_head":
            self.value = engine.matrix("value", asked, A)
            self.output = engine.matrix("output", A, asked)
        if config.coverage:
            self.coverage = engine.parameter("coverage", (A,))
        if config.reach == "local_p":
            self.predicting = engine.matrix("predicting", asking, asking)
            self.position = engine.vector("position", asking)

    def read(self, h: Array, lengths: Lengths) -> Memory:
        """Prepare outputs ``h [T, B, H]``."""
        T, full = len(h), bool((lengths == len(h)).all())
        keys = h if self.config.score == "dot" else self.key(h)
        if self.config.score in ("additive", "concat"):
            return Memory(lengths, T, full, keys, self.engine.sums(h, lengths))
        if self.config.score != "multi_head":
            return Memory(lengths, T, full, self.engine.products(keys, lengths), self.engine.sums(h, lengths))
        of_heads = np.repeat(lengths, self.config.heads)
        products = self.engine.products(self._by_head(keys), of_heads)
        return Memory(lengths, T, full, products, self.engine.sums(self._by_head(self.value(h)), of_heads))

    def __call__(
        self, s: Array, memory: Memory, *, first: int = 0, rows: Rows | None = None, covered: Array | None = None
    ) -> AttentionResult:
        """Read.

        Args:
            s: outputs of the decoder's steps from ``first`` on, ``[U, N, S]``.
            memory: what is read.
            first: steps before them.
            rows: the source of each row, ``[N]``; by default one each.
            covered: what the call before returned.
        """
        if not self.config.coverage:
            return AttentionResult(*self._read(s, memory, first, rows, None), None)
        if covered is None:
            covered = self.engine.constant(np.zeros((s.shape[1], memory.steps), np.float32))
        contexts: list[Array] = []
        weights: list[Array] = []
        for u in range(len(s)):
            context, weight = self._read(s[u : u + 1], memory, first + u, rows, covered)
            contexts.append(context[0])
            weights.append(weight[0])
            covered = covered + weight[0]
        return AttentionResult(self.engine.steps(contexts), self.engine.steps(weights), covered)

    def _read(
        self, s: Array, memory: Memory, first: int, rows: Rows | None, covered: Array | None
    ) -> tuple[Array, Array]:
        """Context and weights of steps that do not depend on each other."""
        inside, factor = self._reach(s, memory, first, rows)
        if self.config.score == "multi_head":
            return self._read_by_heads(s, memory, rows, inside, factor)
        weights = self.engine.softmax(self._scores(s, memory, rows, covered), inside)
        weights = weights if factor is None else weights * factor
        return memory.values(weights, rows), weights

    def _scores(self, s: Array, memory: Memory, rows: Rows | None, covered: Array | None) -> Array:
        """``e [U, N, T]``."""
        if self.config.score in ("dot", "general"):
            return memory.keys(s, rows)
        keys, lengths = memory.keys, memory.lengths
        if covered is not None:
            if rows is not None:
                keys, lengths, rows = keys[:, rows], lengths[rows], None
            keys = keys + covered.swapaxes(0, 1)[..., None] * self.coverage  # [T, N, A]
        return self.compare(self.query(s), keys, lengths, rows)

    def _read_by_heads(
        self, s: Array, memory: Memory, rows: Rows | None, inside: Array | None, factor: Array | None
    ) -> tuple[Array, Array]:
        U, N, heads = len(s), s.shape[1], self.config.heads
        of_heads = None if rows is None else (rows[:, None] * heads + np.arange(heads)).ravel()
        q = self._by_head(self.query(s)) * (self.config.size // heads) ** -0.5
        scores = memory.keys(q, of_heads).reshape(U, N, heads, memory.steps)
        weights = self.engine.softmax(scores, None if inside is None else inside[..., None, :])
        weights = weights if factor is None else weights * factor[..., None, :]
        context = memory.values(weights.reshape(U, N * heads, memory.steps), of_heads)
        mean = sum((weights[:, :, k] for k in range(1, heads)), weights[:, :, 0]) / heads
        return self.output(context.reshape(U, N, self.config.size)), mean

    def _by_head(self, a: Array) -> Array:
        """``[U, N, A]`` → ``[U, N heads, d]``."""
        return a.reshape(len(a), a.shape[1] * self.config.heads, self.config.size // self.config.heads)

    def _reach(self, s: Array, memory: Memory, first: int, rows: Rows | None) -> tuple[Array | None, Array | None]:
        """Which steps can be read, broadcast to ``[U, N, T]``, or None for all; and local-p's Gaussian."""
        if self.config.reach == "global" and memory.full:
            return None, None
        lengths = memory.lengths if rows is None else memory.lengths[rows]
        j, D = np.arange(1, memory.steps + 1), self.config.window
        inside = j <= lengths[:, None]
        if self.config.reach == "global":
            return self.engine.constant(inside), None
        if self.config.reach == "local_m":
            p = np.minimum(first + 1 + np.arange(len(s))[:, None], lengths)
            return self.engine.constant(inside & (abs(j - p[..., None]) <= D)), None
        share = self.engine.sigmoid(self.position(self.engine.tanh(self.predicting(s))))
        p = self.engine.constant(lengths.astype(np.float32)) * share
        away = self.engine.constant(j.astype(np.float32)) - p[..., None]
        return self.engine.constant(inside) & (abs(away) <= D), self.engine.exp(away * away * (-2 / D**2))
