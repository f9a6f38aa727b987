"""``unrolled fit detect``, and what a detector of anomalies finds and how it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.cli.data_options import SeriesOptions, TimeOptions
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import say, show
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import CheckpointOption, JsonOption, ModelOption, TableArgument
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, parameter_values
from unrolled.parameters.ranges import Range
from unrolled.tasks.anomalies.parameters import DetectorParameters

if TYPE_CHECKING:
    from unrolled.tasks.held_out.channels import ChannelData

__all__ = ["TASK"]

WINDOWS = "A file that says when something was wrong (.csv with start and end, or .json)."
SHOWN = 10  # episodes that are listed beside the scores


class ChannelOptions(TimeOptions):
    """Of a table with a column a channel."""

    values: Annotated[
        Sequence[str], Parameter("A column to watch; if none is given, all that are numeric.", metavar="COLUMN")
    ] = ()


class KnownTroubleOptions(ChannelOptions):
    """Of a table with a column a channel, and the windows in which something was wrong."""

    windows: Annotated[Path | None, Parameter(WINDOWS, metavar="WINDOWS")] = None


class ThresholdOptions(SeriesOptions):
    """Options of ``unrolled predict`` and ``unrolled evaluate`` for detectors."""

    _title = "Detectors"

    threshold: Annotated[
        float | None, Parameter("The alarm threshold.", Range(0), unset="as calibrated", metavar="SCORE")
    ] = None


class AlarmOptions(ThresholdOptions):
    """Options of ``unrolled predict`` for detectors."""

    windows: Annotated[Path | None, Parameter("A file to write the episodes of alarms to.", metavar="OUT.csv")] = None


class KnownWindowsOptions(ThresholdOptions):
    """Options of ``unrolled evaluate`` for detectors."""

    windows: Annotated[
        Path | None,
        Parameter(WINDOWS, metavar="WINDOWS"),
    ] = None


@with_options
def fit_detect(
    file: TableArgument,
    columns: ChannelOptions,
    parameters: DetectorParameters,
    output: ModelOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train an anomaly detector on a CSV file in which all, or nearly all, is normal.

    For example: unrolled fit detect pump.csv --false-alarm-every 90d
    """
    from unrolled.tasks.anomalies.detector import AnomalyDetector

    files = FitFiles(file, output, checkpoint, as_json)
    files.check()
    detector = AnomalyDetector(**parameter_values(parameters))
    detector.fit(file, **parameter_values(columns), checkpoint=checkpoint)
    say(*detector.inferred_)
    found = detector.calibration_
    files.finish(
        detector,
        detector.inferred_,
        {"channels": detector.channels_, **vars(found)},
        f"watches {', '.join(detector.channels_)}\nan alarm is a score above {found.threshold:.3g}: one episode without cause"
        f" is expected in {found.every:,} steps ({'counted in' if found.method == 'counted' else 'extrapolated from'} the last"
        f" {found.steps:,}, which were not learned from)",
    )


def channel_data(file: Path, options: KnownTroubleOptions, values: Mapping[str, Any]) -> ChannelData:
    """Channels to try several detectors on, whose alarms are compared with windows of known trouble."""
    from unrolled.data.anomaly_windows import read_anomaly_windows
    from unrolled.data.channels import read_channels
    from unrolled.tasks.held_out.channels import ChannelData

    if options.windows is None:
        raise InputError("detectors are compared by known windows of trouble: name the file of them with --windows")
    known = read_anomaly_windows(options.windows, file.name)
    channels = read_channels(
        file, options.values, options.time, missing=values.get("missing", "raise"), time_format=options.time_format
    )
    say(*channels.inferred)
    return ChannelData.of(channels, known, values, source=str(file))


def predict_scores(model: Model, file: Path, options: AlarmOptions, destination: Destination) -> None:
    """Write score, threshold and alarm of each row; the episodes of alarms are listed beside them."""
    from unrolled.cli.row_files import writing_to
    from unrolled.runtime.atomic_write import write_atomically

    detector = _prepared(model, options)
    channels = detector.read(file)
    scored = detector.read_and_score(channels)
    frame = detector.predict(scored, threshold=options.threshold)
    model.measure(channels)
    windows = detector.windows(scored, threshold=options.threshold)
    if options.windows is not None:
        write_atomically(options.windows, windows.write_csv().encode())
        say(f"wrote {options.windows} ({len(windows)} episodes)")
    else:
        say(*_episode_lines(windows))
    if destination.as_json:
        print_report(Report(model.path, file, (), {"windows": windows.to_dicts()}, "scores"), frame.to_dicts())
    if destination.file is not None or not destination.as_json:
        with writing_to(destination.file) as out:
            out.write(frame.write_csv())
    if destination.file is not None:
        say(f"wrote {destination.file} ({len(frame)} rows)")


def _episode_lines(windows: Any) -> list[str]:
    if not len(windows):
        return ["no alarms"]
    lines = [f"{len(windows)} episode{'s' * (len(windows) > 1)} of alarms, by their highest score"]
    for row in windows.sort("peak", descending=True).head(SHOWN).to_dicts():
        channel = f" in {row['channel']}" if "channel" in row else ""
        lines.append(f"  {row['start']} to {row['end']}: {row['peak']:.3g}{channel}")
    left = len(windows) - SHOWN
    return [*lines, f"  and {left} more; --windows FILE writes all of them"] if left > 0 else lines


def evaluate_alarms(model: Model, file: Path, options: KnownWindowsOptions, as_json: bool) -> None:
    """Print which windows were found, and precision and recall of the episodes of alarms."""
    from unrolled.data.anomaly_windows import read_anomaly_windows

    if options.windows is None:
        raise InputError(
            f"{model.path} is a detector: name the file of windows in which something was wrong with --windows"
        )
    known = read_anomaly_windows(options.windows, file.name)
    found = _prepared(model, options).evaluate(file, known, threshold=options.threshold)
    if as_json:
        measures = {"precision": found.precision, "recall": found.recall}
        print_report(Report(model.path, file, found={**vars(found), **measures}))
        return
    show(f"{file}: {found}")
    for (start, end), was_found in zip(known, found.found, strict=True):
        show(f"  {start} to {end}: {'found' if was_found else 'missed'}")


def _prepared(model: Model, options: SeriesOptions) -> Any:
    model.estimator.set_params(missing=options.missing or "raise")
    return model.estimator


def known_channels(model: Model, file: Path, options: SeriesOptions) -> Known:
    """The channels of a table."""
    return Known(_prepared(model, options).read(file), [], [])


TASK = Task(
    name="detect",
    estimator="AnomalyDetector",
    called="a detector",
    fit=fit_detect,
    predict=predict_scores,
    predict_options=AlarmOptions,
    evaluate=evaluate_alarms,
    evaluate_options=KnownWindowsOptions,
    known=known_channels,
    known_options=SeriesOptions,
    data=channel_data,
    data_options=KnownTroubleOptions,
    writes=frozenset({"windows"}),
)
