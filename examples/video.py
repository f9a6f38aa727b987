"""Which way does it move? Short clips, of 6 to 12 frames, as sequences of frames with 256 pixels each.

    python examples/video.py [--small]

No film is at hand that is small and free, so the clips are made, and plainly so: a handwritten digit (scikit-learn's
load_digits, 8 x 8 pixels, 1,797 real images) moves over a frame of 16 x 16 that it leaves on one side and enters on the
other, one pixel a frame in one of eight directions, among noise. A single frame says nothing of the direction. The
test's clips show digits that training has not seen. The baselines are chance, and the nearest training clip, by the
distance of their first six frames.

Run in full, about 60 seconds on one core of a shared machine, it printed:

    4000 clips to learn from, 400 to test

    chance                0.125
    nearest clip          0.985
    SequenceClassifier    1.000 of the directions are right
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_digits

from unrolled import SequenceClassifier

DIRECTIONS = {
    "N": (-1, 0),
    "NE": (-1, 1),
    "E": (0, 1),
    "SE": (1, 1),
    "S": (1, 0),
    "SW": (1, -1),
    "W": (0, -1),
    "NW": (-1, -1),
}


def clip(image: np.ndarray, direction: str, rng: np.random.Generator) -> np.ndarray:
    """Frames ``[T, 256]`` of an image ``[8, 8]`` that moves, from any place on."""
    frame = np.zeros((16, 16))
    frame[:8, :8] = image
    start, step = rng.integers(0, 16, 2), np.array(DIRECTIONS[direction])
    frames = np.array([np.roll(frame, start + t * step, axis=(0, 1)) for t in range(rng.integers(6, 13))])
    return (frames + rng.normal(scale=0.1, size=frames.shape)).reshape(len(frames), -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    images, rng = load_digits().images / 16, np.random.default_rng(0)
    kept_back, shown = np.split(rng.permutation(len(images)), [400])

    def clips(digits: np.ndarray, count: int) -> tuple[list[np.ndarray], np.ndarray]:
        y = rng.choice(list(DIRECTIONS), size=count)
        return [clip(images[rng.choice(digits)], direction, rng) for direction in y], y

    X, y = clips(shown, 800 if options.small else 4000)
    X_test, y_test = clips(kept_back, 400)
    print(f"{len(X)} clips to learn from, {len(X_test)} to test\n\n{'chance':<22}{1 / len(DIRECTIONS):.3f}")
    a, b = (np.array([frames[:6].ravel() for frames in part]) for part in (X_test, X))
    nearest = (np.square(b).sum(1) - 2 * a @ b.T).argmin(1)
    print(f"{'nearest clip':<22}{np.mean(y[nearest] == y_test):.3f}")
    classifier = SequenceClassifier(
        pooling="mean",
        members=1 if options.small else 3,
        max_epochs=15 if options.small else 25,
        random_state=0,
    )
    classifier.fit(X, y)
    print(f"{'SequenceClassifier':<22}{classifier.score(X_test, y_test):.3f} of the directions are right")


if __name__ == "__main__":
    main()
