"""``unrolled transcribe``: recordings in, what is said in them out; torch is not needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.answers import as_text
from unrolled.cli.catalogue import load_model
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import show
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.row_files import write_csv, write_json_lines, writing_to
from unrolled.cli.shared_options import JsonOption, ModelArgument, output_option
from unrolled.cli.task import Model
from unrolled.cli.transcripts import SearchOptions, heard_rows, search_anew
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter

if TYPE_CHECKING:
    from unrolled.data.wav import Waveform

__all__ = ["transcribe"]

PART = 0.1  # seconds of a recording that a stream hears at once


class HearingOptions(SearchOptions):
    """Options of ``unrolled transcribe``."""

    times: Annotated[
        bool, Parameter("Whether each symbol is written with its start, its end and how sure the model is.")
    ] = False
    stream: Annotated[
        bool,
        Parameter(
            f"Whether each recording is heard in parts of {PART} seconds, and what was said so far is shown when it changes."
        ),
    ] = False


@with_options
def transcribe(
    model: ModelArgument,
    options: HearingOptions,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="WAV files, or folders of them.")],
    output: Annotated[Path | None, output_option("OUT", "Write the transcripts to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write down what is said in recordings: of one a line, of several a table.

    For example: unrolled transcribe digits.safetensors call.wav --times
    """
    from unrolled.data.wav import read_wav, wav_files

    check_places({"--output": output}, [model, *files], as_json=as_json)
    loaded, task = load_model(model)
    if task.name != "transcribe":
        raise InputError(f"{model} is {task.called}, which transcribes nothing: run it by unrolled {task.command}")
    if loaded.estimator.item_kind_ != "audio":
        raise InputError(f"{model} reads steps of numbers, not recordings: run it by unrolled predict")
    search_anew(loaded, options)
    places = [each for file in files for each in (wav_files(file) if file.is_dir() else [file])]
    if options.stream and (options.times or as_json or output is not None):
        raise InputError("--stream shows what is said as it is heard: leave --times, --json and --output out")
    if options.stream:
        for place in places:
            _listen(loaded, read_wav(place), named=len(places) > 1)
        return

    def rows() -> Iterator[dict[str, Any]]:
        for place in places:
            found = loaded.estimator.transcribe([read_wav(place)])[0]
            yield from heard_rows({"file": str(place)}, found, times=options.times)

    heard = list(rows()) if as_json else []
    if as_json:
        print_report(Report(model, files[0] if len(files) == 1 else None, rows_are="transcripts"), heard)
        if output is None:
            return
    if output is None and len(places) == 1 and not options.times:
        show(next(rows())["transcript"])
        return
    writer = write_json_lines if output is not None and output.suffix == ".jsonl" else write_csv
    with writing_to(output) as out:
        writer(heard if as_json else rows(), out)


def _listen(model: Model, waveform: Waveform, *, named: bool) -> None:
    """Show the seconds heard and what was said in them, whenever that changes."""
    stream, said = model.estimator.stream(), ""
    if named:
        show(f"{waveform.name}:")
    size = max(1, round(PART * waveform.rate))
    model.estimator.model_.inputs.features.check_rate(waveform.rate, waveform.name)
    for at in range(0, len(waveform.samples), size):
        part = waveform.samples[at : at + size]
        now = as_text(stream.push(part))
        if now != said:
            said = now
            show(f"{(at + len(part)) / waveform.rate:.1f}\t{said}")
    final = as_text(stream.finish().target)
    if final != said:
        show(f"{len(waveform.samples) / waveform.rate:.1f}\t{final}")
