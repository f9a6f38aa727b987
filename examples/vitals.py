"""Watching a patient's glucose sensor: when does it read what no body does?

    python examples/vitals.py CGM.csv.gz [--small]

The file has the readings of one patient's continuous glucose monitor, in mg/dl, every five minutes from March to October 2010; it is
in the package bokeh-sampledata (pip download --no-deps bokeh-sampledata), in bokeh_sampledata/_data, and in the public domain. Here they are
means of ten minutes, gaps bridged by a line. What was wrong with the sensor nobody wrote down, so faults are put into the last
six weeks, and plainly so: in 24 spans of 42 hours the patient lies on the sensor once, and for an hour and a half it reads up to 40 % less. The
detector learns from the months before, without a label, and accepts a false alarm in two days. The baseline, an alarm where the
reading changes by much within ten minutes, has its bound such that it raises as many false alarms as the detector.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from unrolled import AnomalyDetector
from unrolled.cli.progress import TrainingBar
from unrolled.codecs.episodes import episodes
from unrolled.tasks.anomaly_evaluation import compare

FAULTS, DAYS = 24, 42
PRESSED = 1 - 0.4 * np.array([0.3, 0.6, 0.9, 1, 1, 1, 0.9, 0.6, 0.3])  # of the reading, by steps of ten minutes


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

    with TrainingBar() as bar:
        size = {"members": 1, "max_epochs": 5} if options.small else {}
        detector = AnomalyDetector(
            false_alarm_every="2d", window="3h", smoothing="30m", merge="2h", random_state=0, callback=bar, **size
        )
        detector.fit(before)
    steps = np.stack([starts, starts + len(PRESSED) - 1], axis=1)
    times = after["datetime"].to_numpy()
    found = detector.evaluate(after, list(zip(times[steps[:, 0]], times[steps[:, 1]], strict=True)))

    change = np.abs(np.diff(glucose, prepend=glucose[0]))
    rule = [compare(episodes(change > bound, detector.merge_), steps, bound) for bound in np.arange(200, 0, -0.5)]
    fair = [each for each in rule if each.false_episodes <= found.false_episodes]
    best = max(fair, key=lambda each: each.recall)
    print(f"{len(before)} steps to learn from, {len(after)} to watch: {FAULTS} faults in {DAYS} days\n")
    print(f"{'':<22}found   false alarms")
    print(f"{'large changes':<22}{sum(best.found):>5}{best.false_episodes:>15}")
    print(f"{'AnomalyDetector':<22}{sum(found.found):>5}{found.false_episodes:>15}")


if __name__ == "__main__":
    main()
