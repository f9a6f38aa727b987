"""Strokes, other numbers and recordings that were drawn, at the command line: as text, as lists, as pictures and as sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.messages import say
from unrolled.cli.output_files import write_each
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = [
    "numbers_as_text", "numbers_prompt", "says_numbers", "steps_of", "write_sounds", "write_strokes",
]  # fmt: skip


def says_numbers(model: Model) -> bool:
    """Whether pieces are strokes, other numbers or recordings."""
    return model.estimator.step_kind_ in ("strokes", "values")


def numbers_as_text(model: Model, piece: Any) -> str:
    """The steps between blanks, such as ``1,0.5 2,0.5``; of strokes a bar where the pen is lifted, of recordings their length."""
    if model.estimator.item_kind_ == "audio":
        return f"{len(piece.samples) / piece.rate:.3g} s"
    if model.estimator.step_kind_ != "strokes":
        return " ".join(",".join(f"{number:.6g}" for number in step) for step in piece)
    points = (f"{x:.6g},{y:.6g}{' |' if lifted else ''}" for x, y, lifted in piece)
    return " ".join(points)


def steps_of(piece: Any) -> list[list[float]]:
    """The steps as JSON lines of sequences have them."""
    return [[float(f"{number:.6g}") for number in step] for step in piece]


def numbers_prompt(model: Model, text: str) -> Any:
    """The piece that a file holds, as the model reads it.

    Raises:
        InputError: it holds none, or several.
    """
    from unrolled.data.examples import open_examples

    with open_examples(Path(text), wanted="nothing") as opened:
        items = opened.read().items
    if len(items) != 1:
        raise InputError(f"prompt {text} holds {len(items)} pieces, expected one")
    return items[0]


def write_strokes(model: Model, pieces: Sequence[Any], path: Path, *, upwards: bool) -> None:
    """Write a picture of all pieces, side by side."""
    from unrolled.charts.chart import Chart
    from unrolled.charts.strokes import strokes_figure
    from unrolled.codecs.strokes import positions_of

    places = [piece if model.estimator.positions else positions_of(piece) for piece in pieces]
    Chart(strokes_figure(places, label=f"{len(places)} drawn by {model.path.name}", upwards=upwards)).save(path)
    say(f"wrote {path}")


def write_sounds(pieces: Sequence[Any], path: Path) -> None:
    """Write each recording to a file, of several with a number in its name."""
    from unrolled.data.wav_writing import wav_bytes

    write_each([wav_bytes(piece.samples, piece.rate) for piece in pieces], path)
