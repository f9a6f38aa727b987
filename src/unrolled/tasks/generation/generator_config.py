"""Everything of a fitted generator but its arrays."""

from __future__ import annotations

from typing import TypeAlias

from unrolled.codecs.conditions import ConditionCodec
from unrolled.codecs.ranges import Count
from unrolled.networks.next_step import NextStepConfig
from unrolled.tasks.generation.generator_parameters import StepKind
from unrolled.tasks.generation.said import Said
from unrolled.tasks.generation.said_notes import SaidNotes
from unrolled.tasks.generation.said_numbers import SaidNumbers, SaidStrokes
from unrolled.tasks.generation.said_symbols import SaidSymbols
from unrolled.tasks.item_estimator import ExampleConfig

__all__ = ["SAID", "GeneratorConfig"]

AnySaid: TypeAlias = SaidSymbols | SaidNotes | SaidStrokes | SaidNumbers

SAID: dict[StepKind, type[Said]] = {
    "symbols": SaidSymbols, "notes": SaidNotes, "strokes": SaidStrokes, "values": SaidNumbers,
}  # fmt: skip
"""Of each kind of steps what says it."""


class GeneratorConfig(ExampleConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model file holds."""

    shape: NextStepConfig
    said: AnySaid
    """What turns pieces into steps, and steps into pieces."""
    condition: ConditionCodec | None = None
    carried: bool
    """Whether it learned one long piece, which has no end."""
    longest: Count
    """Symbols of the longest piece, or its frames or steps."""
