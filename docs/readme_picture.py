"""Draws ``_static/forecast.svg``, the picture of the README: the demo's forecast, on its own in light and dark.

Run ``.venv/bin/python docs/readme_picture.py`` when the forecaster changes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unrolled import Forecaster
from unrolled.cli.figures import forecast_figure
from unrolled.cli.terminal_chart import Interval
from unrolled.data.airline import MONTHS, PASSENGERS

STYLE = """
path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.grid { stroke: #8883; stroke-width: 1; }
.axis, .now { stroke: #888; stroke-width: 1; }
.now { stroke-dasharray: 3 4; }
text { fill: #777; font: 13px system-ui, sans-serif; }
path.history { stroke: #888; }
path.truth { stroke: #d0641e; }
path.forecast { stroke: #2f80c9; }
path.interval { fill: #2f80c933; }
circle.truth { fill: #d0641e; }
circle.forecast { fill: #2f80c9; }
"""

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
    standalone = figure.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    standalone = standalone.replace(">", f"><style>{STYLE}</style>", 1)
    (Path(__file__).parent / "_static" / "forecast.svg").write_text(standalone + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
