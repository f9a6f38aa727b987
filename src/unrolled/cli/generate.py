"""``unrolled generate``: texts from a model, as they are drawn or all at once; torch is not needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from unrolled.cli.catalogue import load_model
from unrolled.cli.drawing import (
    DrawingOptions,
    as_condition,
    as_prompt,
    as_text,
    condition_file,
    drawing_arguments,
    say_cut,
    with_prompt,
    write_pieces,
)
from unrolled.cli.messages import say
from unrolled.cli.music_output import notes_of, require_frames, write_midi, write_rolls
from unrolled.cli.numbers_output import says_numbers, steps_of, write_sounds, write_strokes
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places, numbered
from unrolled.cli.shared_options import JsonOption, ModelArgument, output_option
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter
from unrolled.parameters.ranges import Range

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = ["generate"]

WRITTEN = {"--midi": ("music",), "--svg": ("music", "strokes"), "--wav": ("recordings",)}
"""What each option writes."""


class GenerateOptions(DrawingOptions):
    """What is drawn."""

    _title = "Pieces"

    n: Annotated[int, Parameter("How many pieces.", Range(1, 100_000), flag="--n,-n")] = 1
    prompt: Annotated[
        str | None,
        Parameter("What each piece begins with; a file, if that is no text.", unset="nothing", metavar="TEXT"),
    ] = None
    condition: Annotated[
        str | None,
        Parameter(
            "What each piece is to be: a class, or numbers between commas; or a file, .npz or .jsonl, that says it of"
            " each, of which all are drawn, each --n times.",
            unset="none",
            flag="--condition,--class",
            metavar="WHAT",
        ),
    ] = None
    stream: Annotated[bool, Parameter("Whether the piece is printed as it is drawn.")] = False
    upwards: Annotated[bool, Parameter("Whether y of strokes grows upwards in --svg.")] = False
    tempo: Annotated[
        float | None, Parameter("Quarter notes a minute of --midi.", Range(4, 1000), unset="120", metavar="BEATS")
    ] = None


@with_options
def generate(
    model: ModelArgument,
    options: GenerateOptions,
    output: Annotated[
        Path | None, output_option("OUT", "Write the pieces to this file; .csv and .jsonl are tables.")
    ] = None,
    midi: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.mid", help="Write music to this MIDI file; of several pieces each to one with its number."
        ),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="OUT.svg", help="Write a picture of the pieces, music or strokes.")
    ] = None,
    wav: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.wav", help="Write recordings to this WAV file; of several each to one with its number."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw texts, music, strokes or spoken words from a model: from nothing, from a prompt, or of a class.

    For example: unrolled generate shakespeare.safetensors --prompt "ROMEO:" --stream
    """
    outputs = _Outputs(output, midi, svg, wav, as_json)
    outputs.check(options.n, model)
    if options.stream and (not outputs.printed or options.n > 1):
        raise InputError(
            "--stream prints one piece as it is drawn: leave --output, --midi, --svg, --wav, --json and --n out"
        )
    loaded, task = load_model(model)
    if task.name != "generate":
        raise InputError(f"{model} is {task.called}, which draws nothing: run it by unrolled {task.command}")
    _check_kinds(loaded, options, outputs)
    file, condition = condition_file(loaded, options.condition), as_condition(loaded, options.condition)
    if file is not None:
        condition = [each for each in condition for _ in range(options.n)]
        options = replace(options, n=len(condition))
        outputs.check(options.n, file)
        if options.stream:
            condition = _only(condition, file)
    given = drawing_arguments(options) | {"prompt": as_prompt(loaded, options.prompt), "condition": condition}
    if options.stream:
        _stream(loaded, options.prompt, given)
    else:
        _write(loaded, options, given, outputs)


def _only(conditions: list[Any], file: Path) -> Any:
    if len(conditions) > 1:
        raise InputError(
            f"--stream prints one piece as it is drawn, but {file} says what {len(conditions):,} are to be"
        )
    return conditions[0]


class _Outputs(NamedTuple):
    """Where pieces go."""

    table: Path | None
    midi: Path | None
    svg: Path | None
    wav: Path | None
    as_json: bool

    def check(self, pieces: int, read: Path) -> None:
        """Check that all of so many pieces can be written, and that none replaces the file ``read``.

        Raises:
            InputError: one cannot, or does.
        """
        places = {"--output": self.table, "--svg": self.svg}
        check_places(places, [read], as_json=self.as_json)
        for option, path in {"--midi": self.midi, "--wav": self.wav}.items():
            for own in () if path is None else numbered(path, pieces):
                check_places({option: own, **places}, [read], as_json=self.as_json)

    @property
    def printed(self) -> bool:
        """Whether they are printed as they are."""
        return not self.as_json and self[:4] == (None,) * 4


def _check_kinds(model: Model, options: GenerateOptions, outputs: _Outputs) -> None:
    """Check that what is to be written is what the model says, and that nothing that is read would be lost.

    Raises:
        InputError: it is not.
    """
    estimator = model.estimator
    kinds = {"symbols": "texts", "notes": "music", "strokes": "strokes", "values": "numbers"}
    said = {"audio": "recordings", "tokens": "tokens"}.get(estimator.item_kind_, kinds[estimator.step_kind_])
    for option, path in {"--midi": outputs.midi, "--svg": outputs.svg, "--wav": outputs.wav}.items():
        if path is not None and said not in WRITTEN[option]:
            raise InputError(
                f"{option} is for {' and '.join(WRITTEN[option])}, but {model.path} says {said}: leave it out"
            )
    if options.tempo is not None and outputs.midi is None:
        raise InputError("--tempo is that of --midi: give --midi, too, or leave it out")
    if options.upwards and (outputs.svg is None or said != "strokes"):
        raise InputError("--upwards is for strokes in --svg: leave it out")
    if options.prompt is not None and estimator.step_kind_ != "symbols":  # then it is a file
        outputs.check(options.n, Path(options.prompt))


def _stream(model: Model, prompt: str | None, given: dict[str, Any]) -> None:
    """Print the prompt, and what follows it as it is drawn."""
    from unrolled.cli.wording import printable

    music, numbers = model.estimator.notes_ is not None, says_numbers(model)
    between = " | " if music else " " if numbers or model.estimator.item_kind_ == "tokens" else ""
    parts = model.estimator.stream(**given)
    begun = as_text(model, given["prompt"]) if (music or numbers) and prompt else prompt or ""
    sys.stdout.write(printable(begun + (between if prompt else "")))
    for part in parts:
        sys.stdout.write(printable(as_text(model, [part]) if music or numbers else part) + between)
        sys.stdout.flush()
    sys.stdout.write("\n")
    say_cut(model, not parts.finished, 1)


def _write(model: Model, options: GenerateOptions, given: dict[str, Any], outputs: _Outputs) -> None:
    from unrolled.cli.json_report import Report, print_report
    from unrolled.cli.row_files import write_csv, write_json_lines, writing_to

    found, output = model.estimator.draw(options.n, **given), outputs.table
    pieces = [each.piece for each in found]
    if model.estimator.step_kind_ != "symbols":
        pieces = [with_prompt(piece, given["prompt"]) for piece in pieces]
    if outputs.midi is not None:
        require_frames(pieces)
    suffix = "" if output is None else output.suffix

    def rows(*, listed: bool) -> Iterator[dict[str, Any]]:
        for n, (each, piece) in enumerate(zip(found, pieces, strict=True), 1):
            said = _said(model, options.prompt, piece, listed=listed)
            yield {"n": n, **said, "log_p": round(each.log_p, 6), "finished": each.finished}

    if output is not None or outputs.printed:
        writers = {".csv": write_csv, ".jsonl": write_json_lines}
        with writing_to(output) as file:
            writers.get(suffix, write_pieces)(rows(listed=suffix == ".jsonl"), file)
    if outputs.as_json:
        print_report(Report(model.path, rows_are="pieces"), rows(listed=True))
    say_cut(model, sum(not each.finished for each in found), len(found))
    if output is not None:
        say(f"wrote {output} ({len(found):,} piece{'s' * (len(found) > 1)})")
    if outputs.midi is not None:
        write_midi(model, pieces, outputs.midi, options.tempo or 120.0)
    if outputs.wav is not None:
        write_sounds(pieces, outputs.wav)
    if outputs.svg is not None and model.estimator.step_kind_ == "strokes":
        write_strokes(model, pieces, outputs.svg, upwards=options.upwards)
    elif outputs.svg is not None:
        begun = given["prompt"]
        write_rolls(model, pieces, outputs.svg, given=0 if begun is None else len(begun))


def _said(model: Model, prompt: str | None, piece: Any, *, listed: bool) -> dict[str, Any]:
    """A piece: of music lists of notes, of numbers lists of steps, if they are ``listed``, else a text, after its prompt."""
    if model.estimator.step_kind_ == "symbols":
        between = " " if prompt and model.estimator.item_kind_ == "tokens" else ""
        return {"piece": (prompt or "") + between + as_text(model, piece)}
    if not listed or model.estimator.item_kind_ == "audio":
        return {"piece": as_text(model, piece)}
    return {"sequence": steps_of(piece)} if says_numbers(model) else {"notes": notes_of(model, piece)}
