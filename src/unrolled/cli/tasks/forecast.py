"""``unrolled fit forecast``, and what a forecaster predicts and how it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.cli.data_options import SeriesOptions, TargetOptions
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.measures_table import evaluation_as_dict
from unrolled.cli.messages import say, show
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import CheckpointOption, JsonOption, ModelOption, TableArgument
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.parameters.declaration import Parameter, parameter_values
from unrolled.parameters.ranges import COUNT
from unrolled.tasks.forecasting.parameters import ForecasterParameters

if TYPE_CHECKING:
    from unrolled.tasks.held_out.series import SeriesData

__all__ = ["TASK"]


class CovariateOptions(TargetOptions):
    """Of a table with columns that are known beside the series."""

    past: Annotated[Sequence[str], Parameter("A numeric column known up to the present.", metavar="COLUMN")] = ()
    future: Annotated[Sequence[str], Parameter("A numeric column known in advance.", metavar="COLUMN")] = ()
    static: Annotated[
        Sequence[str], Parameter("A numeric column that is constant for each series.", metavar="COLUMN")
    ] = ()


class HorizonOptions(SeriesOptions):
    """Options of ``unrolled predict`` for forecasters."""

    _title = "Forecasters"

    horizon: Annotated[
        int | None, Parameter("Number of steps to forecast.", COUNT, unset="as in training", flag="-H,--horizon")
    ] = None
    future: Annotated[
        Path | None,
        Parameter("A file with the columns known in advance, one row per step to forecast.", metavar="AHEAD.csv"),
    ] = None


@with_options
def fit_forecast(
    file: TableArgument,
    columns: CovariateOptions,
    parameters: ForecasterParameters,
    output: ModelOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a forecaster on a CSV file and write it to one model file.

    For example: unrolled fit forecast passengers.csv --target passengers --time month --horizon 12
    """
    from unrolled.tasks.forecasting.forecaster import Forecaster

    files = FitFiles(file, output, checkpoint, as_json)
    files.check()
    forecaster = Forecaster(**parameter_values(parameters))
    forecaster.fit(file, **parameter_values(columns), checkpoint=checkpoint)
    say(*forecaster.inferred_)
    validation = forecaster.validation_
    found = {
        "horizon": forecaster.horizon_,
        "season_length": forecaster.season_length_,
        "epochs": forecaster.epochs_,
        "parts": forecaster.parts_,
        "validation": None if validation is None else evaluation_as_dict(validation),
    }
    if validation is None:
        verdict = "The series are too short to keep some steps back, so how well it forecasts is not known."
    else:
        verdict = f"On the last steps, kept back from the model that forecast them:\n{validation}"
    files.finish(forecaster, forecaster.inferred_, found, verdict)


def series_data(file: Path, options: CovariateOptions, values: Mapping[str, Any]) -> SeriesData:
    """Series to try several forecasters on."""
    from unrolled.data.panel import read_panel
    from unrolled.tasks.held_out.series import SeriesData

    panel = read_panel(file, **parameter_values(options), missing=values.get("missing", "raise"), minimum_rows=1)
    say(*panel.inferred)
    return SeriesData.of(panel, values, source=str(file))


def predict_forecast(model: Model, file: Path, options: HorizonOptions, destination: Destination) -> None:
    """Print what follows a file: a chart and a table, or CSV into a pipe or file."""
    from unrolled.cli.forecast_result import ForecastResult, write_forecast

    forecaster = model.estimator.set_params(missing=options.missing or "raise")
    panel = forecaster.read(file)
    frame = forecaster.predict(panel, horizon=options.horizon, future=options.future)
    model.measure(panel, options.future)
    result = ForecastResult(frame, panel, tuple(forecaster.quantiles))
    write_forecast(result, destination, Report(model.path, file, rows_are="forecast"))


def evaluate_forecast(model: Model, file: Path, options: SeriesOptions, as_json: bool) -> None:
    """Forecast the last steps of a file from those before, and print how far off it was."""
    evaluation = model.estimator.set_params(missing=options.missing or "raise").evaluate(file)
    if as_json:
        print_report(Report(model.path, file, found=evaluation_as_dict(evaluation)))
        return
    show(f"{file}: its last {evaluation.horizon} steps, from those before")
    show(evaluation)


def known_series(model: Model, file: Path, options: SeriesOptions) -> Known:
    """The series of a table."""
    panel = model.estimator.set_params(missing=options.missing or "raise").read(file)
    return Known(panel, [], list(panel.inferred))


TASK = Task(
    name="forecast",
    estimator="Forecaster",
    called="a forecaster",
    fit=fit_forecast,
    predict=predict_forecast,
    predict_options=HorizonOptions,
    evaluate=evaluate_forecast,
    evaluate_options=SeriesOptions,
    known=known_series,
    known_options=SeriesOptions,
    data=series_data,
    data_options=CovariateOptions,
)
