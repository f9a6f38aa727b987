"""The next frame of Bach's chorales: SequenceGenerator beside n-grams and simpler rules.

    python benchmarks/accuracy/chorales.py FILE [--seeds N] [--threads N] [--on valid|test] [--only NAME ...] [--midi OUT.mid]

FILE is jsb-chorales-quarter.json(.gz): the 382 chorales of Allan and Williams 2005 in frames of a quarter note and in the split
of Boulanger-Lewandowski, Bengio, Vincent 2012 (arXiv 1206.6392), 229 to learn from, 76 that choose the epoch and chose the
settings, and 77 for the test. All are in C major or A minor. A frame is the set of those of 88 keys that sound.

Shown are nats a frame: the mean over all frames of the test pieces of -log p of a frame given those before it, which for
independent notes is the sum of the binary cross-entropies of the 88 keys. The networks also say where a piece ends, and that it
has not ended yet is counted against them; its end is no frame. "without first" leaves out the first frame of each piece, of
which nothing is known, as Bai, Kolter, Koltun 2018 (arXiv 1803.01271) do; "of pieces" is the mean of the means of pieces.
Their figures are 8.43 for a GRU, 8.45 for an LSTM and 8.10 for a TCN, with independent notes; Boulanger-Lewandowski et al. have
5.56 for the RNN-NADE, in which each note of a frame knows those below it. Shown is the median of the seeds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chorale_baselines import Roll, Told, ngrams, note_frequencies, repeat_the_last

from unrolled import SequenceGenerator
from unrolled.version import library_version

LOWEST, KEYS = 21, 88
ORDERS = range(4, 17)  # of n-grams, of which the validation pieces choose one
SETTINGS: dict[str, dict[str, Any]] = {
    "independent": {
        "hidden_size": 200, "dropout": 0.4, "weight_drop": 0.5, "learning_rate": 0.008, "batch_size": 4, "max_epochs": 60,
    },
    "note by note": {
        "hidden_size": 200, "dropout": 0.4, "input_dropout": 0.1, "learning_rate": 0.006, "batch_size": 8, "max_epochs": 25,
    },
}  # fmt: skip
FITS: dict[str, dict[str, Any]] = {
    "independent": {"within_frame": "independent"},
    "note by note": {"within_frame": "note_by_note"},
}
TITLES = {"independent": "SequenceGenerator, independent notes", "note by note": "SequenceGenerator, note by note"}


def chorales(path: Path) -> dict[str, list[Roll]]:
    """The rolls ``[T, 88]`` of each part."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        parts = json.load(file)
    return {part: [roll_of(piece) for piece in pieces] for part, pieces in parts.items()}


def roll_of(piece: Sequence[Sequence[int]]) -> Roll:
    """The roll ``[T, 88]`` of frames of MIDI's notes."""
    roll = np.zeros((len(piece), KEYS), np.uint8)
    for t, notes in enumerate(piece):
        roll[t, np.array(notes, int) - LOWEST] = 1
    return roll


def nats_a_frame(told: Told) -> tuple[float, float, float]:
    """Of log-likelihoods of the frames of pieces: the mean of all, without the first of each, and the mean of pieces."""
    every, later = np.concatenate(told), np.concatenate([piece[1:] for piece in told])
    return -float(every.mean()), -float(later.mean()), -float(np.mean([piece.mean() for piece in told]))


def best_ngrams(rolls: dict[str, list[Roll]], on: str) -> tuple[int, Told]:
    """The order that is best on the validation pieces, and what it says of those asked."""
    order = min(ORDERS, key=lambda n: nats_a_frame(ngrams(rolls["train"], rolls["valid"], n))[0])
    return order, ngrams(rolls["train"], rolls[on], order)


def generator(rolls: dict[str, list[Roll]], parameters: dict[str, Any]) -> SequenceGenerator:
    def progress(told: Any) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[Kstep {told.step} of {told.steps}, loss {told.loss:.3f}", end="", file=sys.stderr)

    return SequenceGenerator(**parameters, callback=progress).fit(rolls["train"], validation=rolls["valid"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--on", choices=["valid", "test"], default="test")
    parser.add_argument("--only", nargs="+", choices=["baselines", *FITS], default=["baselines", *FITS])
    parser.add_argument("--epochs", type=int, help="at most so many, to try it")
    parser.add_argument("--midi", type=Path, help="write a chorale of the last seed, note by note")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rolls = chorales(options.file)
    asked = rolls[options.on]
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads; {len(rolls['train'])} pieces"
        f" learned from, {len(asked)} asked: {sum(map(len, asked)):,} frames\n"
    )
    print("| | nats a frame | range | without first | of pieces | s |")
    print("|---|--:|--:|--:|--:|--:|")

    def show(name: str, run: Callable[[int], Told], seeds: int) -> None:
        found, seconds = [], []
        for seed in range(seeds):
            began = time.perf_counter()
            found.append(nats_a_frame(run(seed)))
            seconds.append(time.perf_counter() - began)
            if seeds > 1:
                print(f"{name}, seed {seed}: {found[-1][0]:.3f} nats a frame, {seconds[-1]:.0f} s", file=sys.stderr)
        nats = [each[0] for each in found]
        spread = f"{min(nats):.2f} to {max(nats):.2f}" if seeds > 1 else ""
        middle = [statistics.median(each) for each in zip(*found, strict=True)]
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"| {name} | {middle[0]:.3f} | {spread} | {middle[1]:.3f} | {middle[2]:.3f} | {statistics.median(seconds):.0f} |",
            flush=True,
        )

    if "baselines" in options.only:
        show("each note as often as it sounds", lambda _: note_frequencies(rolls["train"], asked), 1)
        show("each note as often as after the last frame", lambda _: repeat_the_last(rolls["train"], asked), 1)
        order, told = best_ngrams(rolls, options.on)
        show(f"{order}-grams of notes and ends of frames", lambda _: told, 1)
    models = list[SequenceGenerator]()
    for name in FITS:
        if name not in options.only:
            continue

        def run(seed: int, name: str = name) -> Told:
            settings = {**SETTINGS[name], **FITS[name], "random_state": seed}
            settings["max_epochs"] = min(settings["max_epochs"], options.epochs or settings["max_epochs"])
            models.append(generator(rolls, settings))
            return [told[:-1] for told in models[-1].log_likelihoods(asked)]

        show(TITLES[name], run, options.seeds)
    if options.midi and models:
        from unrolled.data.midi import midi_bytes

        options.midi.write_bytes(midi_bytes(models[-1].generate(seed=0)[0], "quarter", tempo=80))


if __name__ == "__main__":
    main()
