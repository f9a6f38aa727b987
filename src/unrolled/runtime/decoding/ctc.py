r"""Connectionist temporal classification: from a distribution a frame to symbols.

Each frame says a symbol or the blank; a path :math:`\pi` of T frames stands for the symbols :math:`B(\pi)` that are left when
what is repeated is said once and blanks are taken out:

.. math::
    p(y) = \sum_{\pi : B(\pi) = y} \prod_{t=1}^{T} p_t(\pi_t)

:func:`best_path` takes the best path, :class:`PrefixBeam` the best symbols: of every beginning :math:`l` it keeps the
probability of the paths to it that end in a blank, :math:`b`, and in its last symbol, :math:`n`:

.. math::
    b_t(l) &= p_t(\text{blank})\, \big(b_{t-1}(l) + n_{t-1}(l)\big) \\
    n_t(l + c) &= p_t(c)\, \big(n_{t-1}(l + c) + b_{t-1}(l) + [c \ne \text{last}(l)]\, n_{t-1}(l)\big)

and ranks beginnings by :math:`\log (b + n) + \alpha \log p_{lm}(l) + \beta |l|` with a language model.

Sources: Graves, Fernández, Gomez, Schmidhuber 2006, *Connectionist temporal classification*; the beam: Hannun, Maas, Jurafsky,
Ng 2014, arXiv 1408.2873.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Integers, Values
from unrolled.errors import InputError
from unrolled.kernels.admission import admitted, whole_number, whole_numbers
from unrolled.parameters.declaration import require
from unrolled.runtime.decoding.decodable import Decodable, State, next_log_p
from unrolled.runtime.decoding.largest import largest

__all__ = ["Fusion", "PrefixBeam", "Transcription", "align", "best_path", "fewest_frames", "prefix_beam"]


class Transcription(NamedTuple):
    """Symbols that were heard."""

    symbols: NDArray[np.int64]
    """``[L]``, without blanks."""
    times: NDArray[np.int64]
    """Of each symbol its first frame and the one after its last, ``[L, 2]``, on the best path to these symbols."""
    score: float
    """What transcriptions are ranked by."""
    log_p: float
    """Of the best path, or the sum over the paths to these symbols that the beam kept."""


def fewest_frames(symbols: Integers) -> int:
    """How many frames it takes to say symbols ``[L]``: one each, and a blank between two that are alike.

    >>> fewest_frames(np.array([1, 2, 2, 2])), fewest_frames(np.array([], np.int64))
    (6, 0)
    """
    y = np.asarray(symbols)
    return len(y) + int((y[1:] == y[:-1]).sum())


def best_path(log_p: Floats, lengths: Integers, *, blank: int = 0) -> list[Transcription]:
    """The symbols of the best path of each sequence; of equally good ones the lower symbol.

    Args:
        log_p: log-probabilities ``[T, B, V]`` of float32 or float64, anything past the lengths.
        lengths: ``[B]`` frames, from 0 to T.
        blank: which of the V is the blank.

    Raises:
        InputError: a shape or a length does not fit, or a log-probability is NaN or +inf.

    >>> log_p = np.log([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2], [0.1, 0.5, 0.4]])
    >>> heard = best_path(log_p[:, None], np.array([4]))[0]
    >>> heard.symbols.tolist(), heard.times.tolist(), round(float(np.exp(heard.log_p)), 3)
    ([1, 1], [[0, 2], [3, 4]], 0.168)
    """
    return [_best_path(frames, blank) for frames in _sequences(log_p, lengths, blank)]


def _best_path(frames: Values, blank: int) -> Transcription:
    path = frames.argmax(1)
    first = np.flatnonzero(np.diff(path, prepend=-1) != 0)
    after = np.append(first, len(path))[1:]
    heard = path[first] != blank
    log_p = float(np.cumsum(frames.max(1))[-1]) if len(path) else 0.0
    times = np.stack([first, after], 1)[heard]
    return Transcription(path[first][heard], times, log_p, log_p)


def align(log_p: Floats, symbols: Integers, *, blank: int = 0) -> NDArray[np.int64]:
    r"""When each of given symbols was said: its first frame and the one after its last on the best path to them, ``[L, 2]``.

    With :math:`y' = \text{blank}, y_1, \text{blank}, y_2, \dots, \text{blank}` it is the best way through

    .. math::
        \delta[t]_s = \log p_t(y'_s) + \max(\delta[t-1]_s, \delta[t-1]_{s-1}, \delta[t-1]_{s-2})

    where the last is left out for blanks and for a symbol like the one before it. Of equally good ways one that stays.

    Args:
        log_p: log-probabilities ``[T, V]`` of one sequence, float32 or float64.
        symbols: ``[L]``.
        blank: which of the V is the blank.

    Raises:
        InputError: a shape or a symbol does not fit, or no path of T frames leads to these symbols.

    >>> align(np.log([[0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]), np.array([1, 2])).tolist()
    [[0, 1], [1, 2]]
    """
    frames, y = _frames(log_p, blank), whole_numbers("symbols", symbols)
    T, V = frames.shape
    wrong = np.flatnonzero((y < 0) | (y >= V) | (y == blank))
    if len(wrong):
        raise InputError(f"symbol {wrong[0]} is {y[wrong[0]]}, expected 0 to {V - 1} other than the blank, {blank}")
    states = np.full(2 * len(y) + 1, blank)
    states[1::2] = y
    skips = np.zeros(len(states), bool)
    skips[3::2] = y[1:] != y[:-1]
    delta = np.where(np.arange(len(states)) == 0, 0.0, -np.inf)  # before the first frame
    back = np.zeros((T, len(states)), np.int64)
    for t in range(T):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = delta
        ways[1, 1:] = delta[:-1]
        ways[2, 2:] = np.where(skips[2:], delta[:-2], -np.inf)
        back[t] = ways.argmax(0)
        delta = ways.max(0) + frames[t, states]
    s = len(states) - 1
    if s and delta[s - 1] >= delta[s]:
        s -= 1
    if delta[s] == -np.inf:
        raise InputError(f"no path of {T} frames leads to these {len(y)} symbols")
    on = np.empty(T, np.int64)
    for t in range(T - 1, -1, -1):
        on[t] = s
        s -= back[t, s]
    return np.stack([np.searchsorted(on, 2 * np.arange(len(y)) + 1 + after) for after in (0, 1)], 1)


@dataclass(frozen=True, kw_only=True)
class Fusion(Generic[State]):
    """A language model beside the acoustic one.

    Args:
        model: what says which symbol comes next; its first V tokens are the symbols, of which it never reads the blank.
        state: of one row, before ``bos``.
        bos: the token that it starts from.
        eos: the token of its end, whose probability counts for whole transcriptions; None if they may end anywhere.
        weight: :math:`\\alpha`.
        bonus: :math:`\\beta`, a symbol.

    Raises:
        InputError: the weight is negative, or one is no finite number.
    """

    model: Decodable[State]
    state: State
    bos: int
    eos: int | None = None
    weight: float = 1.0
    bonus: float = 0.0

    def __post_init__(self) -> None:
        require("weight", self.weight, 0 <= self.weight < np.inf, "at least 0")
        require("bonus", self.bonus, -np.inf < self.bonus < np.inf, "a finite number")


def prefix_beam(
    log_p: Floats,
    lengths: Integers,
    *,
    width: int = 16,
    n_best: int = 1,
    blank: int = 0,
    fusion: Fusion[Any] | None = None,
) -> list[list[Transcription]]:
    """The n best transcriptions of each sequence by :class:`PrefixBeam`; the other arguments are those of :func:`best_path`.

    >>> log_p = np.log([[0.6, 0.4], [0.6, 0.4]])[:, None]  # blank is the best path, but one symbol is more probable
    >>> heard = prefix_beam(log_p, np.array([2]), n_best=2)[0]
    >>> [(one.symbols.tolist(), round(float(np.exp(one.log_p)), 3)) for one in heard]
    [([1], 0.64), ([], 0.36)]
    """
    found: list[list[Transcription]] = []
    for frames in _sequences(log_p, lengths, blank):
        beam = PrefixBeam(width=width, blank=blank, fusion=fusion)
        beam.push(frames)
        found.append(beam.best(n_best))
    return found


class PrefixBeam:
    """Prefix beam search over one sequence, whose frames may come in parts; the parts do not change a bit of the result.

    Frames are kept until the end, for the times of the symbols.

    Args:
        width: how many beginnings are kept, at least 1. If it is never exceeded all sums are exact.
        blank: which of the V is the blank.
        fusion: a language model, if there is one.

    Raises:
        InputError: an option is out of its range.

    >>> beam = PrefixBeam(width=8)
    >>> for frame in np.log([[0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]):
    ...     beam.push(frame[None])
    ...     print(beam.symbols().tolist(), end=" ")
    [1] [1] [1, 2]
    >>> beam.best()[0].times.tolist()
    [[0, 1], [1, 2]]
    """

    def __init__(self, *, width: int = 16, blank: int = 0, fusion: Fusion[Any] | None = None) -> None:
        self.width, self.blank = whole_number("width", width, 1), whole_number("blank", blank)
        self._language = None if fusion is None else _Language(fusion)
        self._frames: list[Values] = []
        self._tree = _Tree()
        self._nodes = [0]
        self._b, self._n = np.zeros(1), np.full(1, -np.inf)  # log

    def push(self, log_p: Floats) -> None:
        """Hear further frames.

        Args:
            log_p: ``[T, V]`` of float32 or float64, T at least 0, V always the same.

        Raises:
            InputError: the shape does not fit, or a log-probability is NaN or +inf, and nothing was heard; or a frame allows no
                symbol, and those before it were.
        """
        frames = _frames(log_p, self.blank)
        if self._frames and frames.shape[1] != len(self._frames[0]):
            raise InputError(f"frames of {frames.shape[1]} symbols after some of {len(self._frames[0])}")
        if self._language is not None:
            self._language.check_symbols(frames.shape[1])
        for frame in frames:
            self._hear(frame)
            self._frames.append(frame)

    def symbols(self) -> NDArray[np.int64]:
        """The best beginning so far."""
        return self._tree.symbols(self._nodes[int(np.argmax(self._scores(end=False)))])

    def best(self, n_best: int = 1) -> list[Transcription]:
        """The n best transcriptions of all frames so far, the best first; fewer where the beam has no others.

        Raises:
            InputError: ``n_best`` is below 1, or above the width.
        """
        whole_number("n_best", n_best, 1, self.width)
        scores, total = self._scores(end=True), np.logaddexp(self._b, self._n)
        found: list[Transcription] = []
        for row in largest(scores[None], n_best)[0]:
            symbols = self._tree.symbols(self._nodes[row])
            if total[row] > -np.inf:
                times = (
                    align(np.array(self._frames), symbols, blank=self.blank)
                    if len(symbols)
                    else np.empty((0, 2), np.int64)
                )
                found.append(Transcription(symbols, times, float(scores[row]), float(total[row])))
        return found

    def _scores(self, *, end: bool) -> Values:
        """What the beginnings are ranked by, ``[N]``."""
        total = np.logaddexp(self._b, self._n)
        return total if self._language is None else total + self._language.scores(end=end)

    def _hear(self, p: Values) -> None:
        """One frame ``[V]`` of log-probabilities."""
        N, V = len(self._nodes), len(p)
        last, parents = self._tree.last(self._nodes), self._tree.rows_of_parents(self._nodes)
        total = np.logaddexp(self._b, self._n)
        b, n = total + p[self.blank], np.where(last >= 0, self._n + p[last], -np.inf)
        longer = total[:, None] + p  # [N, V]
        said = np.flatnonzero(last >= 0)
        longer[said, last[said]] = self._b[said] + p[last[said]]
        longer[:, self.blank] = -np.inf
        inside = np.flatnonzero(parents >= 0)  # beginnings whose own beginning is here, too: one prefix, two ways
        n[inside] = np.logaddexp(n[inside], longer[parents[inside], last[inside]])
        longer[parents[inside], last[inside]] = -np.inf
        stay, grow = np.logaddexp(b, n), longer
        if self._language is not None:
            stay, grow = stay + self._language.score, longer + self._language.extended(V)
        scores = np.concatenate([stay, grow.ravel()])
        kept = largest(scores[None], self.width)[0]
        kept = kept[scores[kept] > -np.inf]
        if not len(kept):
            raise InputError(f"frame {len(self._frames)}: no symbol has a probability above 0")
        grown = kept >= N
        rows = np.where(grown, (kept - N) // V, kept)
        symbols = np.where(grown, (kept - N) % V, -1)
        self._b = np.where(grown, -np.inf, b[rows])
        self._n = np.where(grown, longer[rows, symbols], n[rows])
        if self._language is not None:
            self._language.go_on(rows, symbols)
        self._nodes = [
            self._tree.child(self._nodes[row], symbol) if symbol >= 0 else self._nodes[row]
            for row, symbol in zip(rows.tolist(), symbols.tolist(), strict=True)
        ]


class _Tree:
    """Prefixes as nodes of a tree, by their numbers; 0 is the empty one."""

    def __init__(self) -> None:
        self._parents, self._symbols = [-1], [-1]
        self._children: dict[tuple[int, int], int] = {}

    def child(self, node: int, symbol: int) -> int:
        """A prefix and one symbol more."""
        number = self._children.setdefault((node, symbol), len(self._parents))
        if number == len(self._parents):
            self._parents.append(node)
            self._symbols.append(symbol)
        return number

    def last(self, nodes: list[int]) -> NDArray[np.int64]:
        """The last symbols, -1 of the empty prefix."""
        return np.array([self._symbols[node] for node in nodes], np.int64)

    def rows_of_parents(self, nodes: list[int]) -> NDArray[np.int64]:
        """Where among the nodes the prefix without its last symbol is, -1 for nowhere."""
        rows = {node: row for row, node in enumerate(nodes)}
        return np.array([rows.get(self._parents[node], -1) for node in nodes], np.int64)

    def symbols(self, node: int) -> NDArray[np.int64]:
        """All symbols of a prefix."""
        found: list[int] = []
        while node:
            found.append(self._symbols[node])
            node = self._parents[node]
        return np.array(found[::-1], np.int64)


class _Language:
    """What a language model says of the prefixes in the beam. Its states are of the step in which a prefix came in."""

    def __init__(self, fusion: Fusion[Any]) -> None:
        self._of = fusion
        log_p, state = next_log_p(fusion.model, fusion.state, np.array([fusion.bos]))
        self._next = log_p  # [N, V]
        self._states: list[tuple[Any, int]] = [(state, 0)]
        self.score = np.zeros(1)

    def check_symbols(self, V: int) -> None:
        """Raise an InputError if the model has fewer than V tokens, or not its end."""
        tokens, eos = self._next.shape[1], self._of.eos
        if tokens < V:
            raise InputError(f"the language model has {tokens} tokens for {V} symbols: expected at least as many")
        if eos is not None and not 0 <= eos < tokens:
            raise InputError(f"the language model ends by token {eos}, but its tokens are 0 to {tokens - 1}")

    def extended(self, V: int) -> Values:
        """The scores of the prefixes and each symbol more, ``[N, V]``."""
        return self._weighed(self._next[:, :V]) + self._of.bonus + self.score[:, None]

    def scores(self, *, end: bool) -> Values:
        """The scores of the prefixes, ``[N]``, as wholes if this is the end."""
        if not end or self._of.eos is None:
            return self.score
        return self.score + self._weighed(self._next[:, self._of.eos])

    def _weighed(self, log_p: Values) -> Values:
        return self._of.weight * log_p if self._of.weight else np.zeros_like(log_p)  # 0 times -inf is NaN

    def go_on(self, rows: NDArray[np.int64], symbols: NDArray[np.int64]) -> None:
        """Keep these rows, each with one symbol more, or as it is where that is -1."""
        states = [self._states[row] for row in rows]
        grown = np.flatnonzero(symbols >= 0)
        score, following = self.score[rows], self._next[rows]
        score[grown] += self._weighed(following[grown, symbols[grown]]) + self._of.bonus
        groups: dict[int, list[int]] = {}
        for at in grown.tolist():
            groups.setdefault(id(states[at][0]), []).append(at)
        for places in groups.values():
            own = self._of.model.select(states[places[0]][0], np.array([states[at][1] for at in places]))
            following[places], own = next_log_p(self._of.model, own, symbols[places])
            for row, at in enumerate(places):
                states[at] = (own, row)
        self.score, self._next, self._states = score, following, states


def _frames(log_p: Floats, blank: int) -> Values:
    """Frames ``[T, V]`` of float64.

    Raises:
        InputError: another shape, NaN, +inf, or no blank among the V.
    """
    frames = admitted("log_p", log_p).astype(np.float64)
    if frames.ndim != 2 or not frames.shape[1]:
        raise InputError(f"log_p has shape {list(frames.shape)}, expected [T, V]: frames, symbols and the blank")
    whole_number("blank", blank, 0, frames.shape[1] - 1)
    bad = np.argwhere(~(frames < np.inf))
    if len(bad):
        t, v = bad[0]
        raise InputError(f"frame {t}: the log-probability of symbol {v} is {frames[t, v]}, expected a number")
    return frames


def _sequences(log_p: Floats, lengths: Integers, blank: int) -> list[Values]:
    """The frames of each sequence of ``log_p [T, B, V]``.

    Raises:
        InputError: a shape or a length does not fit, or a number is NaN or +inf.
    """
    given = admitted("log_p", log_p)
    if given.ndim != 3:
        raise InputError(
            f"log_p has shape {list(given.shape)}, expected [T, B, V]: frames, sequences, symbols and the blank"
        )
    T, B, _ = given.shape
    frames = whole_numbers("lengths", lengths, B)
    wrong = np.flatnonzero((frames < 0) | (frames > T))
    if len(wrong):
        raise InputError(f"sequence {wrong[0]} has length {frames[wrong[0]]}, expected 0 to {T}")
    return [_frames(given[:length, n], blank) for n, length in enumerate(frames)]
