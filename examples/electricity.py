"""Load and oil temperature of an electricity transformer, two days ahead, with intervals that are checked.

    python examples/electricity.py FOLDER [--small]

FOLDER holds ETTh1.csv.gz: seven hourly measurements over two years (Zhou et al. 2021, Informer, arXiv 2012.07436). One
forecaster learns from all seven columns up to two days before the end. Its 80 % intervals are corrected on the last tenth of
what it was given (conformal), so that there they would hold; beside them stands how it did on the two days it never saw.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import polars as pl

from unrolled import Forecaster

HORIZON = 48


def read(folder: Path, hours: int) -> pl.DataFrame:
    """The last ``hours`` rows, every column a series of its own: ``time``, ``series``, ``value``."""
    with gzip.open(folder / "ETTh1.csv.gz") as file:
        wide = pl.read_csv(file.read(), try_parse_dates=True).tail(hours)
    return wide.unpivot(index="date", variable_name="series").rename({"date": "time"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    data = read(options.folder, 24 * (20 if options.small else 365))
    known = data.filter(pl.col("time") <= data["time"].max() - pl.duration(hours=HORIZON))
    forecaster = Forecaster(
        method="windows", horizon=HORIZON, intervals="conformal", max_epochs=2 if options.small else 20,
        random_state=0,
    )  # fmt: skip
    forecaster.fit(known, target="value", time="time", series="series")
    print(forecaster.evaluate(data))
    print(forecaster.predict().filter(pl.col("series") == "OT").head(6))


if __name__ == "__main__":
    main()
