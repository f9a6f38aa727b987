"""Weights stored as bfloat16 beside the same weights as float32, on the runtime's recurrent layer.

    python benchmarks/stored_weights.py [--cells lstm gru] [--sizes 512 1024] [--rows 1 4 6 64] [--steps 1 50] [--rounds N]

Results are compared before anything is timed: they have to be those of a float32 layer whose matrices were rounded before,
bit for bit. Times are those of the processor, on one thread; the two layers take turns, and the median of the rounds is shown.
A star marks rows where bfloat16 loses.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np

from unrolled.aliases import Floats
from unrolled.bench.case import Case, CellName, Sizes
from unrolled.bench.machine import pin
from unrolled.bench.report import Machine
from unrolled.bench.worker import environment
from unrolled.kernels import kernel_info
from unrolled.runtime.recurrent import RecurrentLayer
from unrolled.version import library_version

SECONDS = 0.02
"""Of a round of one layer, about."""
HEADING = "| cell, inputs and units | sequences | steps | float32 µs | bfloat16 µs | times |\n|---|--:|--:|--:|--:|--:|"


class Row(NamedTuple):
    """Microseconds of a call."""

    cell: CellName
    hidden: int
    batch: int
    steps: int
    float32: float
    bfloat16: float

    def markdown(self) -> str:
        """As a row of the table.

        >>> Row("gru", 512, 1, 50, 3000.0, 2000.0).markdown()
        '| GRU 512 | 1 | 50 | 3,000 | 2,000 | 1.50 |'
        """
        times = self.float32 / self.bfloat16
        star = "*" if times < 1 else ""
        shown = f"{self.float32:,.0f} | {self.bfloat16:,.0f} | {times:.2f}{star}"
        return f"| {self.cell.upper()} {self.hidden} | {self.batch} | {self.steps} | {shown} |"


def rounded(a: Floats) -> Floats:
    """The nearest bfloat16, of two the even one.

    >>> rounded(np.array([1.0, 1.001, 1.00390625], np.float32)).tolist()
    [1.0, 1.0, 1.0]
    """
    bits = a.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def measure(cell: CellName, hidden: int, batch: int, steps: int, rounds: int) -> Row:
    """Compare, then time.

    Raises:
        SystemExit: the results differ.
    """
    arrays = Case(cell, "inference", Sizes(batch, steps, hidden, hidden)).arrays()
    parameters = {name: array for name, array in arrays.items() if name != "x"}
    before = {name: rounded(a) if name.startswith("weight") else a for name, a in parameters.items()}
    plain, stored = RecurrentLayer(cell, parameters), RecurrentLayer(cell, parameters, weights="bfloat16")
    x = arrays["x"]
    if stored(x)[0].tobytes() != RecurrentLayer(cell, before)(x)[0].tobytes():
        sys.exit(f"{cell} {hidden}: not the bits of weights that were rounded before")
    plain(x)
    calls = max(1, round(SECONDS / max(_seconds(partial(plain, x)), 1e-7)))
    found = [[_seconds(partial(layer, x), calls) for layer in (plain, stored)] for _ in range(rounds)]
    return Row(cell, hidden, batch, steps, *(1e6 * median(each) for each in zip(*found, strict=True)))


def _seconds(call: Callable[[], object], calls: int = 1) -> float:
    start = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - start) / calls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru"], choices=["lstm", "gru"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[512, 1024], metavar="H")
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 4, 6, 64], metavar="B")
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 50], metavar="T")
    parser.add_argument("--rounds", type=int, default=9, help="turns of both (default 9)")
    options = parser.parse_args()
    machine = Machine.here()
    if machine.busy:
        print(machine.busy, file=sys.stderr)
    os.environ.update(environment(1))
    pin(1)
    print(f"unrolled {library_version()} ({kernel_info().cpu_level}), {machine.cpu}, one thread\n\n{HEADING}")
    for cell in options.cells:
        for hidden in options.sizes:
            for steps in options.steps:
                for batch in options.rows:
                    print(measure(cell, hidden, batch, steps, options.rounds).markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
