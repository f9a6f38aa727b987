"""CSV files: every byte, line and cell accounted for (FAULTS 3, 4, 10, 11)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from unrolled.data.csv import read_csv
from unrolled.errors import InputError, MissingExtraError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def read(file: Path, content: str | bytes) -> pl.DataFrame:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(file)


def refusal(file: Path, content: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(file, content)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert "\n" not in message
    return message.removeprefix(str(file))


def test_types(file: Path) -> None:
    frame = read(file, "month,count,size,note\n1949-01,112,1.5,a\n1949-02,118,,\n")
    assert frame.schema == {"month": pl.String, "count": pl.Int64, "size": pl.Float64, "note": pl.String}
    assert frame.rows() == [("1949-01", 112, 1.5, "a"), ("1949-02", 118, None, None)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), ("-1.5", -1.5), ("+.5", 0.5), ("5.", 5), ("1e3", 1e3), ("1E-2", 0.01), (" 7 ", 7), ("9" * 21, 1e21)],
)
def test_numbers(file: Path, cell: str, value: float) -> None:
    assert read(file, f"t,x\n1,{cell}\n2,0.5\n")["x"].to_list() == [value, 0.5]


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "null", "None"])
def test_blanks(file: Path, cell: str) -> None:
    assert read(file, f"t,x\n1,{cell}\n2,0.5\n")["x"].to_list() == [None, 0.5]


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1,5", "12 34", "١٢"])
def test_what_is_no_number(file: Path, cell: str) -> None:
    message = refusal(file, f't;x\n1;0.5\n2;"{cell}"\n')
    assert message == f", line 3, column 'x': found {cell!r}, expected a number; correct it"


def test_text_columns_stay_text(file: Path) -> None:
    frame = read(file, "id,x\n007,1\nA8,2\nB9,3\n")
    assert frame["id"].to_list() == ["007", "A8", "B9"]


def test_separators_quotes_and_line_ends(file: Path) -> None:
    assert read(file, "t;x\r\n1;2\r\n").columns == ["t", "x"]
    assert read(file, "t\tx\n1\t2").rows() == [(1, 2)]
    assert read(file, 'name,x\n"a, ""b""",2\n').rows() == [('a, "b"', 2)]
    assert read(file, "\n\nt,x\n\n1,2\n\n\n").rows() == [(1, 2)]


def test_a_blank_line_of_a_single_column_is_a_blank_cell(file: Path) -> None:
    assert read(file, "x\n1\n\n3\n\n").rows() == [(1.0,), (None,), (3.0,)]


def test_unnamed_columns_get_a_name(file: Path) -> None:
    assert read(file, ",x\n0,5\n").columns == ["column 1", "x"]


def test_fault_03_empty_file(file: Path) -> None:
    expected = " is empty: 0 rows, need a line of column names and at least 1"
    assert refusal(file, "") == expected
    assert refusal(file, "\n \n,,\n") == expected
    assert refusal(file, b"\xef\xbb\xbf") == expected
    assert refusal(file, "month,x\n") == ": 0 rows, need at least 1"


def test_fault_10_not_utf8_and_nul(file: Path) -> None:
    assert refusal(file, b"t,x\n1,2\n\xe4,3\n") == " is not UTF-8: byte 0xe4 at offset 8 (line 3); save it as UTF-8"
    marked = refusal(file, b"\xef\xbb\xbft,x\n1,\xff\n")
    assert marked == " is not UTF-8: byte 0xff at offset 9 (line 2); save it as UTF-8"
    assert refusal(file, b"t,x\n1,\0\n") == " is not a text file: a NUL byte at offset 6 (line 2)"
    assert refusal(file, "t,x\n1,2\n".encode("utf-16")) == (
        " is not UTF-8: byte 0xff at offset 0 begins UTF-16 text; save it as UTF-8"
    )


def test_fault_10_a_byte_order_mark_is_dropped(file: Path) -> None:
    assert read(file, b"\xef\xbb\xbft,x\n1,2\n").columns == ["t", "x"]


def test_fault_11_ragged_rows(file: Path) -> None:
    assert refusal(file, "t,x\n1,2\n2\n") == ", line 3: 1 field, expected 2 as in the header"
    assert refusal(file, "t,x\n1,2\n\n2,3,4\n") == ", line 4: 3 fields, expected 2 as in the header"
    assert refusal(file, 'n,t,x\n"two\nlines",1,2\na,b\n') == ", line 4: 2 fields, expected 3 as in the header"


def test_fault_11_text_in_a_numeric_column(file: Path) -> None:
    assert refusal(file, "t,x\n1,2\n2,two\n3,4\n") == ", line 3, column 'x': found 'two', expected a number; correct it"
    assert refusal(file, "t,x\n1,2\n2,?\n3,4\n4,!\n5,6\n") == (
        ", line 3, column 'x': found '?', expected a number (and text in 1 more rows); correct it"
    )


def test_broken_quotes(file: Path) -> None:
    assert refusal(file, 't,x\n1,"2\n') == ", line 2: unexpected end of data; expected fields separated by ','"
    assert refusal(file, 't,x\n1,"2"3\n') == ", line 2: ',' expected after '\"'; expected fields separated by ','"


def test_headers(file: Path) -> None:
    assert refusal(file, "1949-01,112\n1949-02,118\n") == (
        ", line 1: expected the names of the columns, found data ('1949-01'); add a first line"
    )
    assert refusal(file, "t,x,x\n1,2,3\n") == ", line 1: two columns are named 'x'; give each its own name"


def test_what_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: no such file$"):
        read_csv(tmp_path / "gone.csv")
    with pytest.raises(InputError, match=r"is a folder, expected a CSV file$"):
        read_csv(tmp_path)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        read_csv("a\0b")
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        read_csv("x" * 5000)


def test_polars_missing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(
        MissingExtraError, match=r"the package 'polars'; in a checkout of unrolled: pip install '\.\[cli\]'"
    ):
        read(file, "t,x\n1,2\n")
