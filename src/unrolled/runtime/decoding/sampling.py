r"""Answers drawn at random, one token after the other.

.. math::
    q(v) \propto p(v)^{1 / \tau} \;\text{ for } v \in A, \quad A \subseteq V

With temperature :math:`\tau = 1` and all tokens in A it is the network's own distribution. Below 1 the probable becomes more
probable, above 1 less. A holds the k most probable tokens (top-k), and of these the fewest whose share of their
probability is at least p (top-p).

Sources: top-k: Fan, Lewis, Dauphin 2018, arXiv 1805.04833; top-p: Holtzman et al. 2020, arXiv 1904.09751.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Integers, Values
from unrolled.errors import InputError
from unrolled.kernels.admission import whole_number, whole_numbers
from unrolled.kernels.arrays import elementary
from unrolled.parameters.declaration import check_range, require
from unrolled.parameters.ranges import Range
from unrolled.runtime.decoding.decodable import Decodable, State, next_log_p
from unrolled.runtime.decoding.largest import largest

__all__ = ["Drawn", "Sampling", "streams"]


class Drawn(NamedTuple):
    """One step of the rows that are drawn."""

    tokens: NDArray[np.int64]
    """``[N]``, ``eos`` where a row ends by it; -1 in rows that have ended before."""
    log_p: Values
    """Their log-probabilities by the network, whatever the temperature, ``[N]``; 0 in rows that have ended before."""
    ended: NDArray[np.bool_]
    """Rows that have ended, by ``eos`` or a stop sequence, in this step or before, ``[N]``."""


def streams(seed: int, rows: int) -> list[np.random.Generator]:
    """A generator of random numbers a row: the same for a row however many others there are.

    >>> [float(stream.random()) == float(one.random()) for stream, one in zip(streams(7, 2), streams(7, 3))]
    [True, True]
    """
    whole_number("seed", seed)
    return [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row,))) for row in range(rows)]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are drawn.

    Args:
        temperature: :math:`\\tau`, above 0.
        top_k: how many tokens A holds at most, at least 1; None for all. Of equally probable ones the first.
        top_p: the share of their probability that A holds at least, above 0, at most 1.

    Raises:
        InputError: an option is out of its range.

    >>> from unrolled.statistical.ngrams import NGrams
    >>> model = NGrams.counted([[0, 1, 0, 1], [0, 1], [1]], tokens=3, order=2, eos=2)
    >>> sampling = Sampling(temperature=0.5)
    >>> for step in sampling(model, model.start(2), [-1, -1], streams(0, 2), eos=2, max_length=8):
    ...     print(step.tokens.tolist(), end=" ")
    [1, 1] [1, 0] [2, 1] [-1, 2]
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        expected = (
            "a number above 0: the most probable answer is what beam search is for, and with a width of 1 it is greedy"
        )
        require("temperature", self.temperature, self.temperature in Range(0, open_low=True), expected)
        check_range("top_p", self.top_p, Range(0, 1, open_low=True))
        if self.top_k is not None:
            whole_number("top_k", self.top_k, 1)

    def probabilities(self, log_p: Values) -> Values:
        """The distributions ``[N, V]`` that are drawn from.

        Args:
            log_p: the network's log-probabilities ``[N, V]``, in each row a finite one.

        >>> Sampling(top_p=0.7).probabilities(np.log([[0.5, 0.3, 0.2]])).round(3).tolist()
        [[0.625, 0.375, 0.0]]
        """
        with np.errstate(over="ignore"):
            q = elementary("exp", (log_p - log_p.max(1, keepdims=True)) / self.temperature).astype(np.float64)
        if (self.top_k is not None and self.top_k < q.shape[1]) or self.top_p < 1:
            places = largest(q, self.top_k or q.shape[1])
            best = np.take_along_axis(q, places, 1)
            sums = np.cumsum(best, 1)
            if self.top_p < 1:
                best[:, 1:][sums[:, :-1] >= self.top_p * sums[:, -1:]] = 0.0
            q = np.zeros_like(q)
            np.put_along_axis(q, places, best, 1)
        return q / np.cumsum(q, 1)[:, -1:]

    def __call__(
        self,
        network: Decodable[State],
        state: State,
        tokens: Sequence[int] | Integers,
        generators: Sequence[np.random.Generator],
        *,
        max_length: int,
        eos: int | None = None,
        stop: Sequence[Sequence[int] | Integers] = (),
        until: Callable[[int, int], bool] | None = None,
    ) -> Iterator[Drawn]:
        """Draw the answers of N rows, of each a token a step, until all have ended.

        A row's tokens do not depend on the other rows. Every row takes one number a step from its generator.

        Args:
            network: what says what comes next.
            state: of the N rows, after all that was read but the last token.
            tokens: ``[N]``, that last token, such as ``bos`` or the end of a prompt.
            generators: N generators, one a row, as those of :func:`streams`.
            max_length: the most steps, at least 1.
            eos: the token that ends a row; by default none does.
            stop: sequences of tokens; a row ends once the tokens drawn end in one, which is among them.
            until: asked of every row and each token drawn in it; true where the row ends with it.

        Returns:
            An iterator over the steps; it has as many as the longest row.

        Raises:
            InputError: at once, if an option or a number of rows does not fit; while it runs, if the network's numbers are no
                log-probabilities.
        """
        last = whole_numbers("tokens", tokens)
        if len(generators) != len(last):
            raise InputError(f"{len(generators)} generators for {len(last)} rows: expected one a row")
        whole_number("max_length", max_length, 1)
        ends = [tuple(map(int, whole_numbers(f"stop sequence {n}", s))) if len(s) else () for n, s in enumerate(stop)]
        for n, end in enumerate(ends):
            if min(end, default=-1) < 0:
                raise InputError(f"stop sequence {n} is {list(end)}, expected one or more tokens of at least 0")
        if eos is not None:
            ends.append((whole_number("eos", eos),))
        return self._steps(network, state, last, generators, max_length, ends, until)

    def _steps(
        self,
        network: Decodable[State],
        state: State,
        last: NDArray[np.int64],
        generators: Sequence[np.random.Generator],
        max_length: int,
        ends: Sequence[tuple[int, ...]],
        until: Callable[[int, int], bool] | None,
    ) -> Iterator[Drawn]:
        N, longest = len(last), max(map(len, ends), default=0)
        ended, rows, recent = np.zeros(N, bool), np.arange(N), np.full((N, longest), -1)
        for _ in range(max_length if N else 0):
            log_p, state = next_log_p(network, state, last)
            impossible = np.flatnonzero(log_p.max(1) == -np.inf)
            if len(impossible):
                raise InputError(f"row {rows[impossible[0]]}: no token has a probability above 0")
            sums = np.cumsum(self.probabilities(log_p), 1)
            u = np.array([generators[row].random() for row in rows.tolist()])
            last = (sums <= (u * sums[:, -1])[:, None]).sum(1)  # u < 1: at least the last sum is larger
            recent = np.concatenate([recent, last[:, None]], 1)[:, 1:]
            ends_now = np.zeros(len(rows), bool)
            for end in ends:
                ends_now |= (recent[:, longest - len(end) :] == end).all(1)
            if until is not None:
                ends_now |= [until(row, token) for row, token in zip(rows.tolist(), last.tolist(), strict=True)]
            ended[rows[ends_now]] = True
            drawn = Drawn(np.full(N, -1), np.zeros(N), ended.copy())
            drawn.tokens[rows] = last
            drawn.log_p[rows] = log_p[np.arange(len(rows)), last]
            yield drawn
            if ended.all():
                return
            if ends_now.any():
                on = np.flatnonzero(~ends_now)
                rows, last, recent, state = rows[on], last[on], recent[on], network.select(state, on)
