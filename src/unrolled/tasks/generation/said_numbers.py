"""Strokes of a pen, other steps of real numbers, and recordings, drawn from mixtures of Gaussians."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.strokes import StrokeCodec
from unrolled.codecs.value_codec import ValueCodec
from unrolled.data.items import ItemKind
from unrolled.data.wav import Waveform
from unrolled.errors import InputError
from unrolled.networks.mixture_head import MixtureHeadConfig
from unrolled.networks.next_step import Steps
from unrolled.runtime.decoding.mixture_sampling import MixtureSampling
from unrolled.tasks.agreement import require_same
from unrolled.tasks.generation.generator_model import GeneratorModel
from unrolled.tasks.generation.generator_parameters import GeneratorParameters, StepKind
from unrolled.tasks.generation.said import Part, Piece, Request, Said, frames_drawn
from unrolled.tasks.recording_parameters import check_audio

__all__ = ["SaidNumbers", "SaidStrokes"]

FEW_NUMBERS = 4  # of a step, which may depend on each other where nothing is said
MOST_NUMBERS = 64  # that may do so at all: a triangle has half their square


class _Real(Said, frozen=True, forbid_unknown_fields=True):
    """What both kinds share: steps that have a density."""

    codec: Any

    def encode(self, piece: Piece) -> Steps:
        return self.codec.encode(piece)

    def told(self, steps: Steps, log_p: Values) -> Values:
        return log_p - self.codec.log_unit * (np.arange(len(log_p)) < len(steps))

    def measures(self, pieces: Sequence[Piece], told: Sequence[Values]) -> dict[str, float]:
        return {"nats_per_step": -float(np.concatenate(told).mean())}

    def draw(self, model: GeneratorModel, request: Request) -> Iterator[Part]:
        sampling = MixtureSampling(temperature=request.sampling.temperature)
        why = "numbers are drawn from densities"
        return frames_drawn(model, request, sampling, self.step_kind, why, self.codec.log_unit)

    def streamed(self, parts: Iterator[Any], prompt: Steps) -> Iterator[Any]:
        return self.codec.decoded(parts, prompt.astype(np.float64))


class SaidStrokes(_Real, frozen=True, forbid_unknown_fields=True, tag="strokes"):
    """Strokes ``[T, 3]``: x, y, and whether the pen is lifted."""

    codec: StrokeCodec

    step_kind: ClassVar[StepKind] = "strokes"
    unit: ClassVar[str] = "points"

    @classmethod
    def long_name(cls, kind: ItemKind) -> None:
        return None

    @classmethod
    def fit(cls, pieces: Sequence[Piece], kind: ItemKind, settings: GeneratorParameters) -> SaidStrokes:
        return cls(StrokeCodec.fit(pieces, positions=settings.positions))

    @property
    def columns(self) -> int:
        return 3

    @property
    def about(self) -> str:
        return f"strokes of a pen, {'positions' if self.codec.positions else 'offsets'}"

    @property
    def called(self) -> str:
        return "strokes"

    def check_settings(self, settings: GeneratorParameters) -> None:
        require_same("said.codec.positions", self.codec.positions, settings.positions)

    def head(self, settings: GeneratorParameters) -> MixtureHeadConfig:
        return _mixture(self.codec.width - 1, settings, pen=True)

    def joined(self, parts: list[Any], prompt: Steps) -> Piece:
        steps = np.concatenate([prompt.astype(np.float64), *(part[None] for part in parts)])
        return self.codec.decode(steps)[len(prompt) :]


class SaidNumbers(_Real, frozen=True, forbid_unknown_fields=True, tag="values"):
    """Steps ``[T, C]`` of numbers, or the features of recordings."""

    codec: ValueCodec

    step_kind: ClassVar[StepKind] = "values"
    unit: ClassVar[str] = "steps"

    @classmethod
    def long_name(cls, kind: ItemKind) -> str | None:
        return "series" if kind == "numbers" else None

    @classmethod
    def fit(cls, pieces: Sequence[Piece], kind: ItemKind, settings: GeneratorParameters) -> SaidNumbers:
        features = None
        if kind == "audio":
            features = settings.audio or AudioFeatures(rate=pieces[0].rate, coefficients=20)
        return cls(ValueCodec.fit(pieces, together=settings.steps_at_once, features=features))

    @property
    def item_kind(self) -> ItemKind:
        return "numbers" if self.codec.features is None else "audio"

    @property
    def columns(self) -> int | None:
        return len(self.codec.columns) if self.codec.features is None else None

    @property
    def about(self) -> str:
        numbers = "numbers" if self.codec.features is None else f"{self.codec.features.kind} features"
        together = f", {self.codec.together} steps at once" if self.codec.together > 1 else ""
        return f"{len(self.codec.columns)} {numbers} a step{together}"

    @property
    def called(self) -> str:
        return "numbers" if self.codec.features is None else "recordings"

    def check_settings(self, settings: GeneratorParameters) -> None:
        require_same("said.codec.together", self.codec.together, settings.steps_at_once)
        check_audio("said.codec.features", self.codec.features, settings.audio)

    def head(self, settings: GeneratorParameters) -> MixtureHeadConfig:
        return _mixture(self.codec.width, settings, pen=False)

    def joined(self, parts: list[Any], prompt: Steps) -> Piece:
        frames = self.codec.decode(np.concatenate([np.zeros((0, self.codec.width)), *(part[None] for part in parts)]))
        if self.codec.features is None:
            return frames
        return Waveform(self.codec.samples(frames), self.codec.features.rate, "what was said")

    def streamed(self, parts: Iterator[Any], prompt: Steps) -> Iterator[Any]:
        if self.codec.features is not None:
            raise InputError("pieces are recordings, whose samples depend on all of their frames: generate them")
        return super().streamed(parts, prompt)


def _mixture(numbers: int, settings: GeneratorParameters, *, pen: bool) -> MixtureHeadConfig:
    diagonal = settings.covariance == "diagonal" or (settings.covariance == "auto" and numbers > FEW_NUMBERS)
    if numbers > MOST_NUMBERS and not diagonal:
        raise InputError(
            f"covariance is 'full' of {numbers} numbers a step, expected at most {MOST_NUMBERS}: 'diagonal'"
        )
    return MixtureHeadConfig(numbers, settings.components, diagonal, pen)
