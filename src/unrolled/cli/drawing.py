"""What ``unrolled generate`` and ``unrolled predict`` do alike with models that say sequences from themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

from unrolled.cli.messages import say
from unrolled.cli.music_output import frames_as_text, music_prompt
from unrolled.cli.numbers_output import numbers_as_text, numbers_prompt, says_numbers
from unrolled.cli.piece_files import conditions_of
from unrolled.cli.wording import printable
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import COUNT, POSITIVE, Range

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = [
    "DrawingOptions", "as_condition", "as_prompt", "as_text", "condition_file", "drawing_arguments", "say_cut", "with_prompt",
    "write_pieces",
]  # fmt: skip


class DrawingOptions(Parameters):
    """How pieces are drawn."""

    _title = "Drawing"

    temperature: Annotated[
        float,
        Parameter("Below 1 the probable becomes more probable, above 1 less.", POSITIVE, metavar="TAU"),
    ] = 1.0
    top_k: Annotated[int | None, Parameter("Only so many most probable symbols are drawn.", COUNT, unset="all")] = None
    top_p: Annotated[
        float,
        Parameter(
            "Only the fewest symbols with this share of the probability are drawn.",
            Range(0, 1, open_low=True),
            metavar="SHARE",
        ),
    ] = 1.0
    max_length: Annotated[
        int | None,
        Parameter(
            "The most symbols, frames or steps that are drawn.",
            COUNT,
            unset="twice the longest piece learned; 1,000 of a long text",
        ),
    ] = None
    seed: Annotated[int | None, Parameter("The same number draws the same.", Range(0), unset="drawn anew")] = None
    stop: Annotated[
        Sequence[str], Parameter("A text before which a piece ends, wherever it comes.", metavar="TEXT")
    ] = ()


def drawing_arguments(options: DrawingOptions) -> dict[str, Any]:
    """The options as :meth:`unrolled.SequenceGenerator.generate` takes them."""
    names = ("temperature", "top_k", "top_p", "max_length", "seed", "stop")
    return {name: getattr(options, name) for name in names}


def as_prompt(model: Model, text: str | None) -> Any:
    """A prompt as the model reads it: a text, the tokens between blanks, or of music and numbers the file that holds it."""
    if text is None:
        return None
    if says_numbers(model):
        return numbers_prompt(model, text)
    if model.estimator.notes_ is not None:
        return music_prompt(model, text)
    return text.split() if model.estimator.item_kind_ == "tokens" else text


def with_prompt(piece: Any, prompt: Any) -> Any:
    """A piece with what it was begun with."""
    import numpy as np

    if prompt is None:
        return piece
    if hasattr(piece, "samples"):
        return type(piece)(np.concatenate([prompt.samples, piece.samples]), piece.rate, piece.name)
    return np.concatenate([prompt, piece])


def condition_file(model: Model, text: str | None) -> Path | None:
    """The file that says what pieces are to be, if a condition is the name of one and of no class."""
    from unrolled.data.pieces import is_of_conditions

    if text is None or model.estimator.condition_kind_ is None or not is_of_conditions(text):
        return None
    classes = model.estimator.classes_
    return None if classes is not None and text in map(str, classes.tolist()) else Path(text)


def as_condition(model: Model, text: str | None) -> Any:
    """A condition as the user writes it: a class by its name, or numbers between commas; of a file one for each piece.

    Raises:
        InputError: it is none of the model's classes, or no numbers, or the file holds something else.
    """
    if text is None or model.estimator.condition_kind_ is None:
        return text
    file = condition_file(model, text)
    if file is not None:
        from unrolled.data.pieces import read_conditions

        return list(conditions_of(model, read_conditions(file, model.estimator.columns_)))
    classes = model.estimator.classes_
    if classes is not None:
        known = {str(each): each for each in classes.tolist()}
        if text not in known:
            raise InputError(f"condition is {text!r}, expected one of {', '.join(known)}")
        return known[text]
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise InputError(
            f"condition is {text!r}, expected {'finite ' * bool(numbers)}numbers between commas, or a file of them, .npz or"
            " .jsonl"
        )
    return numbers


def say_cut(model: Model, cut: int, count: int) -> None:
    """Say how many pieces have no end."""
    if cut and model.estimator.carried_:
        say("what learned one long text knows no end: cut where the most symbols are reached (max_length=)")
    elif cut:
        pieces, has = "pieces" if count > 1 else "piece", "have" if cut > 1 else "has"
        say(f"{cut:,} of {count:,} {pieces} {has} no end: cut where the most symbols are reached (max_length=)")


def as_text(model: Model, piece: Any) -> str:
    """A piece as a text, tokens between blanks, frames of notes between lines, steps of numbers between blanks."""
    if says_numbers(model):
        return numbers_as_text(model, piece)
    if model.estimator.notes_ is not None:
        return frames_as_text(model, piece)
    return piece if isinstance(piece, str) else " ".join(piece)


def write_pieces(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    """Write pieces as they are, each on its own lines, with an empty line between such as have several."""
    for n, row in enumerate(rows):
        text = printable(row["piece"])
        file.write(("\n" if n and "\n" in text else "") + text + "\n")
