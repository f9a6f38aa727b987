"""Share prices three months ahead, beside the price of today: what a forecast is worth, and what it is not.

    python examples/finance.py [--small]

The data are the month's closing prices of five companies from 2000 to March 2010, in the package vega_datasets (pip
install vega_datasets). One forecaster learns all five, and forecasts each from eight past origins, anew each time from
what lay before.

Run in full, about 80 seconds on one core of a shared machine, it printed:

                                     MAE        RMSE    sMAPE     MASE
    forecast                       28.62       47.58    15.86    2.842
    naive                          24.23       39.46    13.61    2.372
    seasonal naive                 24.23       39.46    13.61    2.372
    40 forecasts of 3 steps; 54% of the values lie in the 80% interval

    Beside today's price repeated (naive) the forecaster loses.
"""

from __future__ import annotations

import argparse

from vega_datasets import data

from unrolled import Forecaster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    forecaster = Forecaster(
        horizon=3, season_length=1, intervals="conformal", members=2 if options.small else 8,
        max_epochs=15 if options.small else 100, random_state=0,
    )  # fmt: skip
    backtest = forecaster.backtest(data.stocks(), windows=8, refit=not options.small)
    print(backtest)
    forecast, naive = (backtest.accuracy[name].mae for name in ("forecast", "naive"))
    print(f"\nBeside today's price repeated (naive) the forecaster {'wins' if forecast < naive else 'loses'}.")


if __name__ == "__main__":
    main()
