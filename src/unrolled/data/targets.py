"""Targets as written in files → labels or numbers; errors name the place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.example_file import Examples
from unrolled.data.real_numbers import nearest_float
from unrolled.data.table import INTEGER, NUMBER, listed

__all__ = ["as_classes", "as_conditions", "as_known_classes", "as_known_conditions", "as_numbers", "as_vectors"]


def as_classes(examples: Examples) -> NDArray[Any]:
    """Labels ``[N]``: integers if all are written as such, otherwise text; numbers are not changed.

    Raises:
        InputError: text and numbers are mixed, or a number has a fraction.

    >>> from unrolled.data.example_file import Place
    >>> as_classes(Examples("a.csv", "text", ["x", "y"], ["1", "2"], [Place("line", 2), Place("line", 3)])).tolist()
    [1, 2]
    """
    targets = _targets(examples)
    vector = next((n for n, target in enumerate(targets) if isinstance(target, list)), None)
    if vector is not None:
        raise examples.error(vector, f"found the vector {_cut(targets[vector])}, expected a label as before it")
    kinds = {type(target) for target in targets}
    if len(kinds) > 1:
        n = next(n for n, target in enumerate(targets) if type(target) is not type(targets[0]))
        found = f"label {targets[n]!r} is of another type than {targets[0]!r} before it"
        raise examples.error(n, f"{found}; write all of them as texts or as numbers")
    if kinds == {str}:
        return np.array([int(target) for target in targets] if all(map(_is_plain_integer, targets)) else targets)
    broken = next((n for n, target in enumerate(targets) if kinds == {float} and target != target // 1), None)
    if broken is not None:
        raise examples.error(
            broken, f"label {targets[broken]!r} has a fraction, expected classes; a regressor learns numbers"
        )
    large = next((n for n, target in enumerate(targets) if kinds == {int} and not -(2**63) <= target < 2**63), None)
    if large is not None:
        raise examples.error(large, f"label {_cut(targets[large])} is too large for a number; write it as a text")
    return np.array(targets)


def as_known_classes(examples: Examples, classes: NDArray[Any]) -> NDArray[Any]:
    """Labels ``[N]`` in the form of a model's classes.

    Raises:
        InputError: a label is none of the model's classes.
    """
    by_text = {_written(each): each for each in classes.tolist()}
    targets = _targets(examples)
    unknown = next((n for n, target in enumerate(targets) if _written(target) not in by_text), None)
    if unknown is not None:
        raise examples.error(
            unknown,
            f"label {targets[unknown]!r} is none of the model's classes {listed(classes.tolist())}; correct it, leave the"
            " item out, or fit a model that knows it",
        )
    return np.array([by_text[_written(target)] for target in targets], classes.dtype)


def as_numbers(examples: Examples) -> NDArray[np.float64]:
    """Numbers ``[N]``.

    Raises:
        InputError: a target is no finite number.
    """
    targets = _targets(examples)
    values = [_number(target) for target in targets]
    bad = next((n for n, value in enumerate(values) if not math.isfinite(value)), None)
    if bad is not None:
        raise examples.error(bad, f"found {_cut(targets[bad])}, expected a finite number; a classifier learns labels")
    return np.array(values)


def as_conditions(examples: Examples) -> NDArray[Any]:
    """What each piece is to be: labels ``[N]``, or vectors ``[N, D]`` where the first is one.

    Raises:
        InputError: as :func:`as_classes` and :func:`as_vectors`.

    >>> from unrolled.data.example_file import Place
    >>> as_conditions(Examples("a.jsonl", "text", ["x"], [[1.0, 2.0]], [Place("line", 1)])).tolist()
    [[1.0, 2.0]]
    """
    return as_vectors(examples) if isinstance(_targets(examples)[0], list) else as_classes(examples)


def as_known_conditions(examples: Examples, known: NDArray[Any]) -> NDArray[Any]:
    """What each piece is to be, as others are: vectors of as many numbers, or labels in the form of ``known``.

    Raises:
        InputError: one is not.
    """
    return as_vectors(examples, known.shape[1]) if known.ndim == 2 else as_known_classes(examples, np.unique(known))


def as_vectors(examples: Examples, width: int | None = None) -> NDArray[np.float64]:
    """Vectors of numbers ``[N, D]``, of ``width`` numbers if that is known.

    Raises:
        InputError: one is none, or has another number of numbers.
    """
    targets = _targets(examples)
    why = "as the others have" if width is None else "as the model was trained on"
    width = len(targets[0]) if width is None else width
    bad = next((n for n, each in enumerate(targets) if not isinstance(each, list) or len(each) != width), None)
    if bad is not None:
        numbers = f"{width} number{'s' * (width != 1)}"
        raise examples.error(bad, f"found {_cut(targets[bad])}, expected a list of {numbers}, {why}")
    return np.array(targets, np.float64)


def _targets(examples: Examples) -> list[Any]:
    assert examples.targets is not None
    return examples.targets


def _number(target: Any) -> float:
    if isinstance(target, str):
        return float(target) if NUMBER.fullmatch(target) else math.nan
    return math.nan if isinstance(target, bool) else nearest_float(target)


def _cut(target: Any) -> str:
    shown = repr(target)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def _is_plain_integer(text: str) -> bool:
    """Whether a text is a whole number and nothing is lost if it is read as one, as the zeros of ``007`` were."""
    return INTEGER.fullmatch(text) is not None and str(int(text)) == text


def _written(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label == label // 1 else str(label)
