"""A written digit, read row by row like a text: how many rows does it take to know it?

    python examples/handwriting.py [--small]

scikit-learn's load_digits has 1,797 images of 8 x 8 pixels. A row is a step of eight numbers. In training, images end after
any of their rows, from the third on, so the network learns to say the best there is to say at each. The baseline, for the
whole image, is the nearest one among those learned from; a quarter of all is kept back for the test, nothing within
training, where the same image, cut elsewhere, would stand on both sides.

Run in full, about 80 seconds on one core of a shared machine, it printed what follows. The nearest image is the better
one here, where the network also has to know half of a digit (a network for whole images only:
benchmarks/accuracy/pendigits.py).

    1347 images to learn from, 450 to test

    nearest image         0.982 of the digits are right
    SequenceClassifier    0.973

    after row
            3  0.849
            4  0.907
            5  0.944
            6  0.969
            7  0.969
            8  0.973
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from unrolled import SequenceClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    X, X_test, y, y_test = train_test_split(images, y, test_size=0.25, stratify=y, random_state=0)
    print(f"{len(X)} images to learn from, {len(X_test)} to test\n")
    nearest = KNeighborsClassifier(1).fit(X.reshape(-1, 64), y).score(X_test.reshape(-1, 64), y_test)
    print(f"{'nearest image':<22}{nearest:.3f} of the digits are right")

    rows = (8,) if options.small else (8, 8, 7, 6, 5, 4, 3)  # whole images count twice
    cut = [image[:count] for count in rows for image in X]
    classifier = SequenceClassifier(
        batch_size=64, members=1 if options.small else 3, max_epochs=8 if options.small else 15, validation_fraction=0,
        random_state=0,
    )  # fmt: skip
    classifier.fit(cut, np.tile(y, len(rows)))
    print(f"{'SequenceClassifier':<22}{classifier.score(X_test, y_test):.3f}\n\nafter row")
    for count in range(3, 9):
        right = classifier.score(X_test[:, :count], y_test)
        print(f"{count:>9} {right:6.3f} {'█' * round(40 * right)}")


if __name__ == "__main__":
    main()
