"""Forecast the load and oil temperature of an electricity transformer two days ahead, with intervals that are checked.

    python examples/forecast_electricity.py FOLDER [--hours N] [--epochs N] [--model FILE]

``FOLDER`` holds ``ETTh1.csv.gz``: seven hourly measurements over two years (Zhou et al. 2021, *Informer*, arXiv 2012.07436).
One forecaster learns from all seven columns up to two days before the end, says how it did on the steps it kept back
and on those two days, and is saved; what loads it needs no PyTorch.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import polars as pl

import unrolled
from unrolled.cli.progress import TrainingBar

HORIZON = 48


def read(folder: Path, hours: int) -> pl.DataFrame:
    """The last ``hours`` rows, every column a series of its own: ``time``, ``series``, ``value``."""
    with gzip.open(folder / "ETTh1.csv.gz") as file:
        wide = pl.read_csv(file.read(), try_parse_dates=True).tail(hours)
    return wide.unpivot(index="date", variable_name="series").rename({"date": "time"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=int, default=24 * 365, help="how many of the last hours to use")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--model", type=Path, default=Path("transformer.safetensors"))
    options = parser.parse_args()
    data = read(options.folder, options.hours)
    known = data.filter(pl.col("time") <= data["time"].max() - pl.duration(hours=HORIZON))
    with TrainingBar() as bar:
        forecaster = unrolled.Forecaster(
            method="windows",
            horizon=HORIZON,
            intervals="conformal",
            max_epochs=options.epochs,
            callback=bar,
            random_state=0,
        )
        forecaster.fit(known, target="value", time="time", series="series")
    print(*forecaster.inferred_, sep="\n")
    print(f"\nKept back while learning, intervals not yet corrected:\n{forecaster.validation_}")
    print(f"\nThe last {HORIZON} hours, never seen:\n{forecaster.evaluate(data)}")
    forecaster.save(options.model)
    again = unrolled.load(options.model)
    oil = again.predict().filter(pl.col("series") == "OT")
    print(f"\nOil temperature from {options.model}:\n{oil.head(6)}")


if __name__ == "__main__":
    main()
