"""Accuracy of the defaults on data that nothing was chosen on, beside other packages' methods.

    python benchmarks/accuracy/abroad.py forecast|classify|tag|detect [--half chosen|reported] [--seeds 3] [--only NAME ...]

A task has a fixed list of sets, all from Python packages (``abroad_series.py`` and its neighbours), half of which
defaults may be chosen on; the other half is for reporting (``abroad_split.json``). Figures are the median of the seeds.
``--json`` keeps the runs, and a run that is in the file is not repeated. A star marks what another method does better.
"""

from __future__ import annotations

import argparse
import warnings
from importlib import import_module
from pathlib import Path

from abroad_runs import complete
from abroad_split import read_split

TASKS = {"classify": "abroad_classify", "detect": "abroad_detect", "forecast": "abroad_forecast", "tag": "abroad_tag"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--half", choices=["chosen", "reported"], default="reported")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these sets, of either half")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    task = import_module(TASKS[options.task])
    names = options.only or [name for name, half in read_split(options.task).items() if half == options.half]
    if unknown := set(names) - set(task.SETS):
        parser.error(f"no set {', '.join(sorted(unknown))}; the sets are {', '.join(sorted(task.SETS))}")
    warnings.simplefilter("ignore")
    print(task.report(complete(task, names, options.seeds, options.json)))


if __name__ == "__main__":
    main()
