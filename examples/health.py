"""Blood sugar half an hour and an hour ahead, and a warning before it falls too low, from the last three hours.

    python examples/health.py CGM.csv.gz [--small]

The file has the readings of one patient's continuous glucose monitor, in mg/dl, every five minutes from March to
October 2010; it is in the package bokeh-sampledata (pip download --no-deps bokeh-sampledata), in
bokeh_sampledata/_data, and in the public domain. Learned from are the readings up to August, a window every quarter of
an hour; tested on are those from September on. Forecasts of the value stand beside the last reading repeated and the
line through the last 15 minutes. A warning concerns the hours before which the reading is still at least 70 mg/dl: of k
hours in which it falls below, how many are among the k of highest risk? The baseline for it is the line again: the
lower its end, the higher the risk. An illustration with one patient's data, no medical device.

Run in full, about 2 minutes on one core of a shared machine, it printed:

    11682 windows to learn from, 3088 to test

    root mean squared error, mg/dl   30 min   60 min
    last reading                       27.4     44.4
    line through 15 minutes            32.4     67.4
    SequenceRegressor                  22.7     37.6

    hours that fall below 70 mg/dl: 188 of 2953, of which are among as many warnings
    line through 15 minutes           0.351
    SequenceClassifier                0.436
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from unrolled import SequenceClassifier, SequenceRegressor

PAST, AHEAD, MINUTES = 36, 12, 5  # readings of three hours, of one hour; minutes between two
LOW = 70  # mg/dl, where hypoglycaemia begins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    frame = pl.read_csv(options.file, columns=["datetime", "glucose"], try_parse_dates=True)
    times = frame["datetime"].to_numpy().astype("datetime64[m]")
    windows = np.lib.stride_tricks.sliding_window_view(frame["glucose"].to_numpy(), PAST + AHEAD)[::3]
    begin, end = times[: -(PAST + AHEAD) + 1][::3], times[PAST + AHEAD - 1 :][::3]
    whole = (end - begin).astype(int) <= (PAST + AHEAD) * MINUTES  # no reading is missing in it
    test = whole & (begin >= np.datetime64(datetime(2010, 9, 1)))
    train = np.flatnonzero(whole & (end < np.datetime64(datetime(2010, 9, 1))))
    train = train[-1500:] if options.small else train
    past, now, ahead = windows[:, :PAST], windows[:, PAST - 1 : PAST], windows[:, PAST:]
    slope = (past[:, -1:] - past[:, -4:-3]) / 3  # mg/dl a reading
    at = [AHEAD // 2 - 1, AHEAD - 1]
    size = {
        "hidden_size": 32,
        "pooling": "last",
        "members": 1 if options.small else 3,
        "max_epochs": 5 if options.small else 15,
    }
    print(
        f"{len(train)} windows to learn from, {test.sum()} to test\n\nroot mean squared error, mg/dl   30 min   60 min"
    )

    def line(name: str, forecast: np.ndarray) -> None:
        error = np.sqrt(np.square(forecast - ahead[test][:, at]).mean(0))
        print(f"{name:<30}{error[0]:>9.1f}{error[1]:>9.1f}")

    straight = now[test] + slope[test] * (np.array(at) + 1)
    line("last reading", np.repeat(now[test], 2, axis=1))
    line("line through 15 minutes", straight)
    regressor = SequenceRegressor(random_state=0, **size)
    regressor.fit(past[train], (ahead - now)[train][:, at])
    line("SequenceRegressor", now[test] + regressor.predict(past[test]))

    safe, falls = now[:, 0] >= LOW, ahead.min(1) < LOW
    classifier = SequenceClassifier(class_weight="balanced", random_state=0, **size)
    classifier.fit(past[train[safe[train]]], falls[train[safe[train]]])
    came = falls[test & safe]
    print(f"\nhours that fall below {LOW} mg/dl: {came.sum()} of {len(came)}, of which are among as many warnings")
    for name, risk in {
        "line through 15 minutes": -straight[safe[test], 1],
        "SequenceClassifier": classifier.predict_proba(past[test & safe])[:, 1],
    }.items():
        print(f"{name:<30}{came[np.argsort(-risk)[: came.sum()]].mean():>9.3f}")


if __name__ == "__main__":
    main()
