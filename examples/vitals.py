"""Watching a patient's glucose sensor: when does it read what no body does?

    python examples/vitals.py CGM.csv.gz [--small]

The file has the readings of one patient's continuous glucose monitor, in mg/dl, every five minutes from March to
October 2010; it is in the package bokeh-sampledata (pip download --no-deps bokeh-sampledata), in
bokeh_sampledata/_data, and in the public domain. Here they are means of ten minutes, gaps bridged by a line. What was
wrong with the sensor nobody wrote down, so faults are put into the last six weeks, and plainly so: in each of 24 spans
of 42 hours the patient once lies on the sensor, and for an hour it reads half. (Of slower or shallower faults both
methods find few.) The detector learns from the months before, without a label, and accepts a false alarm in two days.
The baseline, an alarm where the reading changes by much within ten minutes, has its bound such that it raises as many
false alarms as the detector.

Run in full, about 50 seconds on one core of a shared machine, it printed:

    22837 steps to learn from, 6048 to watch: 24 faults in 42 days

                          found   false alarms
    large changes            12             25
    AnomalyDetector          17             25
"""

from __future__ import annotations

import argparse
from itertools import takewhile
from pathlib import Path

import numpy as np
import polars as pl

from unrolled import AnomalyDetector
from unrolled.codecs.episodes import episodes

FAULTS, DAYS = 24, 42
PRESSED = 1 - 0.5 * np.array([0.5, 1, 1, 1, 1, 1, 0.5])  # of the reading, by steps of ten minutes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    frame = pl.read_csv(options.file, columns=["datetime", "glucose"], try_parse_dates=True)
    frame = frame.group_by_dynamic("datetime", every="10m").agg(pl.col("glucose").mean())
    frame = frame.upsample("datetime", every="10m").interpolate()
    before, after = frame[: -144 * DAYS], frame[-144 * DAYS :]
    before = before[-6000:] if options.small else before

    rng, glucose = np.random.default_rng(0), after["glucose"].to_numpy().copy()
    edges = np.linspace(0, len(glucose), FAULTS + 1).astype(int)
    starts = rng.integers(edges[:-1] + 36, edges[1:] - 36)
    for start in starts:
        glucose[start : start + len(PRESSED)] *= PRESSED
    after = after.with_columns(glucose=pl.Series(glucose))

    size = {"members": 1, "max_epochs": 8} if options.small else {}
    detector = AnomalyDetector(
        false_alarm_every="2d",
        window="3h",
        horizon="10min",
        smoothing="10min",
        merge="2h",
        random_state=0,
        **size,
    )
    detector.fit(before)

    def count(alarm: np.ndarray) -> tuple[int, int]:
        """Faults found, and episodes of alarms outside of them."""
        spans, ends = episodes(alarm, detector.merge_), starts + len(PRESSED) - 1
        overlap = (spans[:, None, 0] <= ends) & (spans[:, None, 1] >= starts)  # [episodes, faults]
        return int(overlap.any(0).sum()), int((~overlap.any(1)).sum())

    found = count(detector.predict(after)["alarm"].to_numpy())
    change = np.abs(np.diff(glucose, prepend=glucose[0]))
    counts = (count(change > bound) for bound in np.arange(200, 0, -0.5))
    *_, rule = takewhile(lambda each: each[1] <= found[1], counts)
    print(f"{len(before)} steps to learn from, {len(after)} to watch: {FAULTS} faults in {DAYS} days\n")
    print(f"{'':<22}found   false alarms")
    print(f"{'large changes':<22}{rule[0]:>5}{rule[1]:>15}")
    print(f"{'AnomalyDetector':<22}{found[0]:>5}{found[1]:>15}")


if __name__ == "__main__":
    main()
