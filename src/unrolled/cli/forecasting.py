"""``unrolled fit forecast``, and what a forecaster predicts and how it is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unrolled.cli.measures import evaluation_as_dict
from unrolled.cli.options import (
    CellOption,
    CheckpointOption,
    CsvArgument,
    DistributionOption,
    FutureOption,
    HiddenSizeOption,
    HorizonOption,
    IntervalsOption,
    MaxEpochsOption,
    MembersOption,
    MethodOption,
    MissingOption,
    ModelOption,
    PastOption,
    SeasonOption,
    SeedOption,
    SeriesOption,
    StaticOption,
    TargetOption,
    TimeFormatOption,
    TimeOption,
    make_forecaster,
)
from unrolled.cli.output import JsonOption, say, show
from unrolled.cli.places import check_places, model_path, print_with_model
from unrolled.cli.progress import TrainingBar
from unrolled.cli.report import Report, print_report
from unrolled.cli.task import Model, Task

__all__ = ["FORECAST"]


def fit_forecast(
    file: CsvArgument,
    target: TargetOption = None,
    time: TimeOption = None,
    time_format: TimeFormatOption = None,
    series: SeriesOption = None,
    past: PastOption = [],  # noqa: B006, typer reads it and never changes it
    future: FutureOption = [],  # noqa: B006
    static: StaticOption = [],  # noqa: B006
    horizon: HorizonOption = None,
    output: ModelOption = None,
    missing: MissingOption = "raise",
    method: MethodOption = "auto",
    distribution: DistributionOption = "quantiles",
    intervals: IntervalsOption = "model",
    cell: CellOption = "gru",
    hidden_size: HiddenSizeOption = None,
    members: MembersOption = None,
    max_epochs: MaxEpochsOption = None,
    season_length: SeasonOption = None,
    random_state: SeedOption = 0,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a forecaster on a CSV file and write it to one model file.

    For example: unrolled fit forecast passengers.csv --target passengers --time month --horizon 12
    """
    path = output or model_path(file)
    check_places({"--output": path, "--checkpoint": checkpoint}, [file], as_json=as_json)
    with TrainingBar() as bar:
        forecaster = make_forecaster(
            callback=bar,
            random_state=random_state,
            season_length=season_length,
            horizon=horizon,
            missing=missing,
            method=method,
            distribution=distribution,
            intervals=intervals,
            cell=cell,
            hidden_size=hidden_size,
            members=members,
            max_epochs=max_epochs,
        )
        forecaster.fit(
            file,
            target=target,
            time=time,
            series=series,
            past=past,
            future=future,
            static=static,
            time_format=time_format,
            checkpoint=checkpoint,
        )
    say(*forecaster.inferred_)
    forecaster.save(path)
    validation = forecaster.validation_
    if as_json:
        found = {
            "horizon": forecaster.horizon_,
            "season_length": forecaster.season_length_,
            "epochs": forecaster.epochs_,
        }
        measured = {"validation": None if validation is None else evaluation_as_dict(validation)}
        print_report(Report(path, file, forecaster.inferred_, {**found, **measured}))
        return
    if validation is None:
        verdict = "The series are too short to keep some steps back, so how well it forecasts is not known."
    else:
        verdict = f"On the last {validation.horizon} steps, kept back from the model that forecast them:\n{validation}"
    print_with_model(path, file, verdict)


def predict_forecast(model: Model, file: Path, options: Any) -> None:
    """Print what follows a file: a chart and a table, or CSV into a pipe or file."""
    from unrolled.cli.forecast_output import ForecastOutput, write_forecast

    forecaster, missing = model.estimator, options.missing or "raise"
    forecaster.set_params(missing=missing)
    panel = forecaster.read(file)
    frame = forecaster.predict(panel, horizon=options.horizon, future=options.future)
    result = ForecastOutput(frame, panel, tuple(forecaster.quantiles))
    write_forecast(
        result, options.output, as_json=options.as_json, report=Report(model.path, file, rows_are="forecast")
    )


def evaluate_forecast(model: Model, file: Path, options: Any) -> None:
    """Forecast the last steps of a file from those before, and print how far off it was."""
    model.estimator.set_params(missing=options.missing or "raise")
    evaluation = model.estimator.evaluate(file)
    if options.as_json:
        print_report(Report(model.path, file, found=evaluation_as_dict(evaluation)))
        return
    show(f"{file}: its last {evaluation.horizon} steps, from those before")
    show(evaluation)


FORECAST = Task(
    name="forecast",
    estimator="Forecaster",
    called="a forecaster",
    fit=fit_forecast,
    predict=predict_forecast,
    evaluate=evaluate_forecast,
    takes=frozenset({"horizon", "future", "missing"}),
)
