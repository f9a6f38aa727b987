"""``unrolled forecast``: learn from a CSV file and print what follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from unrolled.cli.measures import evaluation_as_dict
from unrolled.cli.options import (
    CellOption,
    CsvArgument,
    DistributionOption,
    HiddenSizeOption,
    HorizonOption,
    IntervalsOption,
    MaxEpochsOption,
    MembersOption,
    MethodOption,
    MissingOption,
    SeasonOption,
    SeedOption,
    SeriesOption,
    TargetOption,
    TimeFormatOption,
    TimeOption,
    make_forecaster,
)
from unrolled.cli.output import JsonOption, say
from unrolled.cli.places import check_places, output_option
from unrolled.cli.progress import TrainingBar
from unrolled.cli.report import Report

__all__ = ["forecast"]


def forecast(
    file: CsvArgument,
    horizon: HorizonOption = None,
    target: TargetOption = None,
    time: TimeOption = None,
    time_format: TimeFormatOption = None,
    series: SeriesOption = None,
    output: Annotated[Path | None, output_option("OUT.csv", "Write the forecast to this file.")] = None,
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
    as_json: JsonOption = False,
) -> None:
    """Train on a CSV file and print the forecast: a chart and a table, or CSV if the output is piped.

    For example: unrolled forecast passengers.csv -H 12
    """
    from unrolled.cli.forecast_output import ForecastOutput, write_forecast
    from unrolled.data.panel import read_panel

    check_places({"--output": output}, [file], as_json=as_json)
    panel = read_panel(file, target, time, series, missing=missing, time_format=time_format)
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
        forecaster.fit_panel(panel)
    say(*forecaster.inferred_)
    validation = forecaster.validation_
    if validation is not None:
        say(f"mean absolute error on the last {validation.horizon} steps, kept back: {_errors(validation.accuracy)}")
    result = ForecastOutput(forecaster.predict(), panel, tuple(forecaster.quantiles))
    measured = None if validation is None else evaluation_as_dict(validation)
    found = {"horizon": forecaster.horizon_, "season_length": forecaster.season_length_, "validation": measured}
    report = Report(None, file, forecaster.inferred_, found, "forecast")
    write_forecast(result, output, as_json=as_json, report=report)


def _errors(accuracy: dict[str, Any]) -> str:
    return ", ".join(f"{name} {found.mae:.4g}" for name, found in accuracy.items())
