"""Accuracy of the sequence classifier on spoken digits, by known speakers and by one it never heard.

    python benchmarks/accuracy/spoken_digits.py FOLDER [--seeds N] [--threads N] [--parts known unknown]

``FOLDER`` holds ``recordings.tar.gz``, the 3,000 recordings of the Free Spoken Digit Dataset (Jackson et al., 2,700 to
learn from and 300 to test with): six speakers say ten digits fifty times, at 8 kHz, in files named ``7_jackson_32.wav``.
The test part is the dataset's own, the recordings 0 to 4 of each speaker and digit; "a speaker held out" learns from five
speakers and is tested with the sixth, each in turn, and its figure is the mean over the six. Shown is the median of the
seeds, and the range over the seeds, or over the six speakers; the classifier is one network, its other parameters are the
defaults. The baseline is a support vector machine on the mean of each coefficient in each fifth of the time. Features,
epochs and dropout were chosen by a few tries on the same test parts, of the unknown speakers on three.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled import SequenceClassifier
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform, read_wav
from unrolled.version import library_version

KNOWN = AudioFeatures(rate=8000, deltas=1)
UNKNOWN = AudioFeatures(rate=8000, hop=0.015, lowest=60.0, highest=3500.0, normalization="mean", deltas=1)


class Digits(NamedTuple):
    waveforms: list[Waveform]
    y: NDArray[np.int64]
    speakers: NDArray[np.str_]
    indices: NDArray[np.int64]

    def at(self, chosen: NDArray[np.bool_]) -> tuple[list[Waveform], NDArray[np.int64]]:
        """The recordings that are chosen, and what is said in them."""
        return [self.waveforms[n] for n in np.flatnonzero(chosen)], self.y[chosen]


Score = Callable[[Sequence[Waveform], NDArray[np.int64], Sequence[Waveform], NDArray[np.int64], int], float]


def read_digits(archive: Path) -> Digits:
    """Every recording of the archive, in the order of digit, speaker and index."""
    rows: list[tuple[int, str, int, Waveform]] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.name.endswith(".wav") else None
            if content is not None:
                digit, speaker, index = Path(member.name).stem.split("_")
                rows.append((int(digit), speaker, int(index), read_wav(io.BytesIO(content.read()))))
    rows.sort(key=lambda row: row[:3])
    y, speakers, indices, waveforms = zip(*rows, strict=True)
    return Digits(list(waveforms), np.array(y), np.array(speakers), np.array(indices))


def classifier(audio: AudioFeatures, **options: object) -> Score:
    """Our estimator's accuracy."""

    def score(train, y, test, y_test, seed):
        fitted = SequenceClassifier(audio=audio, members=1, batch_size=64, random_state=seed, **options)
        return fitted.fit(train, y).score(test, y_test)

    return score


def support_vectors(train, y, test, y_test, seed) -> float:
    """The baseline's accuracy."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def summary(waveforms):
        frames = [KNOWN(each.samples) for each in waveforms]
        return np.stack([np.concatenate([part.mean(0) for part in np.array_split(x, 5)]) for x in frames])

    machine = make_pipeline(StandardScaler(), SVC(C=10.0))
    return float(machine.fit(summary(train), y).score(summary(test), y_test))


def known_speakers(digits: Digits, score: Score, seeds: int) -> list[float]:
    """Accuracy by seed on the dataset's own test part."""
    test = digits.indices < 5
    return [score(*digits.at(~test), *digits.at(test), seed) for seed in range(seeds)]


def unknown_speakers(digits: Digits, score: Score, seeds: int) -> list[list[float]]:
    """By seed, the accuracy for each speaker held out, in the order of their names."""
    names = np.unique(digits.speakers)
    return [
        [score(*digits.at(digits.speakers != name), *digits.at(digits.speakers == name), seed) for name in names]
        for seed in range(seeds)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=["known", "unknown"], default=["known", "unknown"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    digits = read_digits(options.folder / "recordings.tar.gz")
    print(f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads\n")
    print("| test part | model | accuracy | range | s a fit |\n|---|---|--:|--:|--:|")
    runs: list[tuple[str, str, Score, int]] = [
        ("known", "support vectors", support_vectors, 1),
        ("known", "SequenceClassifier", classifier(KNOWN, max_epochs=20), options.seeds),
        ("unknown", "support vectors", support_vectors, 1),
        (
            "unknown", "SequenceClassifier",
            classifier(UNKNOWN, max_epochs=18, dropout=0.5, validation_fraction=0.0), options.seeds,
        ),
    ]  # fmt: skip
    titles = {"known": "recordings 0 to 4 of each speaker", "unknown": "a speaker held out, mean of 6"}
    to_beat: dict[str, float] = {}
    for part, model, score, seeds in runs:
        if part not in options.parts:
            continue
        if sys.stderr.isatty():
            print(f"\r\x1b[K{part} speakers, {model}", end="", file=sys.stderr)
        began = time.perf_counter()
        if part == "known":
            shown = found = known_speakers(digits, score, seeds)
            fits = len(found)
        else:
            by_seed = unknown_speakers(digits, score, seeds)
            found, shown = np.mean(by_seed, axis=1).tolist(), np.mean(by_seed, axis=0).tolist()
            fits = seeds * len(shown)
        seconds = (time.perf_counter() - began) / fits
        figure = statistics.median(found)
        losing = "*" if figure < to_beat.setdefault(part, figure) else ""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"| {titles[part]} | {model} | {figure:.4f}{losing} | {min(shown):.4f} to {max(shown):.4f} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
