r"""Beam search: the best answers of a network that says one token after the other.

The ``width`` most probable beginnings are kept and each is gone on from by every token. Those that end in ``eos`` are
ranked by

.. math::
    s(y) = \frac{\log p(y)}{lp(y)} + cp(y), \quad lp(y) = \Big(\frac{5 + |y|}{6}\Big)^\alpha, \quad
    cp(y) = \beta \sum_i \log \min\Big(\sum_t a_{ti}, 1\Big)

with attention :math:`a_{ti}` of step t to position i of the source, and :math:`|y|` tokens with ``eos``. The search does not
stop at the first answers: a beginning is given up only when it cannot win any more. As :math:`\log p` only falls,
:math:`lp` only rises and :math:`cp \le 0`, all that begins with :math:`y` scores at most

.. math::
    \log p(y) / lp(\text{max\_length}).

With a width of all beginnings the result is that of trying every answer; with a width of 1 it is greedy.

Sources: Graves 2012, arXiv 1211.3711; Sutskever, Vinyals, Le 2014, arXiv 1409.3215; penalties: Wu et al. 2016, arXiv
1609.08144, equation 14; no sequence of tokens twice: Paulus, Xiong, Socher 2017, arXiv 1705.04304; when to stop: Huang, Zhao,
Ma 2017, arXiv 1809.00069.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Integers, Values
from unrolled.errors import InputError
from unrolled.kernels.admission import whole_number, whole_numbers
from unrolled.kernels.best_tokens import best_tokens
from unrolled.parameters.declaration import check_range
from unrolled.parameters.ranges import Range
from unrolled.runtime.decoding.constraints import Phrases, Progress
from unrolled.runtime.decoding.decodable import Decodable, State, attention_of, check_log_p, next_log_p
from unrolled.runtime.decoding.largest import largest

__all__ = ["BeamSearch", "Hypothesis"]

Rows = NDArray[np.intp]
Tokens = NDArray[np.int64]

NARROW = 256  # beams up to which keeping the best in order as they come is quick


class Hypothesis(NamedTuple):
    """An answer."""

    tokens: Tokens
    """``[T]``, without ``eos``."""
    score: float
    """:math:`s(y)`, what answers are ranked by."""
    log_p: float
    r""":math:`\log p(y)`."""
    finished: bool
    """Whether it ends in ``eos``; if not, it has reached the maximum length."""
    attention: Values | None = None
    """Weights ``[T, S]`` of each token, or ``[T + 1, S]`` with those of ``eos``; None unless they were asked for."""


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """Beam search over several sources at once; the answers to a source do not depend on the others.

    Of equally good answers the shorter one comes first, then the one found first.

    Args:
        bos: the token that every answer starts from.
        eos: the token that ends an answer.
        max_length: the most tokens of an answer, ``eos`` among them, which is also the most steps.
        width: how many beginnings are kept, at least 1, which is greedy.
        n_best: how many answers are returned, at most ``width``.
        length_penalty: :math:`\\alpha`, at least 0; the larger, the less short answers are preferred.
        coverage_penalty: :math:`\\beta`, at least 0; needs a network that attends.
        block_ngrams: no sequence of so many tokens comes twice in an answer; 0 allows all.

    Raises:
        InputError: an option is out of its range.

    >>> from unrolled.statistical.ngrams import NGrams
    >>> model = NGrams.counted([[0, 1, 0, 1], [0, 1], [1]], tokens=3, order=2, eos=2)
    >>> search = BeamSearch(bos=-1, eos=2, max_length=6, width=4, n_best=2)
    >>> for answer in search(model, model.start(1), 1)[0]:
    ...     print(answer.tokens.tolist(), round(answer.score, 3), answer.finished)
    [0, 1] -1.718 True
    [1] -1.726 True
    """

    bos: int
    eos: int
    max_length: int
    width: int = 5
    n_best: int = 1
    length_penalty: float = 0.0
    coverage_penalty: float = 0.0
    block_ngrams: int = 0

    def __post_init__(self) -> None:
        for name, least in {"max_length": 1, "width": 1, "n_best": 1, "block_ngrams": 0}.items():
            whole_number(name, getattr(self, name), least)
        for name in ("length_penalty", "coverage_penalty"):
            check_range(name, getattr(self, name), Range(0))
        if self.n_best > self.width:
            raise InputError(f"n_best is {self.n_best}, expected at most the width of the beam, {self.width}")

    def __call__(
        self,
        network: Decodable[State],
        state: State,
        sources: int,
        *,
        prefixes: Sequence[Sequence[int] | Integers] | None = None,
        phrases: Sequence[Sequence[Sequence[int] | Integers]] | None = None,
        source_lengths: Integers | None = None,
        attention: bool = False,
    ) -> list[list[Hypothesis]]:
        """Search.

        Args:
            network: what answers.
            state: of B rows, one a source.
            sources: B.
            prefixes: for each source the tokens that its answers begin with, without ``bos``; none by default. They count in the
                scores, and ``block_ngrams`` does not forbid them.
            phrases: for each source the phrases, sequences of tokens, that each of its answers must contain.
            source_lengths: ``[B]``, of the source positions that are to be covered, by default all that the network attends to.
            attention: whether the answers come with their attention.

        Returns:
            For each source its n best answers, the best first, finished ones before those that have reached the maximum length;
            fewer where the beam has no others, none where it has none that is possible and contains the phrases.

        Raises:
            InputError: a prefix or a phrase does not fit, the network has no attention where it is needed, or a log-probability
                is NaN or +inf.
        """
        if not sources:
            return []
        rules = _Rules(self, sources, prefixes, phrases, source_lengths, attention)
        lp = self.length_norms()
        found = _Found(self.n_best, self.eos, sources)
        live = _Live(np.arange(sources), np.full(sources, self.bos), np.zeros(sources))
        live = rules.begun(live)
        trace: list[_Step] = []
        for length in range(1, self.max_length + 1):
            log_p, state = next_log_p(network, state, live.tokens, looked_at=True)
            if length == 1:
                rules.check_tokens(log_p.shape[1])
            attended = attention_of(network, state) if rules.attends else None
            trace.append(_Step(live.parents, live.tokens, attended if attention else None))
            live = rules.covered(live, attended)
            rows, tokens, scores = self._chosen(live, log_p, length, rules)
            last = length == self.max_length
            if last or any(found.ends) or self.eos in tokens.tolist():  # or else all go on
                ends = tokens == self.eos
                answers = rules.complete(live, rows, tokens) if last else ends
                for at in answers.nonzero()[0]:
                    row, log_likelihood = int(rows[at]), float(scores[at])
                    score = float(log_likelihood / lp[length - 1]) + rules.coverage(live, row)
                    found.add(int(live.sources[row]), _End(score, log_likelihood, length - 1, row, int(tokens[at])))
                goes_on = ~ends & (scores / lp[-1] > found.bar[live.sources[rows]])
                if not goes_on.all():
                    rows, tokens, scores = rows[goes_on], tokens[goes_on], scores[goes_on]
            if last or not len(rows):
                break
            if len(rows) != len(live.sources) or rows.tolist() != list(range(len(rows))):
                state = network.select(state, rows)
            live = rules.gone_on(live, _Live(live.sources[rows], tokens, scores, rows))
        steps = [
            (step.tokens.tolist(), step.parents.tolist(), step.attention) for step in trace
        ]  # one by one they are quicker
        return [[_answer(steps, end, self.eos) for end in ends] for ends in found.ends]

    def length_norms(self) -> Values:
        r""":math:`lp` of answers of 1, 2, ... tokens, the end among them."""
        return np.maximum.accumulate(((5.0 + np.arange(1, self.max_length + 1)) / 6.0) ** self.length_penalty)

    def _chosen(self, live: _Live, log_p: Values, length: int, rules: _Rules) -> tuple[Rows, Tokens, Values]:
        """Rows, next tokens and log-probabilities of the best ``width`` ways to go on from each source."""
        narrow = rules.phrases is None and self.width <= NARROW
        if narrow and not rules.forbids(length):
            found = best_tokens(log_p, live.log_p, live.sources, self.width)
            if found is not None:
                return found
        check_log_p(log_p)
        total = rules.applied(live, log_p, length)
        found = best_tokens(total, None, live.sources, self.width) if narrow else None
        if found is not None:
            return found
        tokens = largest(total, self.width)
        R, k = tokens.shape
        rows, tokens = np.repeat(np.arange(R), k), tokens.ravel()
        if rules.phrases is not None:
            more, wanted = rules.phrases.wanted(live.progress, live.sources)
            new = (tokens.reshape(R, k)[more] != wanted[:, None]).all(1)
            rows, tokens = np.concatenate([rows, more[new]]), np.concatenate([tokens, wanted[new]])
        scores = total[rows, tokens]
        possible = scores > -np.inf
        if not possible.all():
            rows, tokens, scores = rows[possible], tokens[possible], scores[possible]
        of = live.sources[rows]
        if rules.phrases is None:
            order = np.lexsort((-scores, of))
        else:  # the best of each bank, the second best of each, and so on; the bank that is furthest on first
            bank = -rules.phrases.after(live.progress[rows], of, tokens).sum(1)
            order = np.lexsort((-scores, bank, of))
            rank = np.empty_like(order)
            rank[order] = _places(of[order], bank[order])
            order = np.lexsort((bank, rank, of))
        order = order[_places(of[order]) < self.width]
        return rows[order], tokens[order], scores[order]


class _Live(NamedTuple):
    """The beginnings that are gone on from, a row each, those of a source side by side."""

    sources: Rows
    tokens: Tokens  # the last of each
    log_p: Values
    parents: Rows = np.empty(0, np.intp)  # their rows one step before
    history: Tokens = np.empty((0, 0), np.int64)  # [R, t], kept where sequences of tokens are blocked
    coverage: Values | float = 0.0  # [R, S]
    progress: Progress = np.empty((0, 0), np.int64)  # [R, P], of phrases


class _Rules:
    """What the answers must be, and what is remembered of each row for it."""

    def __init__(
        self,
        search: BeamSearch,
        sources: int,
        prefixes: Sequence[Sequence[int] | Integers] | None,
        phrases: Sequence[Sequence[Sequence[int] | Integers]] | None,
        source_lengths: Integers | None,
        attention: bool,
    ) -> None:
        for name, given in {"prefixes": prefixes, "phrases": phrases}.items():
            if given is not None and len(given) != sources:
                raise InputError(
                    f"{len(given)} {name} for {sources} sources: expected one entry a source, which may be empty"
                )
        self.search = search
        self.prefixes = _padded([()] * sources if prefixes is None else prefixes, search)
        self.phrases = Phrases(phrases, search.eos) if phrases is not None and any(map(len, phrases)) else None
        if self.phrases is not None and self.phrases.longest >= search.max_length:
            raise InputError(
                f"a phrase has {self.phrases.longest} tokens, but answers at most {search.max_length} with their end:"
                " allow longer answers"
            )
        self.lengths = None if source_lengths is None else whole_numbers("source_lengths", source_lengths, sources)
        self.attends = attention or search.coverage_penalty > 0

    def check_tokens(self, V: int) -> None:
        """Raise an InputError if a token is none of the network's V."""
        given = {
            "eos": self.search.eos,
            "a prefix": self.prefixes.max(initial=0),
            "a phrase": self.phrases.largest if self.phrases is not None else 0,
        }
        for name, token in given.items():
            if not 0 <= token < V:
                raise InputError(f"{name} has token {token}, but the network's tokens are 0 to {V - 1}")

    def begun(self, live: _Live) -> _Live:
        """The rows before the first step."""
        live = live._replace(history=np.empty((len(live.sources), 0), np.int64))
        return live if self.phrases is None else live._replace(progress=self.phrases.begin(live.sources))

    def covered(self, live: _Live, attended: Values | None) -> _Live:
        """The rows with the attention of this step."""
        if attended is None or not self.search.coverage_penalty:
            return live
        return live._replace(coverage=live.coverage + attended)

    def gone_on(self, before: _Live, live: _Live) -> _Live:
        """The rows of the next step with what is remembered of them."""
        rows = live.parents
        if self.search.block_ngrams:
            live = live._replace(history=np.concatenate([before.history[rows], live.tokens[:, None]], 1))
        if isinstance(before.coverage, np.ndarray):
            live = live._replace(coverage=before.coverage[rows])
        if self.phrases is not None:
            live = live._replace(progress=self.phrases.after(before.progress[rows], live.sources, live.tokens))
        return live

    def forbids(self, length: int) -> bool:
        """Whether the tokens that come at this place are not all free."""
        n = self.search.block_ngrams
        return bool(n and length > n) or self.phrases is not None or length <= self.prefixes.shape[1]

    def applied(self, live: _Live, log_p: Values, length: int) -> Values:
        """Log-probabilities ``[R, V]`` of the beginnings with each next token, ``-inf`` for those that may not be."""
        total, n = live.log_p[:, None] + log_p, self.search.block_ngrams
        if n and length > n:
            grams = np.lib.stride_tricks.sliding_window_view(live.history, n, axis=1)  # [R, t-n+1, n]
            rows, at = np.nonzero((grams[..., :-1] == live.history[:, None, length - n :]).all(2))
            total[rows, grams[rows, at, -1]] = -np.inf
        if self.phrases is not None:
            total[~self.phrases.met(live.progress, live.sources), self.search.eos] = -np.inf
        if length <= self.prefixes.shape[1]:
            forced = self.prefixes[live.sources, length - 1]
            rows = np.flatnonzero(forced >= 0)
            value = live.log_p[rows] + log_p[rows, forced[rows]]
            total[rows] = -np.inf
            total[rows, forced[rows]] = value
        return total

    def complete(self, live: _Live, rows: Rows, tokens: Tokens) -> NDArray[np.bool_]:
        """Whether all phrases are in these rows with these tokens after them."""
        if self.phrases is None:
            return np.ones(len(rows), bool)
        sources = live.sources[rows]  # eos changes nothing of those that are there
        return self.phrases.met(self.phrases.after(live.progress[rows], sources, tokens), sources)

    def coverage(self, live: _Live, row: int) -> float:
        """The coverage penalty of a row that ends."""
        if not isinstance(live.coverage, np.ndarray):
            return 0.0
        length = None if self.lengths is None else self.lengths[live.sources[row]]
        with np.errstate(divide="ignore"):
            return float(self.search.coverage_penalty * np.log(np.minimum(live.coverage[row, :length], 1.0)).sum())


class _End(NamedTuple):
    """An answer that is traced back later."""

    score: float
    log_p: float
    step: int
    row: int  # of the step
    token: int  # that comes after it


class _Step(NamedTuple):
    """The rows that a step went on from."""

    parents: Rows
    tokens: Tokens
    attention: Values | None


class _Found:
    """The n best ends of each source, finished ones first, and the score that a further one must exceed, ``[B]``."""

    def __init__(self, n: int, eos: int, sources: int) -> None:
        self.n, self.eos = n, eos
        self.ends: list[list[_End]] = [[] for _ in range(sources)]
        self.bar = np.full(sources, -np.inf)

    def add(self, source: int, end: _End) -> None:
        """Keep an end if it is among the n best."""
        ends = self.ends[source]
        ends.append(end)
        ends.sort(key=lambda e: (e.token != self.eos, -e.score))
        del ends[self.n :]
        if len(ends) == self.n:
            self.bar[source] = ends[-1].score


def _answer(trace: Sequence[tuple[list[int], list[int], Values | None]], end: _End, eos: int) -> Hypothesis:
    """The tokens and the attention that lead to an end."""
    tokens, rows, row = [end.token], [end.row], end.row
    for said, parents, _ in trace[end.step : 0 : -1]:
        tokens.append(said[row])
        row = parents[row]
        rows.append(row)
    finished = end.token == eos
    y = np.array(tokens[::-1][: -1 if finished else None], np.int64)
    weights = [read[row] for (_, _, read), row in zip(trace, rows[::-1], strict=False) if read is not None]
    return Hypothesis(y, end.score, end.log_p, finished, np.stack(weights) if weights else None)


def _places(*keys: NDArray[np.int64]) -> Rows:
    """The place of each entry among those with the same keys, which stand side by side."""
    n = len(keys[0])
    first = np.ones(n, bool)
    first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(first)
    return np.arange(n) - np.repeat(starts, np.diff(starts, append=n))


def _padded(prefixes: Sequence[Sequence[int] | Integers], search: BeamSearch) -> Tokens:
    """The prefixes ``[B, P]`` with -1 after them.

    Raises:
        InputError: one has ``eos`` or a negative token, or leaves no room for another token.
    """
    padded = np.full((len(prefixes), max(map(len, prefixes), default=0)), -1)
    for n, prefix in enumerate(prefixes):
        if not len(prefix):
            continue
        padded[n, : len(prefix)] = whole_numbers(f"prefix {n}", prefix)
        if search.eos in padded[n] or padded[n, : len(prefix)].min() < 0:
            raise InputError(f"prefix {n}: expected tokens of at least 0 other than {search.eos}, which ends an answer")
        if len(prefix) >= search.max_length:
            raise InputError(
                f"prefix {n} has {len(prefix)} tokens, but answers at most {search.max_length} with their end:"
                " allow longer answers"
            )
    return padded
