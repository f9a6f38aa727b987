r"""A sequence, step by step from itself: recurrent layers over the steps before, a head that says the next.

.. math::
    q &= \tanh(C z + c), \quad C_z \quad\text{or nothing} \\
    h[u] &= \mathrm{RNN}([x(y[u-1]); q],\, h[u-1]) \\
    p(y[1..U] \mid z) &= \prod_u p(y[u] \mid h[u])

:math:`q` is what a piece is to be: made of a vector :math:`z` of numbers, or a row of a table for a class :math:`z`; the same at
every step. What :math:`x` reads of a step, and what :math:`p` is, the head says (:mod:`unrolled.networks.symbol_head`).
:math:`y[0]` is a beginning of its own, and the last step of a piece an end; a long text of which only a part is seen at once
has no end, and its states are handed on from part to part.

Sources: A. Graves 2013, *Generating sequences with recurrent neural networks*, arXiv 1308.0850; T. Mikolov et al. 2010,
*Recurrent neural network based language model*; O. Vinyals et al. 2015, *Show and tell*, arXiv 1411.4555, reads its vector
once instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.ranges import Count
from unrolled.errors import InputError
from unrolled.networks.engine import Array, Engine, Lengths, Rows
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.mixture_head import MixtureHead, MixtureHeadConfig
from unrolled.networks.note_head import NoteHead, NoteHeadConfig
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.stack import StackConfig
from unrolled.networks.symbol_head import SymbolHead, SymbolHeadConfig

__all__ = ["ConditionConfig", "HeadConfig", "NextStep", "NextStepConfig", "NextStepState", "Scored", "Steps", "shifted"]

HeadConfig: TypeAlias = SymbolHeadConfig | NoteHeadConfig | MixtureHeadConfig
HEADS: dict[type[HeadConfig], type[Any]] = {
    SymbolHeadConfig: SymbolHead,
    NoteHeadConfig: NoteHead,
    MixtureHeadConfig: MixtureHead,
}
"""Of each configuration of a head its class."""

Steps: TypeAlias = NDArray[Any]
"""Symbols ``[U]``, or frames of numbers ``[U, C]``."""

AT_ONCE = 1 << 12  # steps of one long text that are read at once


class ConditionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a piece is to be: one of ``inputs`` classes, or a vector of so many numbers."""

    kind: Literal["class", "vector"]
    inputs: Count
    size: Count
    """Of :math:`q`."""


class NextStepConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="next_step"):
    """The sizes of the network."""

    stack: StackConfig
    head: HeadConfig
    condition: ConditionConfig | None = None

    def __post_init__(self) -> None:
        """Check what belongs together."""
        if self.stack.bidirectional:
            raise InputError("the layers are bidirectional, but what follows a step is not known")
        inputs = self.head.inputs + (self.condition.size if self.condition else 0)
        if self.stack.inputs != inputs:
            raise InputError(f"the layers have {self.stack.inputs} inputs, expected {inputs}")

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(NextStep, self)


class NextStepState(NamedTuple):
    """Where the network stands with each of ``N`` rows."""

    states: tuple[Array, ...] | None
    """Of its layers, as :class:`unrolled.runtime.stack.Stack` has them; None before the first step."""
    condition: Array | None
    """``q [N, Q]``."""


class NextStep:
    """The network. After training a row's results have the same bits alone and in a batch, whole and in parts.

    It goes on from a symbol at a time as the decoders of ``unrolled.runtime.decoding`` ask it to.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> config = NextStepConfig(StackConfig("gru", 4, 3, num_layers=1), SymbolHeadConfig(symbols=6, size=4))
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> network = NextStep(KernelEngine(parameters), config)
    >>> log_p, state = network.advance(network.start(2), config.head.first(2))
    >>> log_p.shape, np.exp(log_p).sum(1).round(6).tolist()
    ((2, 7), [1.0, 1.0])
    """

    def __init__(self, engine: Engine, config: NextStepConfig) -> None:
        self.engine, self.config = engine, config
        if config.condition:
            make = engine.embedding if config.condition.kind == "class" else engine.dense
            self.condition = make("condition", config.condition.inputs, config.condition.size)
        self.rnn = engine.stack("rnn", config.stack)
        self.head = HEADS[type(config.head)](engine.scope("head"), config.head, config.stack.outputs)

    def __call__(
        self,
        steps: Steps,
        conditions: NDArray[Any] | None = None,
        lengths: Lengths | None = None,
        states: tuple[Array, ...] | None = None,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Scores ``[U, N, O]`` of the next step after each of ``steps [U, N, ...]``, and the layers' states after the last.

        Args:
            conditions: classes ``[N]`` or vectors ``[N, D]``.
            lengths: of each row.
            states: to go on from.
        """
        state = self.start(steps.shape[1], conditions)
        scores, state = self.run(state._replace(states=states), steps, lengths)
        assert state.states is not None
        return scores, state.states

    def start(self, rows: int, conditions: NDArray[Any] | None = None) -> NextStepState:
        """The state of rows before their first step; their classes ``[N]`` or vectors ``[N, D]``."""
        if self.config.condition is None:
            return NextStepState(None, None)
        if conditions is None or len(conditions) != rows:
            raise InputError(f"{0 if conditions is None else len(conditions)} conditions for {rows} pieces")
        if self.config.condition.kind == "class":
            return NextStepState(None, self.condition(conditions))
        return NextStepState(None, self.engine.tanh(self.condition(self.engine.constant(conditions))))

    def run(self, state: NextStepState, steps: Steps, lengths: Lengths | None = None) -> tuple[Array, NextStepState]:
        """Scores ``[U, N, O]`` after each of the next ``steps [U, N, ...]``, and the state after the last."""
        x = self.head.read(steps)
        if state.condition is not None:
            x = self.engine.concatenate([x, self.engine.repeat(state.condition, len(x))])
        h, states = self.rnn(x, lengths, state.states)
        return self.head(self.engine.dropout(h), steps), state._replace(states=states)

    def advance(self, state: NextStepState, tokens: NDArray[np.int64]) -> tuple[Values, NextStepState]:
        """Log-probabilities ``[N, V]`` of what follows ``tokens [N]``, the newest symbol of each row, and the state after it."""
        scores, state = self.run(state, tokens[None])
        return self.engine.log_probabilities(scores[0]), state

    def select(self, state: NextStepState, rows: Rows) -> NextStepState:
        """The state of some rows, each as often as it is named, in this order."""
        return NextStepState(
            None if state.states is None else tuple(each.take(rows, 1) for each in state.states),
            None if state.condition is None else state.condition[rows],
        )

    def log_likelihoods(self, pieces: Sequence[Steps], conditions: NDArray[Any] | None = None) -> list[Values]:
        """Of each piece's steps, and of its end, the log-likelihood after those before it: ``[U_i + 1]`` each."""
        found: list[Values] = [np.empty(0)] * len(pieces)
        for scored in self.scored(pieces, conditions):
            scored.tell(self.head.log_p(scored.scores, scored.expected), found)
        return found

    def log_likelihoods_carried(self, text: Steps) -> Values:
        """Of each step of one long text, which goes on after its end, the log-likelihood after those before it: ``[U]``."""
        parts = [self.head.log_p(scores, expected)[:, 0] for scores, expected in self.scored_parts(text)]
        return np.concatenate(parts).astype(np.float64)

    def scored(self, pieces: Sequence[Steps], conditions: NDArray[Any] | None = None) -> Iterator[Scored]:
        """The scores of all steps and ends of pieces, which are run in batches of similar length."""
        for chosen in batches_of_similar_length([len(piece) + 1 for piece in pieces]):
            inputs, expected, lengths = shifted([pieces[n] for n in chosen], self.config.head)
            own = None if conditions is None else conditions[chosen]
            yield Scored(chosen, self(inputs, own, lengths)[0], expected, lengths)

    def scored_parts(self, text: Steps) -> Iterator[tuple[Array, Steps]]:
        """The scores of all steps of one long text, ``[U, 1, O]`` of each part, and what is to be said there."""
        state = self.start(1)
        for inputs, expected in _parts(text, self.config.head):
            scores, state = self.run(state, inputs)
            yield scores, expected


class Scored(NamedTuple):
    """Some pieces that were run together."""

    chosen: Sequence[int]
    """Their places among all, ``[N]``."""
    scores: Array
    """``[U, N, O]``"""
    expected: Steps
    """What is to be said, ``[U, N, ...]``."""
    lengths: Lengths

    def tell(self, told: Array, found: list[Values]) -> None:
        """Put what is ``told [U, N]`` of each piece at its place."""
        for place, n in enumerate(self.chosen):
            found[n] = told[: self.lengths[place], place].astype(np.float64)


def shifted(pieces: Sequence[Steps], head: HeadConfig) -> tuple[Steps, Steps, Lengths]:
    """What is read and what is to be said: pieces after their beginnings, and with their ends, ``[U, N, ...]`` each; lengths.

    >>> inputs, expected, lengths = shifted([np.array([4, 5]), np.array([6])], SymbolHeadConfig(symbols=7, size=1))
    >>> inputs.T.tolist(), expected.T.tolist(), lengths.tolist()
    ([[8, 4, 5], [8, 6, 0]], [[4, 5, 7], [6, 7, 0]], [3, 2])
    """
    read = [np.concatenate([head.first(1), piece]) for piece in pieces]
    return _padded(read), _padded([head.ending(piece) for piece in pieces]), np.array([len(each) for each in read])


def _padded(pieces: Sequence[Steps]) -> Steps:
    """Side by side, zero past each length."""
    steps = np.zeros((max(map(len, pieces)), len(pieces), *pieces[0].shape[1:]), pieces[0].dtype)
    for n, piece in enumerate(pieces):
        steps[: len(piece), n] = piece
    return steps


def _parts(text: Steps, head: HeadConfig) -> Iterator[tuple[Steps, Steps]]:
    """What is read and what is to be said of the parts of one long text, ``[U, 1, ...]`` each."""
    read = np.concatenate([head.first(1), text[:-1]])
    for at in range(0, len(text), AT_ONCE):
        part = slice(at, at + AT_ONCE)
        yield read[part, None], head.targets(text[part])[:, None]
