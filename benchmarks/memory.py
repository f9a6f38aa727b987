"""Memory of one training step, here and in torch.nn: by how much a fresh process grows at most.

Run as ``python benchmarks/memory.py [--size B,T,I,H]``; Linux only. Each figure is the median of three processes that
import torch and the library, make a layer and an input, note the memory in use, and run one step: forward, a sum of
squares, backward.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

SIZES = ["1,100,32,64", "32,100,32,64", "32,100,64,128", "64,100,128,256", "64,50,512,512", "128,50,1024,1024"]


def in_use(field: str) -> int:
    """``VmRSS``, the bytes in use now, or ``VmHWM``, the most there were."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{field}:")))


def measure(library: str, kind: str, sizes: list[int], bidirectional: bool, threads: int) -> int:
    import torch

    torch.set_num_threads(threads)
    B, T, I, H = sizes
    layer = getattr(importlib.import_module(library), kind)(I, H, bidirectional=bidirectional)
    x = torch.randn(T, B, I)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most from here on
    before = in_use("VmRSS")
    layer(x)[0].square().sum().backward()
    return in_use("VmHWM") - before


def in_a_fresh_process(*arguments: object) -> int:
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(arguments)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append", metavar="B,T,I,H")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(measure(*json.loads(options.child)))
        return
    print("| layer | B, T, I, H | torch.nn, MB | unrolled.nn, MB | share |\n|---|---|--:|--:|--:|")
    for kind in ("RNN", "LSTM", "GRU"):
        for size in options.size or SIZES:
            for bidirectional in (False, True):
                sizes = [int(n) for n in size.split(",")]
                theirs, ours = (
                    statistics.median(
                        in_a_fresh_process(library, kind, sizes, bidirectional, options.threads) for _ in range(3)
                    )
                    for library in ("torch.nn", "unrolled.nn")
                )
                name = kind + ", both directions" * bidirectional
                print(f"| {name} | {size} | {theirs / 1e6:.1f} | {ours / 1e6:.1f} | {ours / theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
