"""Piano rolls: frames of notes, one by one or independent of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.note_codec import NoteCodec
from unrolled.data.items import ItemKind
from unrolled.networks.next_step import Steps
from unrolled.networks.note_head import NoteHeadConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.runtime.decoding.frame_sampling import NoteSampling
from unrolled.tasks.agreement import require_same
from unrolled.tasks.generation.drawn_pieces import DrawnFrames
from unrolled.tasks.generation.generator_model import GeneratorModel
from unrolled.tasks.generation.generator_parameters import GeneratorParameters, StepKind
from unrolled.tasks.generation.said import Part, Piece, Request, Said, check_no_stop, frames_drawn
from unrolled.tasks.generation.said_symbols import symbols_drawn

__all__ = ["SaidNotes"]


class SaidNotes(Said, frozen=True, forbid_unknown_fields=True, tag="notes"):
    """Rolls ``[T, P]`` of zeros and ones."""

    codec: NoteCodec

    step_kind: ClassVar[StepKind] = "notes"
    unit: ClassVar[str] = "frames"

    @classmethod
    def fit(cls, pieces: Sequence[Piece], kind: ItemKind, settings: GeneratorParameters) -> SaidNotes:
        return cls(NoteCodec(pieces[0].shape[1], settings.within_frame))

    @property
    def columns(self) -> int:
        return self.codec.notes

    @property
    def about(self) -> str:
        how = "one after the other" if self.codec.symbols else "independent of each other"
        return f"frames of {self.codec.notes} notes, {how}"

    @property
    def called(self) -> str:
        return f"{self.codec.notes} notes"

    def check_settings(self, settings: GeneratorParameters) -> None:
        require_same("said.codec.within_frame", self.codec.within_frame, settings.within_frame)

    def head(self, settings: GeneratorParameters) -> SymbolHeadConfig | NoteHeadConfig:
        symbols = self.codec.symbols
        if symbols is None:
            return NoteHeadConfig(self.codec.notes)
        return SymbolHeadConfig(symbols.symbols, settings.embedding_size, settings.tied, symbols)

    def encode(self, piece: Piece) -> Steps:
        return self.codec.encode(piece)

    def length(self, steps: Steps) -> int:
        symbols = self.codec.symbols
        return len(steps) if symbols is None else int((steps == symbols.frame_end).sum())

    def varies(self, settings: GeneratorParameters) -> bool:
        return settings.transpose > 0

    def vary(self, steps: Steps, settings: GeneratorParameters, generator: np.random.Generator) -> Steps:
        return self.codec.transposed(steps, settings.transpose, generator)

    def told(self, steps: Steps, log_p: Values) -> Values:
        return self.codec.of_frames(steps, log_p)

    def measures(self, pieces: Sequence[Piece], told: Sequence[Values]) -> dict[str, float]:
        frames = np.concatenate([own[: len(piece)] for own, piece in zip(told, pieces, strict=True)])
        return {
            "nats_per_frame": -float(frames.mean()),
            "nats_per_piece": -float(np.concatenate(told).sum()) / len(pieces),
        }

    def draw(self, model: GeneratorModel, request: Request) -> Iterator[Part]:
        symbols = self.codec.symbols
        if symbols is None:
            sampling = NoteSampling(temperature=request.sampling.temperature)
            return frames_drawn(model, request, sampling, "notes", "the notes of a frame are independent")
        check_no_stop(request, "notes")
        rows = [DrawnFrames(symbols, request.most) for _ in range(request.pieces)]
        most = request.most * (symbols.notes + 1) + 1  # symbols of frames with all notes, and the end
        return symbols_drawn(model, request, rows, most)

    def joined(self, parts: list[Any], prompt: Steps) -> Piece:
        return np.array(parts, np.uint8).reshape(len(parts), self.codec.notes)
