"""Melody and rhythm: tunes in a metre that is asked for, note by note and bar by bar.

    python examples/melody.py FOLDER [--small] [--midi tune.mid]

FOLDER holds tunes in ABC notation, one a file: here 1,059 fiddle tunes of Ryan's Mammoth Collection (1883) as the package
music21 has them (pip download --no-deps music21) in music21/corpus/ryansMammoth. A tune is a list of tokens: each note with
its height above the key note, in steps of the scale, and its length in sixteenths, such as 4:2, and | where a bar ends. The
metre is the condition. A tenth of the tunes, drawn once, is the test.

Perplexity says how many tokens the next is among; beside the generator stands an n-gram model of the same metre's tunes.
A bar is full if its notes last as long as the metre says; the first and the last bar of a tune are not counted. For the
full bars each model draws ten tunes a metre. Nothing tells it to count.

Run in full, about a minute of one core, it printed:

    949 tunes to learn from, 105 to test

                          perplexity   full bars
    n-grams of the metre  7.36         0.172
    SequenceGenerator     6.61         0.759
"""

from __future__ import annotations

import argparse
import re
import runpy
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unrolled import SequenceGenerator
from unrolled.data.midi import midi_bytes
from unrolled.runtime.decoding.sampling import Sampling, streams
from unrolled.statistical.ngrams import NGrams

RHYTHM = runpy.run_path(str(Path(__file__).with_name("rhythm.py")))  # which reads the same tunes
METRES = {"2/4": 8, "6/8": 12, "9/8": 18, "C": 16, "C|": 16}  # sixteenths in a bar
DRAWN = 10  # tunes a metre
ORDER = 6  # of the n-grams
TONIC, MAJOR = 62, (0, 2, 4, 5, 7, 9, 11)  # D, in which they are written out

Tune = list[str]


def read_tune(text: str) -> tuple[Tune, str] | None:
    """The tokens of a tune in ABC and its metre; None if it has none of those known, or no key."""
    fields = dict(re.findall(r"^([MK]): *(\S+)", text, re.MULTILINE))
    if fields.get("M") not in METRES or not re.match("[A-G]", fields.get("K", "")):
        return None
    key = "CDEFGAB".index(fields["K"][0])
    bars, _ = RHYTHM["read_bars"](text)
    return [
        token for bar in bars for token in [*(f"{height - key:g}:{length:g}" for length, height in bar), "|"]
    ], fields["M"]  # fmt: skip


def full_bars(tunes: Sequence[Tune], metres: Sequence[str]) -> float:
    """The share of bars as long as the metre says."""
    found = []
    for tune, metre in zip(tunes, metres, strict=True):
        bars = " ".join(tune).split("|")[1:-2]
        lengths = [sum(float(note.partition(":")[2] or 0) for note in bar.split()) for bar in bars]
        found += [abs(length - METRES[metre]) < 0.01 for length in lengths]
    return float(np.mean(found)) if found else 0.0


def ngram_tunes(model: NGrams, words: list[str], end: int) -> list[Tune]:
    """Drawn as the generator's are."""
    tunes: list[Tune] = [[] for _ in range(DRAWN)]
    steps = Sampling()(model, model.start(DRAWN), [-1] * DRAWN, streams(0, DRAWN), max_length=300, eos=end)
    for step in steps:
        for tune, token in zip(tunes, step.tokens.tolist(), strict=True):
            tune += [words[token]] if 0 <= token < end else []
    return tunes


def roll_of(tune: Tune) -> np.ndarray:
    """Its piano roll in thirty-seconds, of which the last of each note is silent."""
    frames: list[int | None] = []
    for token in tune:
        if token == "|":
            continue
        height, length = map(float, token.split(":"))
        octave, degree = divmod(int(height), 7)
        count = max(2, round(2 * length))
        frames += [*[TONIC + 12 * octave + MAJOR[degree]] * (count - 1), None]
    roll = np.zeros((len(frames), 128), np.uint8)
    for t, pitch in enumerate(frames):
        if pitch is not None:
            roll[t, min(pitch, 127)] = 1
    return roll


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, some seconds")
    parser.add_argument("--midi", type=Path, help="write a tune in 6/8 there, which needs the extra music")
    options = parser.parse_args()
    read = [read_tune(path.read_text(encoding="utf-8")) for path in sorted(options.folder.glob("*.abc"))]
    tunes, metres = map(list, zip(*(each for each in read if each is not None and len(each[0]) < 400), strict=True))
    test, train = np.split(np.random.default_rng(0).permutation(len(tunes)), [len(tunes) // 10])
    train = train[:300] if options.small else train
    X, y = [tunes[n] for n in train], [metres[n] for n in train]
    X_test, y_test = [tunes[n] for n in test], [metres[n] for n in test]
    print(f"{len(X)} tunes to learn from, {len(X_test)} to test\n")

    model = SequenceGenerator(
        hidden_size=128, max_epochs=6 if options.small else 12, learning_rate=0.01, batch_size=4 if options.small else 8,
        dropout=0.1 if options.small else 0.3, random_state=0,
    ).fit(X, y)  # fmt: skip
    words = ["?", *model.vocabulary_]  # what is unknown comes first
    place = {word: n for n, word in enumerate(words)}
    told, count, drawn, asked = 0.0, 0, list[Tune](), list[str]()
    for metre in METRES:
        known = [[place.get(t, 0) for t in tune] for tune, own in zip(X, y, strict=True) if own == metre]
        ngrams = NGrams.counted(known or [[0]], tokens=len(words) + 1, order=ORDER, eos=len(words))
        heard = [
            [place.get(t, 0) for t in tune] for tune, own in zip(X_test, y_test, strict=True) if own == metre
        ]  # fmt: skip
        told += sum(np.log(ngrams.perplexity([tune])) * (len(tune) + 1) for tune in heard)
        count += sum(len(tune) + 1 for tune in heard)
        drawn += ngram_tunes(ngrams, words, len(words))
        asked += [metre] * DRAWN
    ours = model.generate(condition=asked, seed=0, max_length=300)
    perplexity = model.evaluate(X_test, y_test)["perplexity"]
    print(f"{'':<22}perplexity   full bars")
    print(f"{'n-grams of the metre':<22}{np.exp(told / count):<13.2f}{full_bars(drawn, asked):.3f}")
    print(f"{'SequenceGenerator':<22}{perplexity:<13.2f}{full_bars(ours, asked):.3f}")
    print(f"\na tune in 6/8: {' '.join(ours[asked.index('6/8')][:60])} …")
    if options.midi:
        options.midi.write_bytes(midi_bytes(roll_of(ours[asked.index("6/8")]), "thirty_second", tempo=120))


if __name__ == "__main__":
    main()
