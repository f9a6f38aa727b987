"""Spoken words out: digits said by a generator, read back by a transcriber and a classifier that have only heard people.

    python benchmarks/accuracy/spoken_words.py FOLDER [--speakers NAME ...] [--seeds N] [--epochs N] [--threads N] [--wav FOLDER]

``FOLDER`` holds ``recordings.tar.gz``, the 3,000 recordings of the Free Spoken Digit Dataset (Jackson et al.): six speakers say
ten digits fifty times, at 8 kHz. The generator learns the recordings 10 to 49 of each speaker and digit, those of up to 0.9
seconds: what is said and who says it is one class, of 60. A frame is 20 mel-frequency cepstral coefficients, two frames are
said at once, and their samples are found by Griffin and Lim's iterations. It then says each digit in each voice ten times, 600
words. They are read by :class:`unrolled.CTCTranscriber`, one digit being a transcript of one symbol, and by
:class:`unrolled.SequenceClassifier`, both learned from the recordings 5 to 49. Real recordings, 0 to 4, stand beside them, and
the same after nothing but their way through 20 coefficients and back. The temperature was chosen by how the classifier reads
60 words, from other random numbers. ``--speakers`` leaves the others out, with whom less time is needed, and more epochs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from digit_strings import AUDIO
from numpy.typing import NDArray
from spoken_digits import KNOWN, read_digits

from unrolled import CTCTranscriber, SequenceClassifier, SequenceGenerator
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.griffin_lim import samples_of_features
from unrolled.data.wav import Waveform
from unrolled.data.wav_writing import wav_bytes
from unrolled.version import library_version

RATE, LONGEST = 8000, 0.9
SAID = AudioFeatures(rate=RATE, coefficients=20)
TEMPERATURES = (1.0, 0.5, 0.2, 0.05)
SPOKEN: dict[str, Any] = {
    "audio": SAID, "steps_at_once": 2, "hidden_size": 256, "condition_size": 32, "components": 5, "batch_size": 24,
    "max_epochs": 25, "learning_rate": 0.003, "dropout": 0.0, "input_noise": 0.2, "step_dropout": 0.1,
    "validation_fraction": 0.0,
}  # fmt: skip
TRANSCRIBED: dict[str, Any] = {
    "audio": AUDIO, "stride": 3, "cell": "gru", "hidden_size": 96, "dropout": 0.3, "batch_size": 16, "max_epochs": 12,
    "learning_rate": 0.003, "validation_fraction": 0.0, "speed": 0.2, "pitch": 0.1, "noise": 10.0,
}  # fmt: skip


def through(waveform: Waveform) -> Waveform:
    """A recording as it sounds when only its features are known."""
    return Waveform(samples_of_features(SAID(waveform.samples), SAID), RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--speakers", nargs="+", help="by default all six")
    parser.add_argument("--epochs", type=int, default=SPOKEN["max_epochs"], help="of the generator")
    parser.add_argument("--reader-epochs", type=int, default=TRANSCRIBED["max_epochs"], help="of the transcriber")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wav", type=Path, help="a folder for one of each digit and voice")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    digits = read_digits(options.folder / "recordings.tar.gz")
    short = np.array([len(each.samples) <= LONGEST * RATE for each in digits.waveforms])
    said = np.array([f"{digit} {speaker}" for digit, speaker in zip(digits.y, digits.speakers, strict=True)])
    voices = np.isin(digits.speakers, options.speakers or np.unique(digits.speakers))
    heard, test = digits.at(voices & (digits.indices >= 5)), digits.at(voices & (digits.indices < 5))
    learned = np.flatnonzero(voices & (digits.indices >= 10) & short)
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {options.seeds} seeds\n"
    )

    began = time.perf_counter()
    classifier = SequenceClassifier(audio=KNOWN, members=1, batch_size=64, max_epochs=20, random_state=0).fit(*heard)
    transcriber = CTCTranscriber(**TRANSCRIBED | {"max_epochs": options.reader_epochs}, random_state=0)
    transcriber.fit(heard[0], [[str(digit)] for digit in heard[1]])
    print(f"both readers learned in {time.perf_counter() - began:.0f} s\n")

    def read(waveforms: Sequence[Waveform], y: NDArray[np.int64]) -> tuple[float, float, int]:
        """Shares read rightly by the transcriber and by the classifier, and digits of which the transcriber reads most."""
        right = np.array([each == [str(digit)] for each, digit in zip(transcriber.predict(waveforms), y, strict=True)])
        most = sum(bool(right[y == digit].mean() > 0.5) for digit in range(10))
        return float(right.mean()), float(np.mean(classifier.predict(waveforms) == y)), most

    print("| words | transcriber | range | classifier | digits of 10 mostly read | temperature | s a fit |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for name, own in (("recordings", test[0]), ("recordings, through features", [through(each) for each in test[0]])):
        share, by_classifier, most = read(own, test[1])
        print(f"| {name} | {share:.3f} | | {by_classifier:.3f} | {most} | | |", flush=True)

    classes, rows = np.unique(said[learned]), []
    for seed in range(options.seeds):
        began = time.perf_counter()
        generator = SequenceGenerator(**SPOKEN | {"max_epochs": options.epochs}, random_state=seed)
        generator.fit([digits.waveforms[n] for n in learned], said[learned])
        seconds = time.perf_counter() - began

        def words(count: int, tau: float, own_seed: int, model: SequenceGenerator = generator) -> Any:
            asked = np.repeat(classes, count)
            spoken = model.generate(condition=asked.tolist(), temperature=tau, seed=own_seed)
            return spoken, np.array([int(each[0]) for each in asked])

        def score(tau: float) -> float:
            spoken, y = words(1, tau, 1)
            return float(np.mean(classifier.predict(spoken) == y))

        temperature = max(TEMPERATURES, key=score)
        spoken, y = words(10, temperature, 1000 + seed)
        rows.append((*read(spoken, y), temperature, seconds))
        if options.wav is not None:
            options.wav.mkdir(exist_ok=True)
            for name, each in zip(np.repeat(classes, 10)[::10], spoken[::10], strict=True):
                (options.wav / f"{name.replace(' ', '_')}_{seed}.wav").write_bytes(wav_bytes(each.samples, each.rate))
    share, by_classifier, most, temperature, seconds = map(statistics.median, zip(*rows, strict=True))
    shares = [row[0] for row in rows]
    print(
        f"| generated | {share:.3f} | {min(shares):.3f} to {max(shares):.3f} | {by_classifier:.3f} | {most:g} | {temperature:g} "
        f"| {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
