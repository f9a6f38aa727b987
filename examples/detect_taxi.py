"""Find the strange days of New York's taxis: the marathon, Thanksgiving, Christmas, New Year, a snow storm.

    python examples/detect_taxi.py FOLDER [--small]

``FOLDER`` holds ``nyc_taxi.csv.gz`` of the Numenta Anomaly Benchmark, rides in each half hour from July 2014 to January
2015, and its ``windows.json``. The detector learns from July to October and then watches what follows. ``--small`` trains one
little network for a few epochs, to see that everything runs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import polars as pl

import unrolled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()

    rides = pl.read_csv(options.folder / "nyc_taxi.csv.gz")
    windows = json.loads((options.folder / "windows.json").read_text())["realKnownCause/nyc_taxi.csv"]
    known = rides["timestamp"] < windows[0][0]

    size = {"members": 1, "hidden_size": 8, "max_epochs": 5} if options.small else {}
    detector = unrolled.AnomalyDetector(random_state=0, **size).fit(rides.filter(known))
    print(*detector.inferred_, sep="\n")
    print(f"\nthe threshold is {detector.threshold_:.2f}, from {detector.calibration_.steps} steps not learned from")

    print(detector.windows(rides.filter(~known)))
    print(detector.evaluate(rides.filter(~known), windows))


if __name__ == "__main__":
    main()
