"""What a generator says: how pieces become the steps of its network, and the steps it draws become pieces.

Each kind of pieces is a file of its own beside this one; the estimator asks them all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.data.items import ItemKind
from unrolled.errors import InputError
from unrolled.networks.next_step import HeadConfig, Steps
from unrolled.runtime.decoding.sampling import Sampling
from unrolled.tasks.generation.generator_model import FrameSampling, GeneratorModel
from unrolled.tasks.generation.generator_parameters import GeneratorParameters, StepKind

__all__ = ["Part", "Piece", "Request", "Said", "check_no_stop", "frames_drawn"]

Piece: TypeAlias = Any
"""A text, a list of tokens, a piano roll ``[T, P]``, strokes ``[T, 3]``, other numbers ``[T, C]``, a recording."""

Self = TypeVar("Self", bound="Said")


class Request(NamedTuple):
    """What is to be drawn."""

    pieces: int
    """How many."""
    prompt: Steps
    """What all begin with."""
    conditions: NDArray[Any] | None
    sampling: Sampling
    most: int
    """Steps, the end among them."""
    seed: int
    stop: Sequence[str]
    """Texts before which a piece ends."""


class Part(NamedTuple):
    """What is new of pieces that are drawn."""

    new: list[list[Any]]
    """Of each piece, parts of its text, tokens, or frames."""
    log_p: Values
    """Of what was drawn, ``[N]``."""
    finished: NDArray[np.bool_]
    """Whether each has come to its end, ``[N]``."""


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of pieces; it is part of the model file."""

    step_kind: ClassVar[StepKind]
    """What a step is."""
    unit: ClassVar[str]
    """Steps, in messages."""

    @classmethod
    def long_name(cls, kind: ItemKind) -> str | None:
        """What a single long piece is called, of which only parts are read at once; None where no piece can be."""
        return "piece"

    @classmethod
    def fit(cls: type[Self], pieces: Sequence[Piece], kind: ItemKind, settings: GeneratorParameters) -> Self:
        """Learn from pieces how they become steps."""
        raise NotImplementedError

    @property
    def item_kind(self) -> ItemKind:
        """What pieces are."""
        return "numbers"

    @property
    def columns(self) -> int | None:
        """Numbers of a step, as the user has them."""
        return None

    @property
    def about(self) -> str:
        """What is said, in the report of a fit."""
        raise NotImplementedError

    @property
    def called(self) -> str:
        """What is said, in a few words."""
        return self.unit

    def check_settings(self, settings: GeneratorParameters) -> None:
        """Check that a file's parameters agree.

        Raises:
            InputError: they do not.
        """

    def head(self, settings: GeneratorParameters) -> HeadConfig:
        """What the network says."""
        raise NotImplementedError

    def encode(self, piece: Piece) -> Steps:
        """The steps of a piece."""
        raise NotImplementedError

    def length(self, steps: Steps) -> int:
        """How many ``unit`` there are in the steps of a piece."""
        return len(steps)

    def check_prompt(self, prompt: Piece, steps: Steps) -> None:
        """Check that the network knows what it is to go on from.

        Raises:
            InputError: it does not.
        """

    def vary(self, steps: Steps, settings: GeneratorParameters, generator: np.random.Generator) -> Steps:
        """The steps of a piece in another form that is as good, if there is one; drawn anew in each epoch of training."""
        return steps

    def varies(self, settings: GeneratorParameters) -> bool:
        """Whether pieces are changed in training.

        Raises:
            InputError: they are to be, but cannot.
        """
        if settings.transpose:
            raise InputError(f"transpose is {settings.transpose}, but the pieces are no music: leave it out")
        return False

    def told(self, steps: Steps, log_p: Values) -> Values:
        """Log-likelihoods in the user's steps and units, from those of the network's."""
        return log_p

    def measures(self, pieces: Sequence[Piece], told: Sequence[Values]) -> dict[str, float]:
        """How well pieces are foreseen, from the log-likelihoods of their steps and ends."""
        raise NotImplementedError

    def draw(self, model: GeneratorModel, request: Request) -> Iterator[Part]:
        """What pieces have in each step; arguments are checked at once."""
        raise NotImplementedError

    def joined(self, parts: list[Any], prompt: Steps) -> Piece:
        """A piece of its parts, which follow the prompt."""
        raise NotImplementedError

    def streamed(self, parts: Iterator[Any], prompt: Steps) -> Iterator[Any]:
        """The parts of a piece as the user has them, as they come."""
        return parts


def check_no_stop(request: Request, what: str) -> None:
    """Raise an InputError if texts are to end what is said, which has none."""
    if request.stop:
        raise InputError(f"stop= ends texts, but the model says {what}: leave it out")


def frames_drawn(
    model: GeneratorModel, request: Request, sampling: FrameSampling, what: str, why: str, log_unit: float = 0.0
) -> Iterator[Part]:
    """Pieces whose steps are frames of numbers, which no text ends, and of which none is the most probable.

    Args:
        what: is said, for messages.
        why: there is no order of what may come.
        log_unit: the logarithm of the volume, in the user's units, that a density of 1 stands for.
    """
    check_no_stop(request, what)
    top_k, top_p = request.sampling.top_k, request.sampling.top_p
    if top_k is not None or top_p < 1:
        given = f"top_p is {top_p}" if top_k is None else f"top_k is {top_k}"
        raise InputError(f"{given}, but {why}: none is more probable than another; leave it out")
    steps = model.draw_frames(
        request.pieces, request.prompt, request.conditions, sampling, max_length=request.most, seed=request.seed
    )
    return (
        Part(
            [[] if end else [frame] for frame, end in zip(step.steps, step.ended, strict=True)],
            step.log_p - log_unit * ~step.ended,
            step.ended,
        )
        for step in steps
    )
