"""Accuracy of the Forecaster's defaults on three monthly series, beside the methods it has to beat.

    python benchmarks/accuracy/airline.py [--seeds 5] [--series airline elec_equip co2]

Each series is forecast from four yearly origins, 12 months ahead; a forecaster sees only what lies before its origin.
Errors are mean absolute errors over the 12 months. Holt-Winters is statsmodels' (additive trend, multiplicative
season). "without its network" and "its network alone" are parts of the same fitted forecaster. The defaults for dropout, members
and the weight of the oldest windows were chosen on airline and elec_equip at these origins; co2 had no part in it.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from importlib import import_module, metadata

import numpy as np
from numpy.typing import NDArray

import unrolled
from unrolled import Forecaster
from unrolled.data.airline import PASSENGERS
from unrolled.metrics.baselines import seasonal_growth, seasonal_naive
from unrolled.statistical.methods import METHODS
from unrolled.tasks.forecasting.model import NETWORK

Values = NDArray[np.float64]

YEAR, ORIGINS = 12, 4
FORECASTER, NO_NETWORK, NETWORK_ALONE = "unrolled.Forecaster", "without its network", "its network alone"


def airline() -> Values:
    """Monthly passengers 1949-1960 in thousands; origins after 1956, 1957, 1958 and 1959."""
    return np.array(PASSENGERS, dtype=np.float64)


def elec_equip() -> Values:
    """Monthly index of new orders for electrical equipment in the euro area."""
    return import_module("statsmodels.datasets.elec_equip").load_pandas().data.iloc[:, 0].to_numpy(np.float64)


def co2() -> Values:
    """Weekly carbon dioxide at Mauna Loa, averaged by month, the few empty months interpolated."""
    weekly = import_module("statsmodels.datasets.co2").load_pandas().data["co2"]
    return weekly.resample("MS").mean().interpolate().to_numpy(np.float64)


SERIES: dict[str, Callable[[], Values]] = {"airline": airline, "elec_equip": elec_equip, "co2": co2}


def holt_winters(history: Values) -> Values:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optimisers that stop early
        fitted = ExponentialSmoothing(history, trend="add", seasonal="mul", seasonal_periods=YEAR).fit()
    return fitted.forecast(YEAR)


def error(forecast: Values, truth: Values) -> float:
    return float(np.abs(forecast - truth).mean())


def run(values: Values, seeds: int) -> tuple[dict[str, list[float]], Values, float, float]:
    """Errors by method and origin (the forecaster's averaged over seeds), its errors by seed, coverage, seconds."""
    rows: dict[str, list[float]] = {}
    by_seed = np.zeros((ORIGINS, seeds))
    inside, seconds = [], []
    for origin in range(ORIGINS):
        end = len(values) - YEAR * (ORIGINS - origin)
        history, truth = values[:end], values[end : end + YEAR]
        parts: dict[str, list[float]] = {FORECASTER: [], NO_NETWORK: [], NETWORK_ALONE: []}
        for seed in range(seeds):
            started = time.perf_counter()
            forecaster = Forecaster(season_length=YEAR, random_state=seed).fit(history)
            low, median, high = forecaster.predict_quantiles()[0].T
            seconds.append(time.perf_counter() - started)
            by_seed[origin, seed] = error(median, truth)
            inside.append(((low <= truth) & (truth <= high)).mean())
            parts[FORECASTER].append(by_seed[origin, seed])
            for name, some in ((NO_NETWORK, METHODS), (NETWORK_ALONE, (NETWORK,))):
                quantiles = forecaster.model_.forecast(forecaster.model_.trained, YEAR, parts=some)
                parts[name].append(error(quantiles[0, :, 1], truth))
        for name, errors in parts.items():
            rows.setdefault(name, []).append(float(np.mean(errors)))
        others = {"Holt-Winters": holt_winters(history), "last year x growth": seasonal_growth(history, YEAR, YEAR)}
        others["seasonal naive"] = seasonal_naive(history, YEAR, YEAR)
        for name, forecast in others.items():
            rows.setdefault(name, []).append(error(forecast, truth))
    return rows, by_seed, float(np.mean(inside)), float(np.mean(seconds))


def report(name: str, seeds: int) -> bool:
    """Print one series' table; whether it meets what is promised."""
    rows, by_seed, inside, seconds = run(SERIES[name](), seeds)
    naive = np.mean(rows["seasonal naive"])
    print(f"\n{name}: mean absolute error, 12 months ahead")
    print(f"{'':<22}" + "".join(f"{f'origin {i + 1}':>10}" for i in range(ORIGINS)) + f"{'mean':>10}{'to naive':>10}")
    for method, errors in sorted(rows.items(), key=lambda row: np.mean(row[1])):
        cells = "".join(f"{value:>10.3f}" for value in [*errors, np.mean(errors)])
        print(f"{method:<22}{cells}{np.mean(errors) / naive:>10.2f}")
    for seed in range(seeds):
        print(f"  seed {seed:<15}" + "".join(f"{v:>10.3f}" for v in [*by_seed[:, seed], by_seed[:, seed].mean()]))
    print(f"  {inside:.0%} of the values lie in the 80% interval; {seconds:.1f} s a fit and forecast")
    mean = np.mean(rows[FORECASTER])
    kept = mean <= 15.5 and mean < np.mean(rows[NO_NETWORK]) if name == "airline" else mean <= 0.85 * naive
    promise = "at least 15 % below seasonal naive"
    if name == "airline":
        promise = "at most 15.5, and below the same without its network"
    print(f"  promise ({promise}): {'kept' if kept else 'BROKEN'}")
    return bool(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--series", nargs="+", choices=SERIES, default=list(SERIES))
    arguments = parser.parse_args()
    versions = f"unrolled {unrolled.__version__}, statsmodels {metadata.version('statsmodels')}"
    print(f"{versions}; the Forecaster's defaults, seeds 0 to {arguments.seeds - 1}", flush=True)
    kept = [report(name, arguments.seeds) for name in arguments.series]
    raise SystemExit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
