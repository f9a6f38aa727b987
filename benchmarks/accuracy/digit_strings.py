"""Word error rate of the transcriber on strings of spoken digits, by known speakers and by one it never heard.

    python benchmarks/accuracy/digit_strings.py FOLDER [--seeds N] [--parts known unknown] [--speakers NAME ...] [--plain]

``FOLDER`` holds ``recordings.tar.gz``, the 3,000 recordings of the Free Spoken Digit Dataset (Jackson et al.): six speakers
say ten digits fifty times, at 8 kHz, in files named ``7_jackson_32.wav``. A string is 3 to 6 digits of one speaker, drawn at
random, with pauses of 0.05 to 0.3 seconds before, between and after them, and noise over all of it that is 40 decibels below.
What is tested was never learned from: "known" speakers are tested by 600 strings of the recordings 0 to 4 of each speaker and
digit, and learned from the others; "a speaker held out" is tested by 300 strings of all of that speaker's recordings, and
learned from those of the other five, each in turn; its figure is the mean of the six. Learned from are 2,000 strings of 2 to
5 digits. The transcriber is one network of one description for both parts. Its features were chosen by the errors of support
vectors on held-out speakers, all six of them, and of transcribers on lucas, george and theo, so the figure for a speaker held
out is somewhat flattering; nothing was chosen by known speakers. ``--plain`` leaves the augmentation out. The cheaper ways
cut a string where it is silent, and classify the pieces: by support vectors on the mean of each coefficient in each fifth of
a piece, and by :class:`unrolled.SequenceClassifier`, both learned from the single recordings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from spoken_digits import KNOWN, Digits, read_digits

from unrolled import CTCTranscriber, SequenceClassifier
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform
from unrolled.metrics.answers import token_error_rate
from unrolled.version import library_version

RATE = 8000
NOISE = 0.01  # of the strings' deviation: 40 decibels below
AUDIO = AudioFeatures(rate=RATE, lowest=60.0, normalization="mean")
AUGMENTATION = {"speed": 0.25, "pitch": 0.2, "noise": 10.0, "time_masks": 2}
OPTIONS = {
    "audio": AUDIO, "stride": 3, "cell": "gru", "hidden_size": 64, "num_layers": 2, "dropout": 0.3, "max_epochs": 10,
    "learning_rate": 0.005, "validation_fraction": 0.0, "beam_size": 8,
}  # fmt: skip


class Strings(NamedTuple):
    waveforms: list[Waveform]
    said: list[list[str]]


Fitted = Callable[[Sequence[Waveform]], list[list[str]]]


def strings(digits: Digits, chosen: NDArray[np.bool_], count: int, seed: int, fewest: int, most: int) -> Strings:
    """Digits of one speaker each, joined."""
    rng = np.random.default_rng(seed)
    names = np.unique(digits.speakers[chosen])
    own = {name: np.flatnonzero(chosen & (digits.speakers == name)) for name in names}
    waveforms, said = [], []
    for n in range(count):
        places = rng.choice(own[names[n % len(names)]], rng.integers(fewest, most + 1))
        parts = [np.zeros(int(RATE * rng.uniform(0.05, 0.3)), np.float32)]
        for place in places:
            parts += [digits.waveforms[place].samples, np.zeros(int(RATE * rng.uniform(0.05, 0.3)), np.float32)]
        x = np.concatenate(parts)
        x = x + NOISE * np.sqrt(np.mean(x**2)) * rng.normal(size=len(x))
        waveforms.append(Waveform(x.astype(np.float32), RATE, f"string {n}"))
        said.append([str(digits.y[place]) for place in places])
    return Strings(waveforms, said)


def pieces(waveform: Waveform) -> list[Waveform]:
    """What is not silent of a string: 20 ms are loud if they have a hundredth of the energy of the loudest, or a hundred times
    that of the noise; what is apart by less than 50 ms is one piece, and what is shorter than 80 ms is none."""
    frames = waveform.samples[: len(waveform.samples) // 160 * 160].reshape(-1, 160).astype(np.float64)
    energy = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(energy > max(energy.max() * 0.01, 100 * energy.min()))
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > 3)
    starts, ends = loud[np.append(0, breaks + 1)], loud[np.append(breaks, len(loud) - 1)] + 1
    return [
        Waveform(waveform.samples[160 * start : 160 * end], RATE, waveform.name)
        for start, end in zip(starts, ends, strict=True)
        if end - start >= 4
    ]


def by_pieces(classify: Callable[[Sequence[Waveform]], Sequence[int]]) -> Fitted:
    """The digits of strings from a classifier of single ones."""

    def predict(waveforms: Sequence[Waveform]) -> list[list[str]]:
        cut = [pieces(each) for each in waveforms]
        classes = iter(classify([piece for own in cut for piece in own]))
        return [[str(next(classes)) for _ in own] for own in cut]

    return predict


def support_vectors(digits: Digits, chosen: NDArray[np.bool_], seed: int) -> Fitted:
    """Support vectors on pieces."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def summary(waveforms: Sequence[Waveform]) -> NDArray[np.float64]:
        frames = [KNOWN(each.samples) for each in waveforms]
        return np.stack(
            [np.concatenate([part.mean(0) for part in np.array_split(np.repeat(x, 5, axis=0), 5)]) for x in frames]
        )

    train, y = digits.at(chosen)
    machine = make_pipeline(StandardScaler(), SVC(C=10.0)).fit(summary([cut(each) for each in train]), y)
    return by_pieces(lambda waveforms: machine.predict(summary(waveforms)))


def classifier(digits: Digits, chosen: NDArray[np.bool_], seed: int) -> Fitted:
    """Our classifier on pieces."""
    train, y = digits.at(chosen)
    audio = AudioFeatures(rate=RATE, deltas=1, normalization="mean")
    model = SequenceClassifier(audio=audio, members=1, batch_size=64, max_epochs=15, random_state=seed)
    model.fit([cut(each) for each in train], y)
    return by_pieces(model.predict)


def cut(waveform: Waveform) -> Waveform:
    """A single recording without the silence around it."""
    loud = np.flatnonzero(np.abs(waveform.samples) > 0.1 * np.abs(waveform.samples).max())
    return Waveform(waveform.samples[loud[0] : loud[-1] + 1], RATE, waveform.name)


def transcriber(augmentation: dict[str, float]) -> Callable[[Digits, NDArray[np.bool_], int], Fitted]:
    """Our transcriber."""

    def fit(digits: Digits, chosen: NDArray[np.bool_], seed: int) -> Fitted:
        learned = strings(digits, chosen, 2000, 1000 + seed, 2, 5)
        model = CTCTranscriber(**OPTIONS, **augmentation, random_state=seed)
        return model.fit(learned.waveforms, learned.said).predict

    return fit


def rate_of(
    fit: Callable[[Digits, NDArray[np.bool_], int], Fitted],
    digits: Digits,
    test: NDArray[np.bool_],
    seed: int,
    count: int,
) -> float:
    """The word error rate in percent of what learns from all recordings but those of ``test``."""
    held = strings(digits, test, count, 7, 3, 6)
    said = fit(digits, ~test, seed)(held.waveforms)
    return 100 * token_error_rate(held.said, said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=["known", "unknown"], default=["known", "unknown"])
    parser.add_argument("--speakers", nargs="+", help="of those held out; by default all")
    parser.add_argument("--models", nargs="+", default=["support vectors", "SequenceClassifier", "CTCTranscriber"])
    parser.add_argument("--plain", action="store_true", help="train without augmentation")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    digits = read_digits(options.folder / "recordings.tar.gz")
    names = options.speakers or np.unique(digits.speakers).tolist()
    models = {
        "support vectors": support_vectors,
        "SequenceClassifier": classifier,
        "CTCTranscriber": transcriber({} if options.plain else AUGMENTATION),
    }
    print(f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads\n")
    print("| test part | model | word error rate | range | s a fit |\n|---|---|--:|--:|--:|", flush=True)
    for part in options.parts:
        for model in options.models:
            seeds = options.seeds if model != "support vectors" else 1
            began, rates = time.perf_counter(), list[list[float]]()
            for seed in range(seeds):
                if part == "known":
                    rates.append([rate_of(models[model], digits, digits.indices < 5, seed, 600)])
                    continue
                rates.append([])
                for name in names:
                    rates[-1].append(rate_of(models[model], digits, digits.speakers == name, seed, 300))
                    print(f"{model}, seed {seed}, {name} held out: {rates[-1][-1]:.2f}", file=sys.stderr, flush=True)
            seconds = (time.perf_counter() - began) / sum(map(len, rates))
            means = [statistics.fmean(each) for each in rates]
            title = "known speakers" if part == "known" else f"a speaker held out, mean of {len(names)}"
            each = np.mean(rates, axis=0).tolist() if part == "unknown" else means
            print(
                f"| {title} | {model} | {statistics.median(means):.2f} | {min(each):.2f} to {max(each):.2f} |"
                f" {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
