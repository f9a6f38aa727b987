"""Files of pieces at the command line: what is said of them, and how they are read for a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters

if TYPE_CHECKING:
    from unrolled.cli.task import Model
    from unrolled.data.example_file import Example, ExampleFile, Examples

__all__ = ["FitPiecesOptions", "PieceFileOptions", "conditions_of", "describe_pieces", "open_known_pieces"]


class PieceFileOptions(Parameters):
    """Of a file of pieces that a model is to judge or to go on from."""

    _title = "Data"

    text: Annotated[str | None, Parameter("The text column.", metavar="COLUMN")] = None
    condition: Annotated[
        str | None,
        Parameter(
            "The column or key of what each piece is to be: a class, or in JSON lines a list of numbers.",
            unset="none",
            metavar="COLUMN",
        ),
    ] = None
    pattern: Annotated[
        str | None,
        Parameter(
            "What each recording is to be, in its name: a regular expression with (?P<label>...).",
            unset="the folder it is in",
            metavar="REGEX",
        ),
    ] = None


class FitPiecesOptions(PieceFileOptions):
    """Of a file of pieces to learn from."""

    lines: Annotated[
        bool, Parameter("Whether each line of plain text is a piece of its own, rather than all of it one long text.")
    ] = False


def open_known_pieces(model: Model, file: Path, options: PieceFileOptions) -> ExampleFile:
    """Open a file of pieces of the kind that a model knows: one long text, or a piece a line; texts are parted at blanks for one
    that says tokens, and rolls are as wide as the model's."""
    from unrolled.data.pieces import PieceOptions, open_pieces

    estimator = model.estimator
    if options.condition is not None and estimator.condition_kind_ is None:
        raise InputError(f"{model.path} was trained without conditions: leave --condition out")
    plain = "whole" if estimator.carried_ else "lines"
    said = PieceOptions(options.text, options.condition, plain, estimator.frame, options.pattern)
    opened = open_pieces(file, said, estimator.columns_)
    if estimator.notes_ is not None and opened.kind == "numbers":
        return replace(opened, examples=(_as_wide(example, estimator.notes_) for example in opened.examples))
    if estimator.item_kind_ != "tokens" or opened.kind != "text":
        return opened

    def parted(example: Example) -> Example:
        return example._replace(item=example.item.split())

    return replace(opened, kind="tokens", examples=map(parted, opened.examples))


def _as_wide(example: Example, notes: int) -> Example:
    """A roll of all MIDI's notes, or of a piano's, with the notes that a model has."""
    from unrolled.data.midi import MidiPiece, columns_of

    return example._replace(item=columns_of(MidiPiece(example.item, name=str(example.place)), notes))


def conditions_of(model: Model, examples: Examples) -> Any:
    """What each piece is to be, as the model knows it; None where it knows of no such thing, or nothing was read."""
    from unrolled.data.targets import as_known_classes, as_vectors

    estimator = model.estimator
    if examples.targets is None or estimator.condition_kind_ is None:
        return None
    if estimator.classes_ is None:
        return as_vectors(examples, estimator.vector_size_)
    return as_known_classes(examples, estimator.classes_)


def describe_pieces(items: list[Any]) -> str:
    """How many pieces, and how long they are.

    >>> describe_pieces(["abc", "a"]), describe_pieces([["a", "b"]])
    ('2 pieces of 1 to 3 characters', '1 piece of 2 tokens')
    """
    if hasattr(items[0], "samples"):
        seconds = [len(item.samples) / item.rate for item in items]
        return f"{len(items):,} recording{'s' * (len(items) != 1)} of {min(seconds):.3g} to {max(seconds):.3g} s"
    unit = {str: "character", list: "token"}.get(type(items[0]), "step")
    if getattr(items[0], "dtype", None) == "uint8":  # zeros and ones of piano rolls
        unit = "frame"
    lengths = [len(item) for item in items]
    low, high = min(lengths), max(lengths)
    span: Callable[[int], str] = "{:,}".format
    size = span(low) if low == high else f"{span(low)} to {span(high)}"
    return f"{len(items):,} piece{'s' * (len(items) != 1)} of {size} {unit}{'s' * (high != 1)}"
