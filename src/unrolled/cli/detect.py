"""``unrolled fit detect``, and what a detector of anomalies finds and how it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.example_options import (
    CellOption,
    DropoutOption,
    HiddenSizeOption,
    LayersOption,
    LearningRateOption,
    MaxEpochsOption,
    MembersOption,
    NormOption,
    RandomStateOption,
    network_option,
    training_option,
    values_of,
)
from unrolled.cli.option_groups import with_groups
from unrolled.cli.options import CheckpointOption, CsvArgument, MissingOption, ModelOption, TimeFormatOption, TimeOption
from unrolled.cli.output import JsonOption, say, show
from unrolled.cli.places import check_places, model_path, print_with_model
from unrolled.cli.progress import TrainingBar
from unrolled.cli.report import Report, print_report
from unrolled.cli.task import Model, Task
from unrolled.errors import InputError

__all__ = ["DETECT"]

SHOWN = 10  # episodes that are listed beside the scores
SPANS = ("window", "horizon", "smoothing", "merge", "false_alarm_every")


def _alarm_option(text: str, metavar: str) -> Any:
    return typer.Option(metavar=metavar, help=text, rich_help_panel="Alarms")


@dataclass(frozen=True)
class DetectOptions:
    """Parameters of :class:`unrolled.AnomalyDetector`; spans are steps, or times such as 12h."""

    method: Annotated[
        str,
        network_option(
            "What each step is compared with: a forecast, or a reconstruction of the window.", metavar="METHOD"
        ),
    ] = "forecast"
    cell: CellOption = "gru"
    hidden_size: HiddenSizeOption = 32
    num_layers: LayersOption = 1
    window: Annotated[
        str | None,
        network_option("Window length: steps, or a time such as 12h; default: from the season.", metavar="SPAN"),
    ] = None
    horizon: Annotated[
        str | None, network_option("How far ahead to forecast; default: the window length.", metavar="SPAN")
    ] = None
    code_size: Annotated[int | None, network_option("Size of the code from which a window is reconstructed.")] = None
    seasons: Annotated[
        list[int] | None, network_option("Steps per season; repeatable; default: from the time stamps.", "--season")
    ] = None
    smoothing: Annotated[
        str | None, _alarm_option("Scores are averaged over this span; default: an eighth of the window.", "SPAN")
    ] = None
    merge: Annotated[
        str | None, _alarm_option("Alarms no further apart than this form one episode; default: a day.", "SPAN")
    ] = None
    false_alarm_every: Annotated[
        str, _alarm_option("Accept one false alarm in this span: steps, or a time such as 90d.", "SPAN")
    ] = "10000"
    calibration_fraction: Annotated[
        float, _alarm_option("Share at the end of FILE that sets the threshold and is not trained on.", "SHARE")
    ] = 0.3
    members: MembersOption = 3
    dropout: DropoutOption = 0.1
    max_epochs: MaxEpochsOption = 40
    batch_size: Annotated[int, training_option("Batch size, in stretches of the series.")] = 32
    learning_rate: LearningRateOption = 0.01
    clip_norm: NormOption = 1.0
    random_state: RandomStateOption = 0


@with_groups
def fit_detect(
    file: CsvArgument,
    options: DetectOptions,
    values: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column to watch; repeatable; default: all numeric columns."),
    ] = None,
    time: TimeOption = None,
    time_format: TimeFormatOption = None,
    missing: MissingOption = "raise",
    output: ModelOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train an anomaly detector on a CSV file in which all, or nearly all, is normal.

    For example: unrolled fit detect pump.csv --false-alarm-every 90d
    """
    from unrolled.tasks.anomalies.detector import AnomalyDetector

    path = output or model_path(file)
    check_places({"--output": path, "--checkpoint": checkpoint}, [file], as_json=as_json)
    given: dict[str, Any] = {
        name: _span(value) if name in SPANS else value for name, value in values_of(options).items()
    }
    given["missing"] = missing
    with TrainingBar() as bar:
        detector = AnomalyDetector(**given, callback=bar)
        detector.fit(file, values=values or (), time=time, time_format=time_format, checkpoint=checkpoint)
    say(*detector.inferred_)
    detector.save(path)
    found = detector.calibration_
    if as_json:
        print_report(Report(path, file, detector.inferred_, {"channels": detector.channels_, **vars(found)}))
        return
    print_with_model(
        path,
        file,
        f"watches {', '.join(detector.channels_)}\nan alarm is a score above {found.threshold:.3g}: one episode without cause"
        f" is expected in {found.every:,} steps ({'counted in' if found.method == 'counted' else 'extrapolated from'} the last"
        f" {found.steps:,}, which were not learned from)",
    )


def _span(text: str | None) -> str | int | None:
    """A number of steps, or a span of time, which the estimator reads."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else text


def predict_scores(model: Model, file: Path, options: Any) -> None:
    """Write score, threshold and alarm of each row; the episodes of alarms are listed beside them."""
    from unrolled.cli.rows import writing_to
    from unrolled.runtime.atomic_write import write_atomically

    detector = _prepared(model, options)
    channels = detector.read(file)
    frame = detector.predict(channels, threshold=options.threshold)
    windows = detector.windows(channels, threshold=options.threshold)
    if options.windows is not None:
        write_atomically(options.windows, windows.write_csv().encode())
        say(f"wrote {options.windows} ({len(windows)} episodes)")
    else:
        say(*_episode_lines(windows))
    if options.as_json:
        print_report(Report(model.path, file, (), {"windows": windows.to_dicts()}, "scores"), frame.to_dicts())
    if options.output is not None or not options.as_json:
        with writing_to(options.output) as out:
            out.write(frame.write_csv())
    if options.output is not None:
        say(f"wrote {options.output} ({len(frame)} rows)")


def _episode_lines(windows: Any) -> list[str]:
    if not len(windows):
        return ["no alarms"]
    lines = [f"{len(windows)} episode{'s' * (len(windows) > 1)} of alarms, by their highest score"]
    for row in windows.sort("peak", descending=True).head(SHOWN).to_dicts():
        channel = f" in {row['channel']}" if "channel" in row else ""
        lines.append(f"  {row['start']} to {row['end']}: {row['peak']:.3g}{channel}")
    left = len(windows) - SHOWN
    return [*lines, f"  and {left} more; --windows FILE writes all of them"] if left > 0 else lines


def evaluate_alarms(model: Model, file: Path, options: Any) -> None:
    """Print which windows were found, and precision and recall of the episodes of alarms."""
    from unrolled.data.anomaly_windows import read_anomaly_windows

    if options.windows is None:
        raise InputError(
            f"{model.path} is a detector: name the file of windows in which something was wrong with --windows"
        )
    known = read_anomaly_windows(options.windows, file.name)
    found = _prepared(model, options).evaluate(file, known, threshold=options.threshold)
    if options.as_json:
        measures = {"precision": found.precision, "recall": found.recall}
        print_report(Report(model.path, file, found={**vars(found), **measures}))
        return
    show(f"{file}: {found}")
    for (start, end), was_found in zip(known, found.found, strict=True):
        show(f"  {start} to {end}: {'found' if was_found else 'missed'}")


def _prepared(model: Model, options: Any) -> Any:
    model.estimator.set_params(missing=options.missing or "raise")
    return model.estimator


DETECT = Task(
    name="detect",
    estimator="AnomalyDetector",
    called="a detector",
    fit=fit_detect,
    predict=predict_scores,
    evaluate=evaluate_alarms,
    takes=frozenset({"missing", "threshold", "windows"}),
)
