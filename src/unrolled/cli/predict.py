"""``unrolled predict``: forecast what follows a CSV file with a model trained before; torch is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.options import CsvArgument, MissingOption
from unrolled.cli.output import JsonOption, check_place

__all__ = ["predict"]


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, as written by unrolled fit.")],
    file: CsvArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.csv", help="Write the forecast to this file.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option("--horizon", "-H", metavar="N", help="Steps ahead; default: as trained.")
    ] = None,
    future: Annotated[
        Path | None, typer.Option(metavar="AHEAD.csv", help="The columns known ahead, a row for each step to forecast.")
    ] = None,
    missing: MissingOption = "raise",
    as_json: JsonOption = False,
) -> None:
    """Forecast what follows a CSV file, with a model trained before.

    For example: unrolled predict demo/model.safetensors demo/passengers.csv
    """
    from unrolled.cli.forecast_output import ForecastOutput, write_forecast
    from unrolled.data.panel import read_panel
    from unrolled.tasks import load

    check_place(output)
    forecaster = load(model)
    forecaster.set_params(missing=missing)
    frame = forecaster.predict(file, horizon=horizon, future=future)
    columns = forecaster.columns_
    panel = read_panel(file, columns["target"], columns["time"], columns["series"], missing=missing)
    result = ForecastOutput(frame, panel, tuple(forecaster.quantiles))
    write_forecast(result, output, as_json=as_json, extra={"model": str(model)})
