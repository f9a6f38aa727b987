"""``unrolled forecast``: learn from a CSV file and print what follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from unrolled.cli.data_options import TargetOptions
from unrolled.cli.json_report import Report
from unrolled.cli.measures_table import evaluation_as_dict
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption, TableArgument, output_option
from unrolled.cli.task import Destination
from unrolled.parameters.declaration import parameter_values
from unrolled.tasks.forecasting.parameters import ForecasterParameters

__all__ = ["forecast"]


@with_options
def forecast(
    file: TableArgument,
    columns: TargetOptions,
    parameters: ForecasterParameters,
    output: Annotated[Path | None, output_option("OUT.csv", "Write the forecast to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train on a CSV file and print the forecast: a chart and a table, or CSV if the output is piped.

    For example: unrolled forecast passengers.csv -H 12
    """
    from unrolled.cli.forecast_result import ForecastResult, write_forecast
    from unrolled.data.panel import read_panel
    from unrolled.tasks.forecasting.forecaster import Forecaster

    check_places({"--output": output}, [file], as_json=as_json)
    panel = read_panel(file, **parameter_values(columns), missing=parameters.missing)
    forecaster = Forecaster(**parameter_values(parameters)).fit_panel(panel)
    say(*forecaster.inferred_)
    validation = forecaster.validation_
    if validation is not None:
        say(f"mean absolute error on the last steps, kept back: {_errors(validation.accuracy)}")
    measured = None if validation is None else evaluation_as_dict(validation)
    found: dict[str, Any] = {
        "horizon": forecaster.horizon_,
        "season_length": forecaster.season_length_,
        "parts": forecaster.parts_,
        "validation": measured,
    }
    result = ForecastResult(forecaster.predict(), panel, tuple(forecaster.quantiles))
    report = Report(None, file, forecaster.inferred_, found, "forecast")
    write_forecast(result, Destination(output, as_json), report)


def _errors(accuracy: dict[str, Any]) -> str:
    return ", ".join(f"{name} {found.mae:.4g}" for name, found in accuracy.items())
