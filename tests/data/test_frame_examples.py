"""Examples in frames of pandas, polars and pyarrow, which give what the same table gives as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import ReadOptions
from unrolled.data.examples import open_example_file
from unrolled.data.frame_examples import read_frame_examples
from unrolled.errors import InputError

LONG = pl.DataFrame({
    "id": ["a", "a", "b", "b", "b"],
    "date": ["2024-01-02", "2024-01-01", "2024-01-03", "2024-01-02", "2024-01-01"],
    "x": [2.0, 1.0, 30.0, 20.0, 10.0],
    "on": [True, False, True, True, False],
    "kind": ["up", "up", "down", "down", "down"],
})  # fmt: skip
WIDE = pl.DataFrame({"t0": [1.0, 4.0], "t1": [2.0, 5.0], "t2": [3.0, None], "label": ["u", "v"]})
TEXTS = pl.DataFrame({"review": ["a fine film", "so very dull"], "stars": [5, 1]})
KINDS = {
    "polars": lambda frame: frame,
    "pandas": lambda frame: frame.to_pandas(),
    "pyarrow": lambda frame: frame.to_arrow(),
}
each_kind = pytest.mark.parametrize("of", KINDS.values(), ids=KINDS)


def read(
    frame: Any,
    options: ReadOptions | None = None,
    *,
    target_level: Any = "sequence",
    columns: ExampleColumns | None = None,
) -> Any:
    return read_frame_examples(frame, options or ReadOptions(), target_level=target_level, columns=columns)


@each_kind
@pytest.mark.parametrize(
    ("frame", "options"),
    [
        (LONG.drop("on"), ReadOptions(label="kind")),
        (WIDE, ReadOptions()),
        (TEXTS, ReadOptions(text="review", label="stars")),
    ],
)
def test_a_frame_is_read_as_its_file(of: Any, frame: pl.DataFrame, options: ReadOptions, tmp_path: Path) -> None:
    frame.write_csv(tmp_path / "table.csv")
    with open_example_file(tmp_path / "table.csv", options, target_level="sequence") as file:
        expected = file.read()
    examples, columns, notes = read(of(frame), options)
    assert columns == file.columns
    assert [np.asarray(item).tolist() for item in examples.items] == [
        np.asarray(item).tolist() for item in expected.items
    ]
    assert [str(target) for target in examples.targets] == expected.targets
    assert set(notes) == set(file.notes)


@each_kind
def test_steps_in_order_whatever_the_rows_are_in(of: Any) -> None:
    expected = [[[1, 0], [2, 1]], [[10, 0], [20, 1], [30, 1]]]
    shuffled = LONG[[4, 1, 2, 0, 3]]  # sequences stand apart, too
    for frame in (
        LONG,
        shuffled,
        LONG.with_columns(pl.col("date").str.to_date()),
        shuffled.with_columns(date=pl.col("x").cast(int)),
    ):
        examples, columns, _ = read(of(frame), ReadOptions(label="kind"))
        found = {place.value: item.tolist() for place, item in zip(examples.places, examples.items, strict=True)}
        assert (columns.times, columns.features) == (("date",), ("x", "on"))
        assert [found["a"], found["b"]] == expected
    tagged, _, _ = read(of(LONG), ReadOptions(label="date", features=("x",)), target_level="step")
    assert tagged.targets[0] == ["2024-01-02", "2024-01-01"]


def test_an_index_tells_times_and_sequences_and_is_no_feature() -> None:
    frame = LONG.to_pandas().assign(date=lambda f: pd.to_datetime(f["date"])).set_index(["id", "date"])[["x", "kind"]]
    examples, columns, _ = read(frame, ReadOptions(series="id", label="kind"))
    assert [item.ravel().tolist() for item in examples.items] == [[1, 2], [10, 20, 30]]
    assert columns.features == ("x",)
    wide = WIDE.to_pandas()[["t0", "t1"]]
    for index in (pd.Index([5, 9], name="patient"), pd.date_range("2024", periods=2), pd.Index(["p", "q"])):
        examples, columns, _ = read(wide.set_axis(index), target_level="none")
        assert (columns.features, [item.ravel().tolist() for item in examples.items]) == (
            ("t0", "t1"),
            [[1, 2], [4, 5]],
        )


@each_kind
def test_columns_are_found_by_name(of: Any) -> None:
    _, columns, _ = read(of(WIDE))
    swapped = of(WIDE.select("t2", "t0", "t1"))
    examples, _, _ = read(swapped, target_level="none", columns=columns)
    assert [item.ravel().tolist() for item in examples.items] == [[1, 2, 3], [4, 5]]
    with pytest.raises(
        InputError, match="no column 't1', which the model was trained with; the columns are 't0', 'u1', 't2'"
    ):
        read(of(WIDE.select("t0", u1="t1", t2="t2")), target_level="none", columns=columns)
    with pytest.raises(InputError, match="no column 'label', which the model was trained with"):
        read(swapped, columns=columns)


def test_numbered_columns_have_no_names() -> None:
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3))
    examples, columns, _ = read(frame, target_level="none")
    assert (columns, examples.items[1].ravel().tolist()) == (None, [3, 4, 5])


@pytest.mark.parametrize("dtype", ["Int64", "Float32", "float16", "int8", "object", "boolean"])
def test_dtypes_of_pandas(dtype: str) -> None:
    frame = pd.DataFrame({"a": [1, 0], "b": [0, 1]}).astype(dtype)
    assert [item.ravel().tolist() for item in read(frame, target_level="none")[0].items] == [[1, 0], [0, 1]]


MARKED = ReadOptions(label="kind")
LISTS = "column 'x' holds lists: give the column itself, X=frame"


@pytest.mark.parametrize(
    ("frame", "options", "target_level", "message"),
    [
        (
            WIDE,
            ReadOptions(),
            "none",
            "column 'label', with 'u' in row 0, is of no use beside 't0', 't1', 't2': leave it out",
        ),
        (TEXTS, ReadOptions(), "none", "column 'stars', with 5 in row 0, is of no use beside 'review'"),
        (WIDE[:0], ReadOptions(), "sequence", "the data has 0 rows"),
        (
            WIDE.with_columns(t1=pl.Series([None, 1.0])),
            ReadOptions(),
            "sequence",
            "row 0 .*, column 't1': the value is missing",
        ),
        (
            WIDE.with_columns(pl.lit(None).cast(float).alias(t) for t in ("t0", "t1", "t2")),
            ReadOptions(),
            "sequence",
            "row 0 .* no numbers",
        ),
        (
            WIDE.with_columns(label=pl.Series(["u", None])),
            ReadOptions(),
            "sequence",
            "row 1 .*, column 'label': the label is missing",
        ),
        (WIDE, MARKED, "sequence", r"no column 'kind' \(label=\)"),
        (
            TEXTS,
            ReadOptions(text="stars", label="review"),
            "sequence",
            r"column 'stars' \(text=\) holds 5, expected texts",
        ),
        (
            TEXTS.with_columns(review=pl.Series(["a b", None])),
            ReadOptions("stars", "review"),
            "sequence",
            "row 1 .*text is missing",
        ),
        (
            LONG.with_columns(x=pl.Series([1.0, None, 3, 4, 5])),
            MARKED,
            "sequence",
            "row 1 .*column 'x': the value is missing",
        ),
        (
            LONG,
            ReadOptions(label="on", features=("x",)),
            "sequence",
            "row 0 .*: found True, but another row of 'a' has False; a seq",
        ),
        (WIDE, ReadOptions(), "step", "has no tag for each step"),
        (pl.DataFrame({"x": [[1, 2], [3]], "label": ["u", "v"]}), ReadOptions(), "sequence", LISTS),
        (pd.DataFrame({"x": [["a"], ["b"]], "label": ["u", "v"]}), ReadOptions(), "sequence", LISTS),
        (pd.DataFrame({"x": [np.ones(3), np.ones(2)]}), ReadOptions(), "none", LISTS),
    ],
)
def test_frames_that_will_not_do(frame: Any, options: ReadOptions, target_level: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(frame, options, target_level=target_level)
