"""Draws ``_static/forecast.svg``, the picture of the README: the demo's forecast, on its own in light and dark.

Run ``.venv/bin/python docs/readme_picture.py`` when the forecaster changes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unrolled import Forecaster
from unrolled.charts.chart import Chart
from unrolled.charts.figures import Interval, forecast_figure
from unrolled.data.airline import MONTHS, PASSENGERS

SHOWN, HELD_OUT = 72, 12


def main() -> None:
    """Fit on all but the last year and draw the forecast of it."""
    values, months = np.array(PASSENGERS, float), np.array(MONTHS, "datetime64[M]")
    forecaster = Forecaster(cell="gru_reset_before", season_length=12, random_state=0).fit(values[:-HELD_OUT])
    low, median, high = forecaster.predict_quantiles()[0].T
    figure = forecast_figure(
        values[-SHOWN - HELD_OUT : -HELD_OUT],
        Interval(low, median, high),
        values[-HELD_OUT:],
        months[-SHOWN - HELD_OUT :],
        "Monthly airline passengers 1954 to 1959, the forecast of 1960 with its 80 % interval, and what came",
    )
    Chart(figure).save(Path(__file__).parent / "_static" / "forecast.svg")


if __name__ == "__main__":
    main()
