"""Class labels: the user's words or numbers, and their indices among a model's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.whole_characters import check_characters
from unrolled.errors import InputError

__all__ = ["Labels"]

_DTYPES = {
    "text": np.dtype(object),
    "integer": np.dtype(np.int64),
    "number": np.dtype(np.float64),
    "truth": np.dtype(bool),
}

_TYPES = {"text": str, "integer": int, "number": float, "truth": bool}


@dataclass(frozen=True)
class Labels:
    """The classes in order; plain values only, so that a model file can hold them.

    >>> labels = Labels.fit(np.array(["no", "yes", "no"]))
    >>> labels.values, labels.encode(np.array(["yes"])).tolist(), labels.decode(np.array([0])).tolist()
    (['no', 'yes'], [1], ['no'])
    """

    kind: Literal["text", "integer", "number", "truth"]
    values: list[str | int | float | bool]

    def __post_init__(self) -> None:
        """Check that the values are of their kind, and each once, ascending.

        Raises:
            InputError: naming the first that is not.
        """
        known = _TYPES[self.kind]
        for before, value in zip([None, *self.values], self.values, strict=False):
            whole = type(value) is not float or value.is_integer()  # infinity is not
            held = type(value) is not int or -(2**63) <= value < 2**63
            if type(value) is not known or not whole or not held:
                raise InputError(f"label {str(value)[:40]!r} is none of the kind {self.kind!r}")
            if before is not None and not before < value:  # pyright: ignore[reportOperatorIssue], of one type
                raise InputError(f"labels {str(before)[:40]!r}, {str(value)[:40]!r}: expected each once, ascending")

    @classmethod
    def fit(cls, y: NDArray[np.generic]) -> Labels:
        """The classes of ``y [N]``, ascending.

        Raises:
            InputError: a label is missing, or labels of several kinds are mixed.
        """
        kind = _kind_of(y)
        values = sorted(set(y.tolist()))
        for value in values if kind == "text" else ():
            check_characters(value, f"label {value!r}")
        return cls(kind, values)

    @property
    def classes(self) -> NDArray[np.generic]:
        """The classes as an array, of the dtype that labels of this kind have."""
        array = np.array(self.values, dtype=_DTYPES[self.kind])
        return array.astype(str) if self.kind == "text" else array

    def encode(self, y: NDArray[np.generic]) -> NDArray[np.int64]:
        """Labels → indices.

        Raises:
            InputError: a label that is none of the classes, named with its place.
        """
        indices = {value: index for index, value in enumerate(self.values)}
        found = [indices.get(value, -1) for value in y.tolist()]
        if -1 in found:
            n = found.index(-1)
            known = ", ".join(map(repr, self.values[:12])) + (" …" if len(self.values) > 12 else "")
            raise InputError(f"label {y.tolist()[n]!r} of sequence {n} is none of the model's classes {known}")
        return np.array(found, np.int64)

    def decode(self, indices: NDArray[np.integer]) -> NDArray[np.generic]:
        """Indices → labels."""
        return self.classes[indices]


def _kind_of(y: NDArray[np.generic]) -> Literal["text", "integer", "number", "truth"]:
    if y.dtype.kind == "O":
        kinds = {type(value).__name__ for value in y.tolist()}
        if kinds != {"str"}:
            raise InputError(
                f"Unknown label type: y holds labels of the types {', '.join(sorted(kinds))}, expected one: text or numbers"
            )
        return "text"
    if y.dtype.kind == "U":
        return "text"
    if y.dtype.kind == "b":
        return "truth"
    if y.dtype.kind in "iu":
        return "integer"
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise InputError("y holds NaN or infinity: every sequence needs a label")
        if any(value != int(value) for value in y.tolist()):
            raise InputError(
                "Unknown label type: y holds fractions, which are no classes; SequenceRegressor predicts numbers"
            )
        return "number"
    raise InputError(f"y has dtype {y.dtype}, expected labels: text or whole numbers")
