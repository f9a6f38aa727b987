r"""What a decoder asks of a network: the next token of every row, and the states of some rows.

A network that reads a token and says what may come next has a state a row, which only it knows the inside of. Whatever has
these two methods can be decoded: a decoder beside its attention, a language model, an :class:`Ensemble` of several,

.. math::
    \log p(v) = \log \Big(\frac 1 M \sum_{m=1}^{M} p_m(v)\Big)

A decoder's results for a row have the same bits alone and beside others if those of ``advance`` do.

Source: Sutskever, Vinyals, Le 2014, arXiv 1409.3215, for the mean of several models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError
from unrolled.kernels.arrays import elementary
from unrolled.runtime.decoding.crf import finite

__all__ = ["Attending", "Decodable", "Ensemble", "State", "Without", "attention_of", "check_log_p", "next_log_p"]

State = TypeVar("State")
"""What a network remembers of the rows it is decoding."""


class Decodable(Protocol[State]):
    """A network that goes on from a token at a time.

    A state is not changed by either method: it can be gone on from again.
    """

    def advance(self, state: State, tokens: NDArray[np.int64]) -> tuple[Values, State]:
        """Read a token a row.

        Args:
            state: of N rows.
            tokens: ``[N]``, the token that each row has come to.

        Returns:
            log-probabilities ``[N, V]`` of the token that comes next, float64, ``-inf`` for what cannot; and the state
            after ``tokens``.
        """
        ...

    def select(self, state: State, rows: NDArray[np.intp]) -> State:
        """The state of some rows, in this order; a row may be asked for several times, or not at all."""
        ...


class Attending(Decodable[State], Protocol[State]):
    """A network that also says where it looked."""

    def attention(self, state: State) -> Values:
        """Weights ``[N, S]`` that the last ``advance`` gave the positions of each row's source, 0 past its end."""
        ...


def attention_of(network: Decodable[State], state: State) -> Values:
    """The weights ``[N, S]`` of a network that attends.

    Raises:
        InputError: it does not.
    """
    attend = getattr(network, "attention", None)
    if attend is None:
        raise InputError(
            f"{type(network).__name__} has no attention: a coverage penalty and alignments need a network that has"
        )
    return attend(state)


def next_log_p(
    network: Decodable[State], state: State, tokens: NDArray[np.int64], *, looked_at: bool = False
) -> tuple[Values, State]:
    """What ``advance`` returns, where it is what it must be; its numbers are not checked if they are ``looked_at`` anyway.

    Raises:
        InputError: the log-probabilities are not ``[N, V]``, or one is NaN or +inf.
    """
    log_p, state = network.advance(state, tokens)
    if log_p.ndim != 2 or len(log_p) != len(tokens) or not log_p.shape[1]:
        raise InputError(f"advance returned shape {list(log_p.shape)}, expected [{len(tokens)}, V]: a row a token read")
    if not looked_at:
        check_log_p(log_p)
    return log_p, state


def check_log_p(log_p: Values) -> None:
    """Raise an InputError if one is NaN or +inf."""
    if log_p.size and not log_p.max() < np.inf:  # false of NaN, too
        row, token = np.argwhere(~(log_p < np.inf))[0]
        raise InputError(f"row {row}: the log-probability of token {token} is {log_p[row, token]}, expected a number")


class Ensemble(Generic[State]):
    """Several networks with the same tokens, by the mean of their probabilities; attention is the mean of theirs.

    Its state is a tuple with the state of each.

    Args:
        members: the networks, at least one.

    Raises:
        InputError: there is none.

    >>> class Coin:
    ...     def __init__(self, p): self.p = p
    ...     def advance(self, state, tokens): return np.log(np.tile([self.p, 1 - self.p], (len(tokens), 1))), state
    ...     def select(self, state, rows): return state
    >>> log_p, _ = Ensemble([Coin(0.5), Coin(0.9)]).advance((None, None), np.array([0]))
    >>> np.exp(log_p).round(6).tolist()
    [[0.7, 0.3]]
    """

    def __init__(self, members: Sequence[Decodable[Any]]) -> None:
        if not members:
            raise InputError("an ensemble of no networks: expected at least one")
        self.members = tuple(members)

    def advance(self, state: tuple[Any, ...], tokens: NDArray[np.int64]) -> tuple[Values, tuple[Any, ...]]:
        """As :meth:`Decodable.advance`.

        Raises:
            InputError: the networks have different numbers of tokens.
        """
        alone = len(self.members) == 1  # what is returned as it is, whoever asks looks at
        steps = [next_log_p(m, s, tokens, looked_at=alone) for m, s in zip(self.members, state, strict=True)]
        sizes = [log_p.shape[1] for log_p, _ in steps]
        if len(set(sizes)) > 1:
            raise InputError(f"the networks of the ensemble have {sizes} tokens, expected as many in each")
        if alone:
            return steps[0][0], (steps[0][1],)
        log_p = np.stack([log_p for log_p, _ in steps])  # [M, N, V]
        top = finite(log_p.max(0))
        total = np.add.accumulate(elementary("exp", log_p - top), axis=0)[-1] / len(steps)
        with np.errstate(divide="ignore"):
            return top + np.log(total), tuple(s for _, s in steps)

    def select(self, state: tuple[Any, ...], rows: NDArray[np.intp]) -> tuple[Any, ...]:
        """As :meth:`Decodable.select`."""
        return tuple(m.select(s, rows) for m, s in zip(self.members, state, strict=True))

    def attention(self, state: tuple[Any, ...]) -> Values:
        """As :meth:`Attending.attention`.

        Raises:
            InputError: a network has none.
        """
        weights = [attention_of(m, s) for m, s in zip(self.members, state, strict=True)]
        return np.add.accumulate(np.stack(weights), axis=0)[-1] / len(weights)


class Without(Generic[State]):
    """A network that never says some tokens, such as one that stands for everything unknown.

    Args:
        network: the network, which may attend.
        tokens: those that are not said.

    >>> from unrolled.statistical.ngrams import NGrams
    >>> model = NGrams.counted([[0, 1], [1]], tokens=3, order=1, eos=2)
    >>> log_p, _ = Without(model, [2]).advance(model.start(1), np.array([0]))
    >>> log_p.round(2).tolist()
    [[-1.32, -1.0, -inf]]
    """

    def __init__(self, network: Decodable[State], tokens: Sequence[int]) -> None:
        self._network, self._tokens = network, list(tokens)

    def advance(self, state: State, tokens: NDArray[np.int64]) -> tuple[Values, State]:
        """As :meth:`Decodable.advance`."""
        log_p, state = self._network.advance(state, tokens)
        log_p[:, self._tokens] = -np.inf
        return log_p, state

    def select(self, state: State, rows: NDArray[np.intp]) -> State:
        """As :meth:`Decodable.select`."""
        return self._network.select(state, rows)

    def attention(self, state: State) -> Values:
        """As :meth:`Attending.attention`.

        Raises:
            InputError: the network has none.
        """
        return attention_of(self._network, state)
