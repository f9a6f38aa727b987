"""Largest error of exp, sigmoid and tanh over every float32, in units in the last place, as a Markdown table.

Run as ``python benchmarks/accuracy/ulp.py``; it takes minutes. The true values are those of NumPy in float64, whose own
error is below 2e-9 of such a unit.
"""

from __future__ import annotations

import sys

import numpy as np

from unrolled import kernel_info
from unrolled.kernels.arrays import elementary

CHUNK = 1 << 22
FINITE = 0x7F800000  # bit patterns of the finite numbers of one sign


def truth(function: str, x: np.ndarray) -> np.ndarray:
    if function == "sigmoid":
        e = np.exp(-np.abs(x))
        return np.where(x < 0, e, 1) / (1 + e)
    return getattr(np, function)(x)


def worst(function: str) -> tuple[float, float, int]:
    """Largest error, where it is, and how many numbers were tried whose result fits float32."""
    largest, place, tried = 0.0, 0.0, 0
    for sign in (np.float32(1), np.float32(-1)):
        for first in range(0, FINITE, CHUNK):
            x = sign * np.arange(first, min(first + CHUNK, FINITE), dtype=np.uint32).view(np.float32)
            want = truth(function, x.astype(np.float64))
            rounded = want.astype(np.float32)
            fits = np.isfinite(rounded)
            error = np.abs(elementary(function, x)[fits] - want[fits]) / np.spacing(np.abs(rounded[fits]))
            tried += int(fits.sum())
            if len(error) and error.max() > largest:
                largest, place = float(error.max()), float(x[fits][error.argmax()])
            if sys.stderr.isatty():
                print(f"\r{function} {100 * first / FINITE:3.0f} %", end="", file=sys.stderr)
    return largest, place, tried


def main() -> None:
    print(f"CPU level {kernel_info().cpu_level}\n")
    print("| function | largest error, ulp | at | numbers tried |\n| --- | --: | --: | --: |")
    for function in ("exp", "sigmoid", "tanh"):
        largest, place, tried = worst(function)
        print(f"| {function} | {largest:.3f} | {place:.9g} | {tried:,} |", flush=True)


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        main()
