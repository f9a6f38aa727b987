"""Items in every container users have, and what is no items, or other ones than it seems."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from unrolled.data.items import kind_of, read_items
from unrolled.errors import InputError

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})


@pytest.mark.parametrize(
    "data",
    [
        pd.Series(["a b", "c"], index=[7, 9]),
        pd.Series(["a b", "c"], dtype="category"),
        pd.array(["a b", "c"], dtype="string"),
        pd.Index(["a b", "c"]),
        pl.Series(["a b", "c"]),
        pa.array(["a b", "c"]),
        pa.chunked_array([["a b"], ["c"]]),
        np.array(["a b", "c"]),
        np.array([np.str_("a b"), "c"], object),
        ("a b", "c"),
        {1: "a b", 2: "c"}.values(),
    ],
    ids=lambda data: type(data).__name__,
)
def test_texts(data: Any) -> None:
    items = read_items(data)
    assert kind_of(data) == "text"
    assert items == ["a b", "c"]
    assert {type(item) for item in items} == {str}


@pytest.mark.parametrize(
    "data",
    [
        pd.Series([["a", "b"], ["c"]], index=[3, 4]),
        pl.Series([["a", "b"], ["c"]]),
        pa.array([["a", "b"], ["c"]]),
        [np.array(["a", "b"]), pd.Series(["c"], index=[5])],
        np.array([["a", "b"], ["c"]], object),
    ],
    ids=lambda data: type(data).__name__,
)
def test_tokens(data: Any) -> None:
    assert (kind_of(data), read_items(data)) == ("tokens", [["a", "b"], ["c"]])


@pytest.mark.parametrize(
    "data",
    [
        [[1, 2], [3.5]],
        pd.Series([[1, 2], np.array([3.5])], index=[1, 0]),
        pl.Series([[1.0, 2.0], [3.5]]),
        pa.array([[1.0, 2.0], [3.5]]),
        np.array([[1, 2], [3.5]], object),
        [[Decimal(1), Fraction(2)], np.array([3.5], object)],
        [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.5])],
        [pd.Series([1, 2], dtype="Int64"), [3.5]],
        [np.array([1, 2], ">i4"), np.float32([3.5])],
        [np.array([1, 2], np.uint8), [[3.5]]],
        [pd.DataFrame([1, 2]), pd.DataFrame([3.5])],
    ],
)
def test_numbers(data: Any) -> None:
    assert [item.tolist() for item in read_items(data)] == [[[1], [2]], [[3.5]]]


def test_truth_values_are_zeros_and_ones() -> None:
    for data in ([[True, False]], np.array([[True, False]]), [pd.DataFrame({"a": [True, False]})]):
        assert read_items(data)[0].tolist() == [[1], [0]]


def test_frames_as_sequences_are_read_by_their_names() -> None:
    swapped = pl.DataFrame({"b": [3.0, 4.0], "a": [1.0, 2.0]})
    for frame in (FRAME, FRAME[["b", "a"]], swapped, swapped.to_arrow()):
        assert read_items([FRAME, frame])[1].tolist() == [[1, 3], [2, 4]]
        assert read_items([frame], names=("b", "a"))[0].tolist() == [[3, 1], [4, 2]]
    with pytest.raises(InputError, match="sequence 1 has the columns 'a', 'c', expected 'a', 'b', as in the others"):
        read_items([FRAME, FRAME.rename(columns={"b": "c"})])


def test_steps_of_frames_are_sorted_by_their_times() -> None:
    days = pd.to_datetime(["2024-01-02", "2024-01-01"])
    for frame in (FRAME.set_axis(days), FRAME.assign(when=days), FRAME.rename_axis("n").assign(when=days)):
        assert read_items([frame])[0].tolist() == [[2, 4], [1, 3]]
    with pytest.raises(InputError, match="several columns of times, 'time', 'when'"):
        read_items([FRAME.assign(when=days).set_axis(days)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a text", r"expected a list of texts, found one: give \['a text'\]"),
        (b"bytes", "expected a list of items, found bytes, b'bytes': decode them"),
        ([b"some", b"bytes"], "found bytes, b'some': decode them"),
        ({"text": ["a"], "label": [1]}, "found a dict with 'text', 'label': give one of its values, or a frame"),
        ([{"text": "a"}, {"text": "b"}], "item 0 is a dict with 'text': give a list of one of its values"),
        ({"a", "b"}, "found a set, which has no order"),
        ((text for text in "ab"), r"found a generator: give list\(…\) of it"),
        (map(str, [1]), r"found a map: give list\(…\) of it"),
        (3, "expected a list of items, found int"),
        (np.array(3), "found the single value 3"),
        (pl.LazyFrame({"a": [1]}), "found LazyFrame; call .collect"),
        (["a", None], "text 1 is None, a NoneType, expected a str"),
        (pd.Series(["a", np.nan]), "text 1 is nan, a float, expected a str"),
        (["a", "half \ud83d"], r"text 1 holds half of a character, '\\ud83d', as a cut emoji leaves it"),
        ([["a"], ["b", "\udc00"]], r"sentence 1, token 1 holds half of a character, '\\udc00'"),
        ([["a"], None], "sentence 1 is None, expected a list of at least one token"),
        ([["a", 1]], "sentence 0, token 1 is 1, expected a str"),
        ([[1, "2"]], "sequence 0 does not hold numbers: found text, such as '1'; convert it"),
        ([[1.0], np.array(["2"])], "sequence 1 does not hold numbers: found text, such as '2'"),
        ([np.array([1, "2"], object)], "sequence 0 does not hold numbers: found the text '2'; convert it"),
        ([[1.0], [b"2"]], "sequence 1 does not hold numbers: found bytes, such as b'2'"),
        ([[1, 2], [[3, 4], [5]]], "sequence 1 cannot be read as an array: .*inhomogeneous"),
        ([[10**400]], "sequence 0, step 0, number 0 is infinity"),
        ([np.array([1, None], object)], "sequence 0, step 1, number 0 is NaN"),
        ([[pd.NA, 1]], "sequence 0, step 0, number 0 is NaN"),
        ([[Decimal("sNaN")]], "sequence 0, step 0, number 0 is NaN"),
        ([pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})], "sequence 0, step 1, number 0 is NaN"),
        ([np.ma.array([1, 2], mask=[0, 1])], "sequence 0 holds masked values: fill them"),
        (np.ma.array([[1, 2]], mask=[[0, 1]]), "holds masked values: fill them"),
        (np.array([["2024-01-01"]], "datetime64[s]"), "found times; convert it"),
        ([[pd.Timestamp("2024-01-01")]], "sequence 0 does not hold numbers: found Timestamp"),
        ([np.array([1], "timedelta64[s]")], "found spans of time"),
        ([[1 + 2j]], "sequence 0: Complex data not supported"),
        ([np.ones(2, np.longdouble) * np.longdouble("1e4000")], "sequence 0, step 0, number 0 is infinity"),
        ([FRAME.assign(c="x")], "sequence 0, column 'c' holds 'x', expected numbers; leave it out"),
        ([FRAME, [1.0]], "sequence 1 is a list, expected a frame as the first"),
        (pd.Series([1.0, 2.0]), r"sequence 0 has shape \[\]"),
    ],
)
def test_what_is_no_items(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_items(data)


@pytest.mark.parametrize("kind", ["text", "tokens", "numbers", "audio"])
def test_no_items_are_none_of_the_kind(kind: Any) -> None:
    with pytest.raises(InputError, match=r"there are 0 (items|sequences) \(0 sample\(s\)\)") as caught:
        read_items([], kind=kind)
    assert ("sequences of numbers" in str(caught.value)) is False
