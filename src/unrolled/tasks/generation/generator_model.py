"""A fitted generator: from pieces in the user's units to probabilities of their steps, and pieces drawn, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Values
from unrolled.networks.mixture_head import MixtureHead
from unrolled.networks.next_step import NextStep, NextStepConfig, Steps
from unrolled.networks.note_head import NoteHeadConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.runtime.decoding.decodable import Ensemble, Without
from unrolled.runtime.decoding.frame_sampling import NoteSampling, mean_odds
from unrolled.runtime.decoding.mixture_sampling import MixtureSampling
from unrolled.runtime.decoding.sampling import Drawn, Sampling, streams
from unrolled.runtime.engine import KernelEngine, Storage
from unrolled.runtime.model_file import ModelFile
from unrolled.runtime.probabilities import log_mean
from unrolled.tasks.ensemble import Members, named_members, restored_members
from unrolled.tasks.generation.generator_parameters import GeneratorParameters

__all__ = ["DrawnSteps", "FrameSampling", "GeneratorModel"]

FrameSampling: TypeAlias = NoteSampling | MixtureSampling
"""How the next frames of numbers are drawn."""


class DrawnSteps(NamedTuple):
    """A step of pieces that are drawn in numbers."""

    steps: NDArray[Any]
    """``[N, C]``, zeros in pieces that have ended."""
    log_p: Values
    """Of these steps, or of the end, ``[N]``; 0 in pieces that have ended before."""
    ended: NDArray[np.bool_]
    """Pieces that end before this step, or have before, ``[N]``."""


@dataclass(frozen=True)
class GeneratorModel:
    """Networks whose probabilities are averaged; weights are packed at the first use, and kept as long as the model."""

    shape: NextStepConfig
    members: Members
    carried: bool
    weights: Storage | None = None
    """What the matrices of the networks are stored as, by default as they are."""

    def __reduce__(self) -> tuple[type[GeneratorModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.members, self.carried, self.weights)

    @cached_property
    def networks(self) -> list[NextStep]:
        """Each on its own, packed."""
        return [NextStep(KernelEngine(tensors, weights=self.weights), self.shape) for tensors in self.members]

    def log_likelihoods(self, pieces: Sequence[Steps], conditions: NDArray[Any] | None = None) -> list[Values]:
        """Of each piece's steps, and of its end where it has one, by the mean of the networks' probabilities."""
        if isinstance(self.shape.head, NoteHeadConfig):
            return self._of_mean_odds(pieces, conditions)
        if self.carried:
            each = [[network.log_likelihoods_carried(piece) for piece in pieces] for network in self.networks]
        else:
            each = [network.log_likelihoods(pieces, conditions) for network in self.networks]
        return [log_mean(own) for own in zip(*each, strict=True)]

    def _of_mean_odds(self, pieces: Sequence[Steps], conditions: NDArray[Any] | None) -> list[Values]:
        """By the mean of the chances that the networks give each note."""
        found, log_p = [np.empty(0)] * len(pieces), self.networks[0].head.log_p
        if self.carried:
            return [np.concatenate([log_p(*part)[:, 0] for part in self._mean_parts(piece)]) for piece in pieces]
        for each in zip(*(network.scored(pieces, conditions) for network in self.networks), strict=True):
            each[0].tell(log_p(mean_odds([own.scores for own in each]), each[0].expected), found)
        return found

    def _mean_parts(self, piece: Steps) -> Iterator[tuple[Values, Steps]]:
        for each in zip(*(network.scored_parts(piece) for network in self.networks), strict=True):
            yield mean_odds([scores for scores, _ in each]), each[0][1]

    def draw(
        self,
        n: int,
        prompt: Steps,
        conditions: NDArray[Any] | None,
        sampling: Sampling,
        *,
        max_length: int,
        seed: int,
        until: Callable[[int, int], bool] | None = None,
    ) -> Iterator[Drawn]:
        """Draw the next symbols of n pieces that begin with ``prompt [U]``, a step of all of them at a time.

        Args:
            conditions: of each piece.
            until: asked of every piece and each symbol drawn in it; true where the piece ends with it.
        """
        head = self.shape.head
        assert isinstance(head, SymbolHeadConfig)
        read = np.concatenate([head.first(1), prompt])
        states = [network.start(n, conditions) for network in self.networks]
        if len(prompt):
            before = np.repeat(read[:-1, None], n, 1)
            states = [network.run(s, before)[1] for network, s in zip(self.networks, states, strict=True)]
        unsaid = [0, head.end] if self.carried else [0]
        network = Ensemble([Without(each, unsaid) for each in self.networks])
        return sampling(
            network, tuple(states), np.repeat(read[-1:], n), streams(seed, n),
            max_length=max_length, eos=None if self.carried else head.end, until=until,
        )  # fmt: skip

    def draw_frames(
        self,
        n: int,
        prompt: Steps,
        conditions: NDArray[Any] | None,
        sampling: FrameSampling,
        *,
        max_length: int,
        seed: int,
    ) -> Iterator[DrawnSteps]:
        """Draw the next frames ``[N, C]`` of n pieces that begin with ``prompt [T, C]``, a frame of all of them at a time.

        No piece ends before its first frame: none that was learned from does.
        """
        head, generators = self.shape.head, streams(seed, n)
        read = np.repeat(np.concatenate([head.first(1), prompt])[:, None], n, 1)  # [T + 1, N, P]
        states, rows = [network.start(n, conditions) for network in self.networks], np.arange(n)
        for step in range(max_length):
            each = [network.run(state, read) for network, state in zip(self.networks, states, strict=True)]
            own = [generators[row] for row in rows.tolist()]
            may_end = not self.carried and step + len(prompt) > 0
            drawn = self._drawn([scores[-1] for scores, _ in each], sampling, own, may_end=may_end)
            found = DrawnSteps(np.zeros((n, read.shape[2]), drawn.steps.dtype), np.zeros(n), np.ones(n, bool))
            found.steps[rows], found.log_p[rows], found.ended[rows] = drawn
            yield found
            on = np.flatnonzero(~drawn.ended)
            if not len(on):
                return
            rows, read = rows[on], drawn.steps[None, on]
            states = [network.select(state, on) for network, (_, state) in zip(self.networks, each, strict=True)]

    def _drawn(
        self,
        scores: Sequence[Floats],
        sampling: FrameSampling,
        generators: Sequence[np.random.Generator],
        *,
        may_end: bool,
    ) -> DrawnSteps:
        """The next step of the rows of which each network has given ``scores [N, O]``."""
        log_p = self.networks[0].head.log_p
        if isinstance(sampling, NoteSampling):
            odds = mean_odds(scores)
            frames, ended = sampling(odds, generators)
            ended &= may_end
            told = np.concatenate([frames * ~ended[:, None], ended[:, None]], axis=1).astype(np.float32)
            return DrawnSteps(told[:, :-1].astype(np.uint8), log_p(odds, told), ended)
        whose = np.zeros(len(generators), np.int64)  # the network that a row asks for its next step
        if len(scores) > 1:
            whose = np.array([each.integers(len(scores)) for each in generators])
        head: MixtureHead = self.networks[0].head
        own = np.stack(scores)[whose, np.arange(len(whose))]
        values, ended = sampling(head.mixture(own), generators)
        ended &= may_end
        told = np.concatenate([values * ~ended[:, None], ended[:, None]], axis=1)
        return DrawnSteps(told[:, :-1], log_mean([log_p(one, told) for one in scores]), ended)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        return named_members(self.members)

    @classmethod
    def restore(
        cls, model_file: ModelFile, shape: NextStepConfig, settings: GeneratorParameters, *, carried: bool
    ) -> GeneratorModel:
        """Put a model together from its file.

        Raises:
            ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
        """
        return cls(shape, restored_members(model_file, shape.parameters(), settings), carried)
