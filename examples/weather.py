"""The highest temperature of each of the next seven days in Seattle, with an interval.

    python examples/weather.py [--small]

The package vega_datasets (pip install vega_datasets) has Seattle's weather by the day from 2012 to 2015. The forecaster
learns from the days up to the last year: their highest temperature, and beside it the lowest, rain and wind, which are
known up to today, and the place in the year, which is known ahead. Each week of the last year is then forecast from the
days before it. Beside it stand today's temperature repeated (naive), and what that day of the year had in the years
before, with the ten days around it (climatology).

Run in full, about 10 seconds on one core of a shared machine, it printed:

                                     MAE        RMSE    sMAPE     MASE
    forecast                       2.685       3.357    16.84    1.209
    naive                          3.251       4.138    19.56    1.463
    seasonal naive                 3.251       4.138    19.56    1.463
    52 forecasts of 7 steps; 83% of the values lie in the 80% interval
    climatology                     3.14
"""

from __future__ import annotations

import argparse

import numpy as np
from vega_datasets import data

from unrolled import Forecaster

WEEKS = 52


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    frame = data.seattle_weather().drop(columns="weather")
    angle = 2 * np.pi * frame["date"].dt.day_of_year / 365.25
    frame["sin"], frame["cos"] = np.sin(angle), np.cos(angle)
    before = frame[: -7 * WEEKS]

    forecaster = Forecaster(
        horizon=7, input_window=14, season_length=1, members=2 if options.small else 8,
        max_epochs=20 if options.small else 60, random_state=0,
    )  # fmt: skip
    columns = {"past": ["temp_min", "precipitation", "wind"], "future": ["sin", "cos"]}
    forecaster.fit(before, target="temp_max", time="date", **columns)
    backtest = forecaster.backtest(frame, windows=WEEKS)
    print(backtest)
    actual, day = frame["temp_max"].to_numpy(), frame["date"].dt.day_of_year.to_numpy()
    usual = [np.mean(actual[: len(before)][abs(day[: len(before)] - each) <= 10]) for each in day[len(before) :]]
    print(f"{'climatology':<24}{abs(actual[len(before) :] - usual).mean():>12.4g}")


if __name__ == "__main__":
    main()
