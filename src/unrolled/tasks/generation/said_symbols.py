"""Texts and lists of tokens, symbol by symbol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.data.items import ItemKind
from unrolled.errors import InputError
from unrolled.networks.next_step import Steps
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.parameters.declaration import require
from unrolled.tasks.generation.drawn_pieces import DrawnPiece, DrawnText
from unrolled.tasks.generation.generator_model import GeneratorModel
from unrolled.tasks.generation.generator_parameters import GeneratorParameters, StepKind
from unrolled.tasks.generation.said import Part, Piece, Request, Said

__all__ = ["SaidSymbols", "symbols_drawn"]


class SaidSymbols(Said, frozen=True, forbid_unknown_fields=True, tag="symbols"):
    """Texts, split into characters or words, or lists of tokens."""

    codec: TargetCodec

    step_kind: ClassVar[StepKind] = "symbols"
    unit: ClassVar[str] = "symbols"

    @classmethod
    def long_name(cls, kind: ItemKind) -> str:
        return "text"

    @classmethod
    def fit(cls, pieces: Sequence[Piece], kind: ItemKind, settings: GeneratorParameters) -> SaidSymbols:
        splitting = "given" if kind == "tokens" else _splitting(settings)
        return cls(TargetCodec.fit(pieces, splitting, min_count=settings.min_count, option="min_count"))

    @property
    def item_kind(self) -> ItemKind:
        return "tokens" if self.codec.splitting == "given" else "text"

    @property
    def about(self) -> str:
        return f"{len(self.codec.vocabulary) - 1:,} different symbols"

    @property
    def called(self) -> str:
        return f"{len(self.codec.vocabulary.entries):,} symbols"

    def check_settings(self, settings: GeneratorParameters) -> None:
        splitting, known = self.codec.splitting, (_splitting(settings), "given")
        require("said.codec.splitting", splitting, splitting in known, " or ".join(known))

    def head(self, settings: GeneratorParameters) -> SymbolHeadConfig:
        return SymbolHeadConfig(len(self.codec.vocabulary), settings.embedding_size, settings.tied)

    def encode(self, piece: Piece) -> Steps:
        return self.codec.encode(piece)

    def check_prompt(self, prompt: Piece, steps: Steps) -> None:
        if not steps.all():
            unknown = self.codec.tokens(prompt)[int((steps == 0).argmax())]
            raise InputError(
                f"the prompt holds {unknown!r}, which the model has never read: leave it out, or train on texts that have it"
            )

    def measures(self, pieces: Sequence[Piece], told: Sequence[Values]) -> dict[str, float]:
        every = np.concatenate(told)
        nats = -float(every.mean())
        found = {"nats": nats, "perplexity": float(np.exp(nats))}
        if self.item_kind == "text":
            found["bits_per_character"] = -float(every.sum()) / math.log(2) / sum(map(len, pieces))
        return found

    def draw(self, model: GeneratorModel, request: Request) -> Iterator[Part]:
        texts, in_tokens = ["<unk>", *self.codec.vocabulary.entries], self.item_kind == "tokens"
        rows = [DrawnText(texts, request.stop, in_tokens=in_tokens) for _ in range(request.pieces)]
        return symbols_drawn(model, request, rows, request.most)

    def joined(self, parts: list[Any], prompt: Steps) -> Piece:
        return parts if self.item_kind == "tokens" else "".join(parts)


def _splitting(settings: GeneratorParameters) -> Literal["characters", "words_as_set"]:
    return "characters" if settings.tokens == "characters" else "words_as_set"


def symbols_drawn(model: GeneratorModel, request: Request, rows: Sequence[DrawnPiece], most: int) -> Iterator[Part]:
    """Pieces of at most so many symbols, which ``rows`` turn into parts."""
    head = model.shape.head
    assert isinstance(head, SymbolHeadConfig)
    steps = model.draw(
        request.pieces, request.prompt, request.conditions, request.sampling, max_length=most, seed=request.seed,
        until=lambda row, symbol: symbol != head.end and rows[row](symbol),
    )  # fmt: skip

    def parts() -> Iterator[Part]:
        finished = np.zeros(request.pieces, bool)
        for step in steps:
            finished = step.ended & [not row.stopped for row in rows]
            yield Part([row.taken() for row in rows], step.log_p, finished)
        yield Part([row.rest() for row in rows], np.zeros(request.pieces), finished)

    return parts()
