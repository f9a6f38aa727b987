"""``unrolled demo``: a GRU learns the airline series, is held against the year it has not seen, and shows its work."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.json_report import Report, print_report
from unrolled.cli.measures_table import evaluation_as_dict
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameters, declared
from unrolled.parameters.training import TrainingParameters

if TYPE_CHECKING:
    from unrolled.charts.figures import Interval
    from unrolled.metrics.forecasts import Evaluation
    from unrolled.tasks.forecasting.forecaster import Forecaster

__all__ = ["airline_forecaster", "demo"]

HELD_OUT = 12
SHOWN = 60  # months before the forecast on the page


@dataclass(frozen=True)
class Result:
    """What the demo found."""

    forecaster: Forecaster
    interval: Interval
    evaluation: Evaluation
    seconds: float


class SeedOption(Parameters):
    """The demo's only parameter."""

    random_state: Annotated[int | None, declared(TrainingParameters)["random_state"].about] = None


@with_options
def demo(
    seed: SeedOption,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder for the model, the page and the data.")
    ] = Path("demo"),
    as_json: JsonOption = False,
) -> None:
    """Train a GRU on airline passengers and forecast a year it has not seen.

    Prints a chart and the errors next to those of simple methods, and writes the model, the data and a page. The
    data are 144 monthly totals, 1949 to 1960 (Box and Jenkins 1976, Series G); the last 12 are held out. Beside them
    it writes a small file for every task, made up, to try the other commands on: reviews, engines, sentences, a pump, tones.
    """
    files = {"model": output / "model.safetensors", "data": output / "passengers.csv", "page": output / "index.html"}
    _make_folder(output, files, as_json=as_json)
    if not as_json:
        print("A GRU learns the monthly airline passengers of 1949-1959 and forecasts 1960.")
    result = _learn(seed.random_state)
    _write(files, output, result)
    if as_json:
        found = {
            "files": {name: str(file) for name, file in files.items()},
            "seconds": result.seconds,
            "epochs": result.forecaster.epochs_,
            "evaluation": evaluation_as_dict(result.evaluation),
        }
        report = Report(files["model"], files["data"], result.forecaster.inferred_, found, "forecast")
        print_report(report, result.forecaster.predict().to_dicts())
        return
    _show(result)
    print(
        f"\nThe model:  {files['model']}\nThe data:   {files['data']}, and some for every other task beside it"
        f"\nAs a page:  {files['page']}, for a browser"
    )
    print("\nNext:")
    for command in _next_commands(output):
        print(f"  {command}")


def airline_forecaster(random_state: int | None) -> Forecaster:
    """The forecaster that learns the series."""
    from unrolled.tasks.forecasting.forecaster import Forecaster

    return Forecaster(random_state=random_state, horizon=HELD_OUT, cell="gru_reset_before")


def _make_folder(folder: Path, files: dict[str, Path], *, as_json: bool) -> None:
    """A folder that is new, or in which a demo has written: files of the user's are not replaced."""
    from unrolled.cli.demo_data import demo_files

    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write to {folder}: it is not a folder; choose another with -o")
    data = {folder / name: content for name, content in demo_files()}
    again = files["data"].is_file() and files["data"].read_bytes() == data[files["data"]]
    for file in [*data, *files.values()]:
        ours = file.is_file() and (again if file not in data else file.read_bytes() == data[file])
        if file.exists() and not ours:
            raise InputError(f"{file} is there already, and not as the demo writes it: choose another folder with -o")
    for file in data:
        file.parent.mkdir(parents=True, exist_ok=True)
    check_places(files, [], as_json=as_json)


def _learn(random_state: int | None) -> Result:
    import numpy as np

    from unrolled.charts.figures import Interval
    from unrolled.data.airline import MONTHS, PASSENGERS
    from unrolled.data.panel import build_frame
    from unrolled.data.table import FrameLike

    polars = FrameLike("polars")
    whole = build_frame({"month": MONTHS, "passengers": PASSENGERS}, polars)
    started = perf_counter()
    forecaster = airline_forecaster(random_state)
    forecaster.fit(whole.head(len(whole) - HELD_OUT), target="passengers", time="month")
    seconds = perf_counter() - started
    forecast = forecaster.predict()
    low, median, high = (np.asarray(forecast[f"passengers{q}"]) for q in ("_q10", "", "_q90"))
    return Result(forecaster, Interval(low, median, high), forecaster.evaluate(whole), seconds)


def _write(files: dict[str, Path], folder: Path, result: Result) -> None:
    from unrolled.cli.demo_data import demo_files
    from unrolled.runtime.atomic_write import write_atomically

    for name, content in demo_files():
        write_atomically(folder / name, content)
    result.forecaster.save(files["model"])
    write_atomically(files["page"], _page(result, folder).encode())


def _show(result: Result) -> None:
    import numpy as np

    from unrolled.cli.forecast_result import print_chart
    from unrolled.data.airline import MONTHS, PASSENGERS

    values = np.array(PASSENGERS, dtype=np.float64)
    times = np.array(MONTHS, dtype="datetime64[M]")
    print(f"Trained in {result.seconds:.1f} s, for {result.forecaster.epochs_} epochs, a number chosen on 1959.\n")
    print_chart(values[:-HELD_OUT], result.interval, values[-HELD_OUT:], times, "10 % to 90 %")
    print(f"\nErrors over 1960, thousands of passengers (sMAPE in %):\n{result.evaluation}")


def _page(result: Result, folder: Path) -> str:
    import numpy as np

    from unrolled.charts.figures import forecast_figure, loss_figure
    from unrolled.charts.page import Figure, Page
    from unrolled.data.airline import MONTHS, PASSENGERS
    from unrolled.tasks.forecasting.parameters import forecast_training
    from unrolled.version import library_version

    values = np.array(PASSENGERS, dtype=np.float64)[-SHOWN - HELD_OUT :]
    times = np.array(MONTHS, dtype="datetime64[M]")[-SHOWN - HELD_OUT :]
    evaluation, forecaster, shape = result.evaluation, result.forecaster, result.forecaster.model_.network.shape
    planned = forecast_training(forecaster, forecaster.method_).max_epochs
    page = Page("A year of airline passengers, forecast by a GRU")
    page.paragraph(
        "A recurrent network learned from the monthly airline passengers of 1949 to 1959 and forecasts the twelve"
        " months of 1960, which it has never seen."
    )
    page.heading("Forecast")
    page.figure(
        Figure(
            forecast_figure(
                values[:-HELD_OUT], result.interval, values[-HELD_OUT:], times, "Passengers a month, and the forecast"
            ),
            [
                ("var(--quiet)", "history", False),
                ("var(--truth)", "what came in 1960", False),
                ("var(--forecast)", "forecast: the median", False),
                ("var(--interval)", "10 % to 90 % quantile", True),
            ],
            "International airline passengers, thousands a month. The dashed line is where the data for training end.",
            latest=True,
        )
    )
    page.heading("How far off")
    page.table(["", "MAE", "RMSE", "sMAPE, %", "MASE"], [_row(*item) for item in evaluation.accuracy.items()], own=0)
    if evaluation.coverage is not None:
        page.paragraph(
            f"Errors over the twelve months, in thousands of passengers. {evaluation.coverage:.0%} of the values lie in"
            f" the interval; it is made to hold {evaluation.nominal_coverage:.0%}. MASE compares with repeating the"
            " last year: below 1 is better.",
            quiet=True,
        )
    page.heading("Training")
    page.figure(
        Figure(
            loss_figure(
                [forecaster.losses_],
                [forecaster.validation_losses_],
                [forecaster.epochs_],
                "Loss of each epoch of training",
            ),
            [],
            "Quantile loss on scaled data, by epoch. Validation is the last year before 1960. The dashed line marks the"
            f" epoch chosen, number {forecaster.epochs_}: the one with the lowest validation loss in the second half of"
            f" the {planned} planned. Earlier ones are not taken, however low: twelve values are a noisy judge, and the"
            " learning rate is still high. Training then began anew on everything before 1960, for as many epochs.",
        )
    )
    page.heading("The model")
    page.paragraph(
        f"{shape.members} networks with {shape.hidden_size} hidden units each, averaged, on top of"
        " exponential smoothing of level and season; all of it is learned together. The cell is a gated recurrent unit"
        f" whose reset gate acts before the product. Trained in {result.seconds:.1f} seconds."
    )
    page.heading("Next")
    page.code(_next_commands(folder))
    page.footer(
        f"unrolled {library_version()}. Data: Box and Jenkins, Time Series Analysis: Forecasting and Control,"
        " Holden-Day 1976, Series G."
    )
    return page.html()


def _row(name: str, accuracy: Any) -> list[str]:
    name = {"forecast": "GRU", "seasonal naive x growth": "last year × its growth"}.get(name, name)
    name = {"naive": "last month, repeated", "seasonal naive": "last year, repeated"}.get(name, name)
    mase = "–" if accuracy.mase is None else f"{accuracy.mase:.2f}"
    return [name, f"{accuracy.mae:.1f}", f"{accuracy.rmse:.1f}", f"{accuracy.smape:.1f}", mase]


def _next_commands(folder: Path) -> list[str]:
    names = ("model.safetensors", "passengers.csv", "reviews.csv")
    model, data, reviews = (shlex.quote(str(folder / name)) for name in names)
    return [
        f"unrolled info {model}",
        f"unrolled predict {model} {data}",
        f"unrolled fit classify {reviews}",
        "unrolled forecast YOUR.csv -H 12",
    ]
