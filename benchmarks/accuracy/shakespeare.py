"""Tiny Shakespeare, a character after the other: SequenceGenerator beside a smoothed 5-gram model, after 3 minutes and after 30.

    python benchmarks/accuracy/shakespeare.py FILE [--presets 3 30] [--seeds N] [--threads N] [--on dev]

FILE is the text of Karpathy's char-rnn (input.txt, 1,115,394 characters), which may be packed by gzip. Its last tenth is tested;
with --on dev the last tenth of the rest, which is otherwise learned from, too. The presets are so many epochs as take at most
about so many minutes on two cores.

Nats a character: the mean of -log p over all characters of the part in one pass, each after all those before it (the state is
carried); "learning on" is the same with a step of gradient descent after every 20 characters (dynamic evaluation, at a rate of
0.1 that was not tuned). Beside it what nanoGPT's training prints: the mean over random windows of 64 or 256 characters, of which
each is read without what was before it (nanoGPT's README: 1.88 in about 3 minutes on a CPU, windows of 64; 1.47 on an A100,
windows of 256).
The 5-gram model is interpolated modified Kneser-Ney (:class:`unrolled.statistical.ngrams.NGrams`). Shown is the median of the
seeds; the speed is that of one stream.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unrolled import SequenceGenerator
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.statistical.ngrams import NGrams
from unrolled.version import library_version

PRESETS: dict[str, dict[str, Any]] = {
    "3": {"hidden_size": 256, "max_epochs": 6, "learning_rate": 0.006, "dropout": 0.2},
    "30": {"hidden_size": 512, "max_epochs": 14, "learning_rate": 0.004, "dropout": 0.4, "members": 2},
}
SETTINGS: dict[str, Any] = {"cell": "lstm", "batch_size": 32, "truncate": 100, "validation_fraction": 0}
WINDOWS = {64: 2000, 256: 500}
DRAWN = 2000  # characters


def read(path: Path, on: str) -> tuple[str, str]:
    """What is learned from, and what is tested."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()
    rest, test = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    return (rest, test) if on == "test" else (rest[: int(0.9 * len(rest))], rest[int(0.9 * len(rest)) :])


def ngrams(learned: str, asked: str, order: int) -> tuple[float, int]:
    """Nats a character, and how many n-grams are kept."""
    codec = TargetCodec.fit([learned], "characters")
    model = NGrams.counted([codec.encode(learned)], tokens=len(codec.vocabulary), order=order)
    count = sum(len(array) for name, array in model.arrays().items() if name.startswith("ngrams"))
    return float(np.log(model.perplexity([codec.encode(asked)]))), count


def windowed(model: SequenceGenerator, asked: str, size: int, count: int) -> float:
    """The mean over random windows, of whose characters the first is read without any before it."""
    symbols = model._fitted().said.encode(asked)
    starts = np.random.default_rng(0).integers(0, len(symbols) - size, count)
    places = np.arange(size + 1)[:, None] + starts
    log_p: list[Any] = []
    for network in model.model_.networks:
        scores, _ = network.run(network.start(count), symbols[places[:-1]])
        log_p.append(network.head.log_p(scores, symbols[places[1:]]))
    return -float((np.logaddexp.reduce(log_p, 0) - np.log(len(log_p))).mean())


def speed(model: SequenceGenerator) -> float:
    """Characters a second of one stream."""
    stream = model.stream(prompt="\n", max_length=DRAWN + 100, seed=0)
    for _ in itertools.islice(stream, 100):
        pass
    began = time.perf_counter()
    count = sum(1 for _ in stream)
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--on", choices=["dev", "test"], default="test")
    parser.add_argument("--save", type=Path, help="write the last model to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    learned, asked = read(options.file, options.on)
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads; {len(learned):,} characters"
        f" learned from, {len(asked):,} asked\n"
    )
    print(
        "| | numbers | nats a character | range | learning on | windows of 64 | of 256 | min | CPU min | characters/s |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    began = time.perf_counter()
    nats, count = ngrams(learned, asked, 5)
    print(f"| 5-grams | {count:,} | {nats:.3f} | | | | | {(time.perf_counter() - began) / 60:.1f} | | |", flush=True)

    def progress(told: Any) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[Kstep {told.step} of {told.steps}, loss {told.loss:.3f}", end="", file=sys.stderr)

    for preset in options.presets:
        rows: list[list[float]] = []
        for seed in range(options.seeds):
            began, cpu = time.perf_counter(), time.process_time()
            model = SequenceGenerator(**SETTINGS, **PRESETS[preset], random_state=seed, callback=progress).fit(learned)
            minutes, cpu = (time.perf_counter() - began) / 60, (time.process_time() - cpu) / 60
            windows = [windowed(model, asked, size, count) for size, count in WINDOWS.items()]
            dynamic = model.evaluate(asked, dynamic=0.1)["nats"]
            rows.append([model.evaluate(asked)["nats"], dynamic, *windows, minutes, cpu, speed(model)])
        if options.save:
            model.save(options.save)
        nats, dynamic, short, long, minutes, cpu, rate = map(statistics.median, zip(*rows, strict=True))
        numbers = sum(tensor.size for tensor in model.model_.tensors().values())
        spread = f"{min(row[0] for row in rows):.3f} to {max(row[0] for row in rows):.3f}" if len(rows) > 1 else ""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"| SequenceGenerator, {preset} minutes | {numbers:,} | {nats:.3f} | {spread} | {dynamic:.3f} | {short:.3f}"
            f" | {long:.3f} | {minutes:.1f} | {cpu:.1f} | {rate:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
