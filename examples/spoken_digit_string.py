"""Which digits are said one after the other, and when? Recordings of strings in, digits with their times out.

    python examples/spoken_digit_string.py FOLDER [--speaker NAME] [--small]

FOLDER holds WAV files named digit_speaker_index.wav, such as the recordings of the Free Spoken Digit Dataset (6 speakers, 3,000
recordings at 8 kHz). They are joined to strings of one speaker each, with pauses and faint noise. Tested are strings of the
recordings 0 to 4 of each speaker and digit; with --speaker of all those of that speaker, of whom nothing is learned. Other
voices are simulated in training: faster and slower ones, higher and lower ones, noise. The baseline cuts a string where it is
silent, and takes each piece for the nearest recording by the mean of its cepstral coefficients in each fifth of the time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unrolled import CTCTranscriber
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform, read_wav_folder
from unrolled.metrics.answers import token_error_rate

rng = np.random.default_rng(0)
BLOCK = 0.02  # seconds that are silent or not


def join(recordings: list[Waveform], digits: np.ndarray, speakers: np.ndarray, count: int) -> tuple[list, list]:
    """Strings of 3 to 6 digits of one speaker each, and what is said in them."""
    X, y = [], []
    for _ in range(count):
        own = np.flatnonzero(speakers == rng.choice(speakers))
        chosen, rate = rng.choice(own, rng.integers(3, 7)), recordings[0].rate
        parts = [np.zeros(int(rate * rng.uniform(0.05, 0.3)))]
        for n in chosen:
            parts += [recordings[n].samples, np.zeros(int(rate * rng.uniform(0.05, 0.3)))]
        x = np.concatenate(parts)
        x = x + 0.01 * x.std() * rng.normal(size=len(x))
        X.append(Waveform(x.astype(np.float32), rate))
        y.append([str(digits[n]) for n in chosen])
    return X, y


def pieces(x: Waveform) -> list[np.ndarray]:
    """What is not silent: loud blocks that are less than 80 ms apart."""
    size = int(BLOCK * x.rate)
    energy = (x.samples[: len(x.samples) // size * size].reshape(-1, size) ** 2).mean(1)
    loud = np.flatnonzero(energy > max(energy.max() / 100, 100 * energy.min()))
    runs = np.split(loud, np.flatnonzero(np.diff(loud) > 3) + 1)
    return [x.samples[size * run[0] : size * (run[-1] + 1)] for run in runs if len(run) > 3]


def summary(samples: np.ndarray, features: AudioFeatures) -> np.ndarray:
    """Mean of each coefficient in each fifth of the time."""
    frames = np.repeat(features(samples), 5, axis=0)
    return np.concatenate([part.mean(0) for part in np.array_split(frames, 5)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speaker", help="test with this one's recordings, learn from the others'")
    parser.add_argument("--small", action="store_true", help="less of everything, some seconds")
    options = parser.parse_args()
    recordings, digits = read_wav_folder(options.folder, pattern=r"(?P<label>\d)_.*")
    _, speakers, indices = map(np.array, zip(*(Path(each.name).stem.split("_") for each in recordings), strict=True))
    test = speakers == options.speaker if options.speaker else indices.astype(int) < 5
    if not test.any() or test.all():
        parser.error(f"nothing to test or nothing to learn from; the speakers are {', '.join(sorted(set(speakers)))}")
    parts = [([recordings[n] for n in np.flatnonzero(part)], digits[part], speakers[part]) for part in (~test, test)]
    X, y = join(*parts[0], 100 if options.small else 2000)
    X_test, y_test = join(*parts[1], 20 if options.small else 300)
    print(f"{len(X)} strings to learn from, {len(X_test)} to test\n")

    features = AudioFeatures(rate=X[0].rate)
    known = np.stack([summary(each.samples, features) for each in parts[0][0]])
    heard = [[summary(piece, features) for piece in pieces(x)] for x in X_test]
    nearest = [
        [str(parts[0][1][((each - known) ** 2 / known.var(0)).sum(1).argmin()]) for each in own] for own in heard
    ]
    print(f"{'nearest recordings':<22}{token_error_rate(y_test, nearest):.3f} of the digits are wrong")
    model = CTCTranscriber(
        stride=3, hidden_size=64, dropout=0.3, speed=0.25, pitch=0.2, noise=10.0, time_masks=2, learning_rate=0.005,
        max_epochs=2 if options.small else 10, validation_fraction=0.0, random_state=0,
    )  # fmt: skip
    model.fit(X, y)
    print(f"{'CTCTranscriber':<22}{model.evaluate(X_test, y_test)['token_error_rate']:.3f}\n")
    print(f"In the first test string, {' '.join(y_test[0])}, it hears")
    for each in model.transcribe(X_test[:1])[0].symbols:
        print(f"    {each.symbol} from {each.start:.2f} to {each.end:.2f} s, sure by {each.confidence:.2f}")


if __name__ == "__main__":
    main()
