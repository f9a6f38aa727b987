"""``y`` as users have it: kept what it is, or refused with its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.errors import InputError
from unrolled.tasks.sequences.targets import join_targets, read_labels, read_numbers, require_comparable


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (["a", "b"], ["a", "b"]),
        (np.array([np.str_("a"), "b"], object), ["a", "b"]),
        (pd.Series(["a", "b"], index=[4, 2], dtype="category"), ["a", "b"]),
        (pd.Categorical([1, 2]), [1, 2]),
        (pd.array(["a", "b"], dtype="string"), ["a", "b"]),
        (pd.array([True, False], dtype="boolean"), [True, False]),
        (pd.array([3, 4], dtype="Int64"), [3, 4]),
        (np.array([3, 4], object), [3, 4]),
        (np.array([np.int8(3), np.int8(4)], object), [3, 4]),
        ([1, 2.0], [1.0, 2.0]),
        (pl.Series(["a", "b"]), ["a", "b"]),
        (pa.array([1, 2]), [1, 2]),
        (pa.chunked_array([["a"], ["b"]]), ["a", "b"]),
        (pd.DataFrame({"u": [0, 1], "v": [1, 1]}), [[0, 1], [1, 1]]),
        (pd.DataFrame({"u": [0, 1], "v": [1, 1]}, dtype="Int64"), [[0, 1], [1, 1]]),
    ],
)
def test_labels_stay_what_they_are(y: Any, labels: list[Any]) -> None:
    found = read_labels(y, 2)
    assert found.tolist() == labels
    assert type(found.tolist()[0]) is type(labels[0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, "a"], "y holds labels of the types int, str, expected one: text or numbers"),
        (["a", None], "y holds NaN or infinity: None for sequence 1; every sequence needs a label"),
        (["a", float("nan")], "nan for sequence 1"),
        (pd.Categorical(["a", None]), "nan for sequence 1"),
        (pd.array([1, None], dtype="Int64"), "<NA> for sequence 1"),
        ([True, 1], "y holds labels of the types bool, int"),
        ([Decimal(1), Decimal(2)], "y holds labels of the types Decimal"),
        (pd.date_range("2024", periods=2), "y holds labels of the types Timestamp"),
        ({"a": 1, "b": 2}, "expected a list of targets, found a dict"),
        ((label for label in "ab"), r"found a generator: give list"),
        ("ab", "expected a list of texts, found one"),
        (["a"], r"there are 2 sequences and 1 targets \(inconsistent numbers of samples\)"),
        (["a", ["b", "c"]], "y cannot be read as an array"),
        (np.ma.array([1, 2], mask=[0, 1]), "y holds masked values|the targets holds masked values"),
    ],
)
def test_what_is_no_labels(y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(y, 2)


@pytest.mark.parametrize(
    "y",
    [
        [Decimal("0.5"), 2],
        np.array([Decimal("0.5"), 2.0], object),
        pd.array([0.5, 2], dtype="Float64"),
        pl.Series([Decimal("0.5"), Decimal(2)]),
        pa.array([0.5, 2.0]),
        np.float16([0.5, 2]),
    ],
)
def test_numbers_of_any_type(y: Any) -> None:
    found = read_numbers(y, 2)
    assert (found.tolist(), found.dtype) == ([0.5, 2.0], np.float64)
    assert read_numbers([True, False], 2).tolist() == [1, 0]
    assert read_numbers(pd.DataFrame({"a": [1, 2], "b": [3, 4]}, dtype="Int64"), 2).tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            ["1.5", "2"],
            "Unknown label type: y does not hold numbers: found the text '1.5'; convert it; SequenceClassifier",
        ),
        (np.array(["1.5", "2"]), "found text, such as '1.5'"),
        ([1, "2"], "found the text '2'"),
        ([1, None], "y holds NaN or infinity: None for sequence 1; every sequence needs its number"),
        ([1, 10**400], "y holds NaN or infinity: 1000"),
        (pd.array([1, None], dtype="Int64"), "<NA> for sequence 1"),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[D]"), "found times"),
        ([1j, 2], "y does not hold numbers"),
        ([[1, 2], [3]], "y cannot be read as an array"),
    ],
)
def test_what_is_no_numbers(y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_numbers(y, 2)


def test_targets_that_do_not_go_together() -> None:
    with pytest.raises(
        InputError, match="validation holds '1', of another type than 0, which is learned from: convert it"
    ):
        join_targets(np.array([0, 1]), np.array(["1"]))
    with pytest.raises(InputError, match=r"y of validation has shape \[1, 2\], that of the others \[2\]"):
        join_targets(np.array([0.0, 1.0]), np.array([[1.0, 2.0]]))
    with pytest.raises(InputError, match="y holds texts, such as '0', but the model's classes are numbers: convert it"):
        require_comparable(np.array(["0"]), np.array([0]))
    assert require_comparable(np.array([0.0]), np.array([0])).tolist() == [0]
