"""A fitted generator: from pieces in the user's units to probabilities of their steps, and pieces drawn, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.conditions import ConditionCodec
from unrolled.codecs.ranges import Count
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.networks.next_step import NextStep, NextStepConfig, Steps
from unrolled.runtime.decoding.decodable import Ensemble, Without
from unrolled.runtime.decoding.sampling import Drawn, Sampling, streams
from unrolled.runtime.engine import KernelEngine
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.ensemble import Members, named_members, restored_members
from unrolled.tasks.generation.generator_parameters import GeneratorParameters
from unrolled.tasks.item_estimator import ExampleConfig

__all__ = ["GeneratorConfig", "GeneratorModel"]


class GeneratorConfig(ExampleConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of a fitted estimator but its arrays."""

    shape: NextStepConfig
    symbols: TargetCodec
    condition: ConditionCodec | None = None
    carried: bool
    """Whether it learned one long text, which has no end."""
    longest: Count
    """Steps of the longest piece."""


@dataclass(frozen=True)
class GeneratorModel:
    """Networks whose probabilities are averaged; weights are packed at the first use, and kept as long as the model."""

    shape: NextStepConfig
    members: Members
    carried: bool

    def __reduce__(self) -> tuple[type[GeneratorModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.members, self.carried)

    @cached_property
    def networks(self) -> list[NextStep]:
        """Each on its own, packed."""
        return [NextStep(KernelEngine(tensors), self.shape) for tensors in self.members]

    def log_likelihoods(self, pieces: Sequence[Steps], conditions: NDArray[Any] | None = None) -> list[Values]:
        """Of each piece's steps, and of its end where it has one, by the mean of the networks' probabilities."""
        if self.carried:
            each = [[network.log_likelihoods_carried(piece) for piece in pieces] for network in self.networks]
        else:
            each = [network.log_likelihoods(pieces, conditions) for network in self.networks]
        return [np.logaddexp.reduce(np.stack(own), 0) - np.log(len(own)) for own in zip(*each, strict=True)]

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

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        return named_members(self.members)

    @classmethod
    def restore(cls, model_file: ModelFile, config: GeneratorConfig, settings: GeneratorParameters) -> GeneratorModel:
        """Put a model together from its file.

        Raises:
            ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
        """
        return cls(config.shape, restored_members(model_file, config.shape.parameters(), settings), config.carried)
