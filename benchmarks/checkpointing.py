"""Memory of a training step over a long sequence, with its tape kept and with ``checkpoint=``.

Run as ``python benchmarks/checkpointing.py [--size B,T,I,H] [--checkpoint STEPS]``; Linux only. Each figure is the median
of three processes that make a layer, an input and the gradient of its output, note the memory in use, and run forward and
backward; the output and the gradient of the input are taken off. A further process compares gradients: with those of a
plain loop over segments of as many steps, the state carried along, they must be equal bit for bit; those of the plain run,
which sums weight gradients over all steps at once, differ by rounding. The aim is a share under a quarter,
marked ``*`` where missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from memory import in_use
from torch import Tensor

import unrolled.nn

AIM = 0.25


def layer_of(kind: str, sizes: list[int], checkpoint: int | None) -> Any:
    torch.manual_seed(0)
    return getattr(unrolled.nn, kind)(*sizes[2:], **({"checkpoint": checkpoint} if checkpoint else {}))


def step(layer: Any, x: Tensor, grad: Tensor, segment: int | None = None) -> Tensor:
    """Forward and backward, in a loop over segments if so many steps are given; returns the output."""
    if segment is None:
        y = layer(x)[0]
    else:
        outputs, states = [], None
        for part in x.split(segment):
            output, states = layer(part, states)
            outputs.append(output)
        y = torch.cat(outputs)
    y.backward(grad)
    return y


def measure(kind: str, sizes: list[int], checkpoint: int | None, threads: int) -> int:
    """Bytes beyond input, output and their gradients."""
    torch.set_num_threads(threads)
    layer, (B, T, I, H) = layer_of(kind, sizes, checkpoint), sizes
    step(layer, torch.randn(3, B, I, requires_grad=True), torch.randn(3, B, H))  # what is loaded once is not the tape's
    x, grad = torch.randn(T, B, I, requires_grad=True), torch.randn(T, B, H)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most from here on
    before = in_use("VmRSS")
    y = step(layer, x, grad)
    return in_use("VmHWM") - before - y.nbytes - x.nbytes


def compare(kind: str, sizes: list[int], checkpoint: int, threads: int) -> tuple[bool, float]:
    """Whether output and gradients are those of segments, bit for bit; how far they are from those of the plain run."""
    torch.set_num_threads(threads)
    B, T, I, H = sizes
    generator = torch.Generator().manual_seed(1)
    given, grad = torch.randn(T, B, I, generator=generator), torch.randn(T, B, H, generator=generator)

    def results(option: int | None, segment: int | None) -> list[Tensor]:
        layer, x = layer_of(kind, sizes, option), given.clone().requires_grad_()
        y = step(layer, x, grad, segment)
        return [t for t in (y.detach(), x.grad, *(p.grad for p in layer.parameters())) if t is not None]

    checkpointed, segments, plain = results(checkpoint, None), results(None, checkpoint), results(None, None)
    same = all(map(torch.equal, checkpointed, segments))
    distances = (float((a - b).abs().max() / b.abs().max()) for a, b in zip(checkpointed, plain, strict=True))
    return same and len(checkpointed) == len(segments), max(distances)


def in_a_fresh_process(*arguments: object) -> Any:
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="8,10000,128,128", metavar="B,T,I,H")
    parser.add_argument("--checkpoint", type=int, default=100, metavar="STEPS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, *arguments = json.loads(options.child)
        print(json.dumps({"measure": measure, "compare": compare}[what](*arguments)))
        return 0
    sizes, steps = [int(n) for n in options.size.split(",")], options.checkpoint
    print(f"| layer | B, T, I, H | plain, MB | checkpoint={steps}, MB | share | in segments | plain differs by |")
    print("|---|---|--:|--:|--:|---|--:|")
    failed = False
    for kind in ("GRU", "LSTM"):
        plain, checkpointed = (
            statistics.median(in_a_fresh_process("measure", kind, sizes, each, options.threads) for _ in range(3))
            for each in (None, steps)
        )
        same, distance = in_a_fresh_process("compare", kind, sizes, steps, options.threads)
        share = checkpointed / plain
        failed |= not same
        print(
            f"| {kind} | {', '.join(map(str, sizes))} | {plain / 1e6:.1f} | {checkpointed / 1e6:.1f} "
            f"| {share:.2f}{'*' * (share >= AIM)} | {'same gradients' if same else 'OTHER GRADIENTS'} | {distance:.1e} |",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
