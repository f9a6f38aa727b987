"""Chorales in the manner of Bach: four voices, each note given those before it and those below it.

    python examples/chorale.py FILE [--small] [--midi chorale.mid] [--svg chorale.svg]

FILE is jsb-chorales-quarter.json(.gz), 382 chorales as lists of MIDI's notes a quarter, in the split of Boulanger-Lewandowski
et al. 2012 (229 to learn from, 76 that choose the epoch, 77 for the test), all in C major or A minor. The measure is nats a
quarter: how surprising its notes are after all that was before them, in the mean over the test. Beside the generator stand each
note as often as it sounds, each as often as it sounds after a quarter with or without it, and 9-grams of the notes of quarters
in rising order. --midi and --svg write a chorale that goes on from the first four quarters of one of the test.

Run in full, about a minute of one core, it printed:

    229 chorales to learn from, 77 to test, 4725 quarters

    note's frequency                          11.06
    note's frequency after the last quarter   10.48
    n-grams of notes                          5.53
    SequenceGenerator                         5.19 nats a quarter
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np

from unrolled import SequenceGenerator
from unrolled.charts.chart import Chart
from unrolled.charts.piano_roll import piano_roll_figure
from unrolled.codecs.frame_tokens import FrameTokens
from unrolled.data.midi import midi_bytes
from unrolled.statistical.ngrams import NGrams

LOWEST, KEYS, GIVEN = 21, 88, 4
ORDER = 9  # the notes of about two quarters
FULL = {"hidden_size": 200, "max_epochs": 25, "learning_rate": 0.006, "dropout": 0.4, "input_dropout": 0.1}
SMALL = {"hidden_size": 48, "max_epochs": 8, "learning_rate": 0.02, "dropout": 0.1}


def roll_of(piece: list[list[int]]) -> np.ndarray:
    """The piano roll ``[T, 88]`` of a chorale."""
    roll = np.zeros((len(piece), KEYS), np.uint8)
    for t, notes in enumerate(piece):
        roll[t, np.array(notes, int) - LOWEST] = 1
    return roll


def entropy(p: np.ndarray, true: np.ndarray) -> float:
    """Of chances of notes, in nats a frame."""
    return -float(np.where(true == 1, np.log(p), np.log1p(-p)).sum(1).mean())


def simple(train: list[np.ndarray], test: list[np.ndarray]) -> dict[str, float]:
    """Nats a frame of what needs no network."""
    now, true = np.concatenate(train), np.concatenate(test)
    before, last = (
        np.concatenate([np.roll(p, 1, 0) * (np.arange(len(p)) > 0)[:, None] for p in part]) for part in (train, test)
    )
    p = (now.sum(0) + 1) / (len(now) + 2)
    on, off = (((now * (before == b)).sum(0) + 1) / ((before == b).sum(0) + 2) for b in (1, 0))
    codec = FrameTokens(KEYS)
    grams = NGrams.counted([codec.encode(piece) for piece in train], tokens=codec.symbols, order=ORDER)
    symbols = [codec.encode(piece) for piece in test]
    surprise = sum(np.log(grams.perplexity([each])) * len(each) for each in symbols) / len(true)
    return {
        "note's frequency": entropy(p, true),
        "note's frequency after the last quarter": entropy(np.where(last == 1, on, off), true),
        "n-grams of notes": surprise,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, some seconds")
    parser.add_argument("--midi", type=Path, help="write a chorale there, which needs the extra music")
    parser.add_argument("--svg", type=Path, help="write its picture there")
    options = parser.parse_args()
    with (gzip.open if options.file.suffix == ".gz" else open)(options.file, "rt", encoding="utf-8") as file:
        parts = {part: [roll_of(piece) for piece in pieces] for part, pieces in json.load(file).items()}
    train, valid, test = parts["train"], parts["valid"], parts["test"]
    if options.small:
        train, valid, test = train[:60], valid[:10], test[:20]
    print(f"{len(train)} chorales to learn from, {len(test)} to test, {sum(map(len, test))} quarters\n")
    for name, nats in simple(train, test).items():
        print(f"{name:<42}{nats:.2f}")
    size = SMALL if options.small else FULL
    model = SequenceGenerator(**size, batch_size=8, frame="quarter", random_state=0).fit(train, validation=valid)
    print(f"{'SequenceGenerator':<42}{model.evaluate(test)['nats_per_frame']:.2f} nats a quarter")
    (drawn,) = model.generate(prompt=test[0][:GIVEN], temperature=0.8, seed=0, max_length=64)
    chorale = np.concatenate([test[0][:GIVEN], drawn])
    if options.midi:
        options.midi.write_bytes(midi_bytes(chorale, "quarter", tempo=72))
    if options.svg:
        picture = piano_roll_figure(
            chorale, LOWEST, "a chorale; the first notes were given", given=GIVEN, called="quarter"
        )
        Chart(picture).save(options.svg)


if __name__ == "__main__":
    main()
