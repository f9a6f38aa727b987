"""CSV files as spreadsheets, R, pandas and databases write them: the right values, or one sentence."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled.data import text_lines
from unrolled.data.channels import read_channels
from unrolled.data.csv import read_csv, read_csv_table
from unrolled.data.delimiter import find_delimiter
from unrolled.data.example_file import ReadOptions
from unrolled.data.examples import open_example_file
from unrolled.data.header import data_in_header
from unrolled.data.numbers import number_forms
from unrolled.data.panel import read_panel
from unrolled.errors import InputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def read(file: Path, content: str | bytes) -> pl.DataFrame:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(file)


def refusal(file: Path, content: str | bytes, read: Any = read_csv) -> str:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as caught:
        read(file)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(file))


# ---- what separates the fields ----


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["Datum;Umsatz, netto", "2015-01;100,0", "2015-02;101,5"], ";"),
        (["when\tsaid, done", "1\ta, b", "2\tc, d"], "\t"),
        (["a|b;c", "1|2", "3|4"], "|"),
        (["name,rate; in %", "a,1", "b,2"], ","),
        (["text,label", '"a; b; c",x', '"d",y'], ","),
        (["a,b", "1,2", "3"], ","),
        (["one"], ","),
        (["a;b"], ";"),
    ],
)
def test_the_delimiter_divides_every_line(lines: list[str], delimiter: str) -> None:
    assert find_delimiter(lines) == delimiter


def test_excel(file: Path) -> None:
    frame = read(file, b"\xef\xbb\xbfsep=;\r\nDatum;Umsatz;\r\n01.01.2015;1.234,50;\r\n01.02.2015;99,00;\r\n;;\r\n")
    assert frame.rows() == [("01.01.2015", 1234.5), ("01.02.2015", 99.0)]
    assert read(file, '"sep=|"\nt|x\n1|2\n').rows() == [(1, 2)]
    assert read(file, "sep=\t\nt\tx\n1\t2\n").rows() == [(1, 2)]
    assert ", line 3: 1 field, expected 2" in refusal(file, "sep=;\nt;x\n1\n")
    for start in (b"PK\x03\x04\x14", b"\xd0\xcf\x11\xe0\xa1"):
        assert "Excel workbook: " in refusal(file, start)
    assert "a Parquet file, whose name has to end in .parquet; expected a CSV file" in refusal(file, b"PAR1\x15")


def test_comments_before_the_header(file: Path) -> None:
    assert read(file, "# station 7\n# units: mm\nday,rain\n2020-01-01,5\n").columns == ["day", "rain"]
    assert read_csv_table(file).notes == ("2 lines of comment before the names of the columns left out",)
    assert read(file, "# day,rain\n1,5\n2,6\n").columns == ["day", "rain"]
    assert read(file, "#,rain\n1,5\n2,6\n").columns == ["#", "rain"]
    assert ", line 5, column 'rain': found 'x'" in refusal(file, "# a\n# b\nday,rain\n1,5\n2,x\n3,7\n")


def test_quotation_marks_between_tabs(file: Path) -> None:
    content = 'text\tlabel\n"Great" she said\tpos\n"an open one\tneg\nand its end"\tpos\n"a ""whole"" one"\tneg\n"a\ttab"\tpos\n'
    assert read(file, content).rows() == [
        ('"Great" she said', "pos"),
        ('"an open one', "neg"),
        ('and its end"', "pos"),
        ('a "whole" one', "neg"),
        ("a\ttab", "pos"),
    ]
    assert read(file, 'text\tn\n"two\nlines"\t1\nx\t2\n').rows() == [("two\nlines", 1), ("x", 2)]
    assert ", line 4: 1 field, expected 2" in refusal(file, 'text\tn\n"two\nlines"\t1\nx\n')


def test_a_separator_at_the_end_of_every_line(file: Path) -> None:
    assert read(file, "t,x,\n1,2,\n3,4,\n").columns == ["t", "x"]
    assert read(file, "t,x\n1,2,\n3,4,\n").rows() == [(1, 2), (3, 4)]
    assert ", line 2: 3 fields, expected 2" in refusal(file, "t,x\n1,2,5\n3,4,\n")


def test_files_that_are_not_of_fields(file: Path) -> None:
    google = "Category: all\n\nMonth,hits\n2020-01,5\n"
    assert refusal(file, google).endswith("if the columns' names stand further down, remove the lines before them")
    file.write_text("month sales\n2020-01 5\n2020-02 6\n")
    with pytest.raises(
        InputError, match="has one column, 'month sales', of text such as '2020-01 5'; expected fields with"
    ):
        read_panel(file)
    assert read(file, 'month, "x"\n2020-01, "5"\n').rows() == [("2020-01", 5)]


def test_tables_that_are_wide(file: Path) -> None:
    for header in ("shop,2020-01,2020-02,2020-03", "Country,1960,1961,1962"):
        file.write_text(f"{header}\na,1,2,3\nb,4,5,6\n")
        with pytest.raises(InputError, match="are named by times, but a row for each time is expected; turn the table"):
            read_panel(file)
    file.write_text("day,north,south\n2020-01-01,1,2\n2020-01-02,3,4\n")
    with pytest.raises(InputError, match="if each is a series, put them below each other"):
        read_panel(file)
    file.write_text("day,store,x\n" + "".join(f"2020-01-0{day},{store},{day}\n" for store in (7, 9) for day in (1, 2)))
    with pytest.raises(InputError, match="if another tells several series apart, name it with series="):
        read_panel(file)
    assert read_panel(file, "x", series="store").names == ["7", "9"]


# ---- names of columns ----


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("0.31,0.12,up\n0.5,0.1,down\n0.2,0.7,up\n", "found data ('0.31')"),
        ("7,up\n3,down\n", "found data ('7')"),
        ("great film,pos\nbad film,neg\nwhat a film,pos\n", "found 'pos', which is in a row below, too"),
        ("2020-01-01,north,five\n2020-01-02,south,six\n", "found data ('2020-01-01')"),
        ("a,b\nx,y\na,b\n", "found 'a', which is in a row below, too"),
    ],
)
def test_no_names_of_columns(file: Path, content: str, found: str) -> None:
    assert refusal(file, content) == f", line 1: expected the names of the columns, {found}; add a first line"


@pytest.mark.parametrize(
    "names",
    [
        ["0", "1", "2", "label"],
        ["country", "1960", "1961", "1970"],
        ["nm", "400.5", "402.0", "403.5"],
        ["shop", "2020-01", "2020-02"],
        ["", "0"],
    ],
)
def test_numbers_and_times_as_names(names: list[str]) -> None:
    assert data_in_header(names, [["0.5"] * len(names)]) is None


def test_names_that_a_model_knows(file: Path) -> None:
    file.write_text("0,1\n5,6\n7,8\n")
    assert list(read_csv_table(file, known=["0", "1"]).columns) == ["0", "1"]
    assert read_panel(file, target="1").values[0].tolist() == [6, 8]


# ---- columns that number the rows ----


@pytest.mark.parametrize("name", ["", '""', "Unnamed: 0", "Unnamed: 0.1", "index", "level_0", "#", "Row"])
def test_numbers_of_rows_are_no_data(file: Path, name: str) -> None:
    start = 1 if name == '""' else 0
    file.write_text(f"{name},month,sales\n" + "".join(f"{i + start},2020-{i + 1:02},{100 + i}\n" for i in range(5)))
    panel = read_panel(file)
    assert (panel.target, panel.names) == ("sales", [""])
    assert any("numbers the rows and is left out" in sentence for sentence in panel.inferred)
    assert read_channels(file).names == ["sales"]


def test_filtered_and_doubled_numbers_of_rows(file: Path) -> None:
    file.write_text(",month,sales\n7,2020-01,5\n3,2020-02,6\n7,2020-03,7\n")
    assert read_panel(file).target == "sales"
    file.write_text("index,month\n7,2020-01\n3,2020-02\n9,2020-03\n")
    assert read_panel(file).target == "index"  # as of prices
    assert read_panel(file, "index").values[0].tolist() == [7, 3, 9]


def test_without_times_numbers_of_rows_tell_the_order(file: Path) -> None:
    file.write_text(",sales\n2,30\n0,10\n1,20\n")
    panel = read_panel(file)
    assert panel.values[0].tolist() == [10, 20, 30]
    assert "the rows are in the order of 'column 1', which numbers them" in panel.inferred
    file.write_text(",sales\n1,30\n0,10\n1,20\n")
    with pytest.raises(
        InputError, match="there is no column of times, and 'column 1' number the rows in another order"
    ):
        read_panel(file)
    file.write_text(",sales\n0,10\n1,20\n")
    assert read_panel(file).time is None


def test_numbers_of_rows_in_tables_of_examples(file: Path) -> None:
    file.write_text(",a,b,c,kind\n5,1,2,3,up\n2,4,5,6,down\n")
    with open_example_file(file, target_level="sequence") as opened:
        assert [item.tolist() for item in opened.read().items] == [[[1], [2], [3]], [[4], [5], [6]]]
        assert "the column without a name numbers the rows and is left out" in opened.notes
    file.write_text("Unnamed: 0,text,mood\n0,what a film,good\n1,never again,bad\n")
    with open_example_file(file, target_level="sequence") as opened:
        assert opened.read().targets == ["good", "bad"]


def test_series_whose_name_is_a_word_for_missing(file: Path) -> None:
    rows = [f"2020-{m:02},{country},{m}" for country in ("NA", "None", "null", "ZA") for m in (1, 2)]
    file.write_text("\n".join(["month,country,sales", *rows]))
    assert read_panel(file).names == ["NA", "None", "null", "ZA"]
    file.write_text("shop,month,x\n1,2020-01,1\nNA,2020-01,2\n1,2020-02,1\nNA,2020-02,2\n")
    assert read_panel(file, series="shop", target="x").names == ["1", "NA"]
    file.write_text("month,country,sales\n2020-01,,1\n2020-01,ZA,2\n")
    with pytest.raises(InputError, match="line 2, column 'country': the name of the series is missing"):
        read_panel(file)


# ---- numbers ----


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["102,83", "1.102,5"], [102.83, 1102.5]),
        (["1.102.000", "5"], [1102000, 5]),
        (["1 102,50", "0,5"], [1102.5, 0.5]),
        (["1\u00a0102,50", "1\u202f000"], [1102.5, 1000]),
        (["$102", "$1,102.50"], [102, 1102.5]),
        (["-$5.20", "$ 3"], [-5.2, 3]),
        (["102 €", "1.102,50 €"], [102, 1102.5]),
        (["12%", "-15.5 %"], [12, -15.5]),
        (["1,102.5", "98"], [1102.5, 98]),
        (["1,102,000", "98"], [1102000, 98]),
        (["1'102.50", "98"], [1102.5, 98]),
        (["0,102", "0,513"], [0.102, 0.513]),
        (["1,5e3", "2"], [1500, 2]),
        (["1.0E7", "2"], [1e7, 2]),
        (["(102,50)", "98,25"], [-102.5, 98.25]),
        (["1.102,50-", "5"], [-1102.5, 5]),
        (["1,50 EUR", "-2 EUR"], [1.5, -2]),
    ],
)
def test_numbers_as_people_write_them(file: Path, cells: list[str], values: list[float]) -> None:
    rows = "".join(f'{n}\t"{cell}"\n' for n, cell in enumerate(cells))
    assert read(file, f"t\tx\n{rows}")["x"].to_list() == values


@pytest.mark.parametrize(
    ("content", "cell"),
    [
        ('t,x\n1,"1,102"\n2,"2,250"\n', "'1,102': it could be 1102 or 1.102; write it without the comma"),
        ("t;x\n1;1.102\n2;950\n", "'1.102': it could be 1102 or 1.102; write it without the point"),
        ("t;x\n1;$1.102\n2;$950\n", "'$1.102': it could be 1102 or 1.102; write it without the point"),
        ("t;x\n1;5%\n2;0,5\n3;7%\n", "'0,5', expected a number; correct it"),
        ("t;x\n1;1,5\n2;1.5\n3;2,5\n", "'1.5', expected a number; correct it"),
    ],
)
def test_numbers_that_could_be_two(file: Path, content: str, cell: str) -> None:
    assert f"column 'x': found {cell}" in refusal(file, content, lambda file: read_panel(file, "x"))


def test_another_column_may_tell_what_a_mark_means() -> None:
    thousands, decimals = number_forms([["1.102", "950"], ["0,5", "7,25"]], ";")
    assert thousands is not None
    assert (thousands.read("1.102"), decimals and decimals.read("7,25")) == (1102, 7.25)
    volts, amperes = number_forms([["234.840", "233.630"], ["0.418", "4.2"]], ";")
    assert volts is not None
    assert volts.read("234.840") == 234.84
    assert amperes is not None


def test_what_is_said_of_numbers(file: Path) -> None:
    file.write_text("month;sales;share\n2020-01;1,5;5 %\n2020-02;2,5;6 %\n")
    assert read_panel(file, "sales").inferred[1:3] == [
        "a comma is the decimal mark in 'sales', 'share'",
        "the numbers of 'share' are read without '%'",
    ]


def test_decimal_commas_in_examples(file: Path) -> None:
    file.write_text("a;b;kind\n1,5;-0,25;up\n1.200,5;3;down\n")
    with open_example_file(file, target_level="sequence") as opened:
        assert [item.ravel().tolist() for item in opened.read().items] == [[1.5, -0.25], [1200.5, 3]]
    file.write_text('a,b,kind\n"1,500",2,up\n"2,500",3,down\n')
    with (
        open_example_file(file, target_level="sequence") as opened,
        pytest.raises(InputError, match="line 2, column 'a': found '1,500': it"),
    ):
        opened.read()


# ---- costs, pipes, the standard input ----


def test_a_line_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1000)
    assert refusal(file, "t,x\n1," + "2" * 998 + "\n").startswith(
        ": a line is longer than 1,000 bytes, which begins at offset 4"
    )
    assert "a line is longer" in refusal(file, gzip.compress(b"1" * 2000))
    assert read(file, "t,x\n" + "1,2\n" * 1000).height == 1000


def test_more_columns_than_are_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unrolled.data.csv_rows.MOST_COLUMNS", 100)
    assert refusal(file, "a" + ",b" * 100) == ": 101 columns, at most 100 are read; turn the table"


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("month,x\n2020-01,5\n2020-02,6\n"))
    writer.start()
    assert read_panel(pipe).values[0].tolist() == [5, 6]
    writer.join()


def test_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for raw in (
        io.BytesIO(b"month,x\n2020-01,5\n2020-02,6\n"),
        io.BufferedReader(io.BytesIO(gzip.compress(b"t,x\n1,5\n2,6\n"))),
    ):
        monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": raw}))
        assert read_panel("-").values[0].tolist() == [5, 6]
    monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": io.BytesIO(b"month,x\n2020-01,5\n")}))
    with pytest.raises(InputError, match=r"^standard input: 1 row, need at least 2"):
        read_panel("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="there is no standard input"):
        read_panel("-")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    pl.DataFrame({"month": ["2020-01", "2020-02"], "sales": [5.0, 6.0]}).write_parquet(path)
    assert read_panel(path).values[0].tolist() == [5, 6]
    pl.DataFrame({"month": ["2020-01", "2020-02"], "sales": [5.0, None]}).write_parquet(path)
    with pytest.raises(
        InputError, match=r"sales.parquet, row 1 \(counted from 0\), column 'sales': the value is missing"
    ):
        read_panel(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"sales\.parquet cannot be read as Parquet: "):
        read_panel(path)
    with pytest.raises(InputError, match=r"gone\.parquet: no such file"):
        read_panel(tmp_path / "gone.parquet")


# ---- the order of steps ----


def steps(file: Path, header: str, rows: list[str], **options: Any) -> list[list[float]]:
    file.write_text("\n".join([header, *rows]) + "\n")
    with open_example_file(file, ReadOptions(series="id", label="kind", **options), target_level="sequence") as opened:
        return [item[:, 0].tolist() for item in opened.read().items]


@pytest.mark.parametrize(
    ("header", "times"),
    [
        ("when", ["2020-01-01 10:00", "2020-01-01 11:00", "2020-01-02 00:00"]),
        ("Datum", ["30.01.2020", "31.01.2020", "01.02.2020"]),
        ("week", ["2019-W52", "2020-W01", "2020-W02"]),
        ("t", ["8", "9", "10"]),
        ("time", ["0.5", "1.0", "1.5"]),
        ("stamp", ["20191231", "20200101", "20200102"]),
        ("day,clock", ["2020-01-01,22:00", "2020-01-01,23:00", "2020-01-02,01:00"]),
        ("year,month", ["2019,11", "2019,12", "2020,1"]),
        ("hour", ["7", "8", "9"]),
    ],
)
def test_steps_newest_first(file: Path, header: str, times: list[str]) -> None:
    rows = [f"{name},{time},{value},up" for name in "ab" for value, time in list(enumerate(times))[::-1]]
    assert steps(file, f"id,{header},x,kind", rows, features=("x",)) == [[0, 1, 2], [0, 1, 2]]


def test_hours_that_begin_anew_are_left_as_they_are(file: Path) -> None:
    rows = [f"a,{hour},{value},up" for value, hour in enumerate((22, 23, 0, 1))]
    assert steps(file, "id,hour,x,kind", rows, features=("x",)) == [[0, 1, 2, 3]]


def test_steps_whose_order_is_not_clear(file: Path) -> None:
    rows = [f"a,{day},{n},up" for n, day in enumerate(("01.02.2020", "02.02.2020"))] + [
        f"a{n},01.02.2020,1,up" for n in range(1000)
    ]
    more = [f"z,{day},1,up" for day in ("02.02.2020", "02.02.2020", "01.02.2020")]
    with pytest.raises(
        InputError, match=r"line 1005, column 'day': found '02.02.2020': a step before it has the same time"
    ):
        steps(file, "id,day,x,kind", rows + more)
    with pytest.raises(InputError, match="line 1004, column 'day': found 'soon': expected a time"):
        steps(file, "id,day,x,kind", [*rows, "z,soon,1,up"])
    with pytest.raises(InputError, match="line 1004, column 'day': found '': it is blank"):
        steps(file, "id,day,x,kind", [*rows, "z,,1,up"])
    with pytest.raises(InputError, match=r"column 'day': it could be 2020-02-01 or 2020-01-02"):
        steps(file, "id,day,x,kind", ["a,1/2/2020,1,up", "a,1/3/2020,1,up"])


# ---- whatever comes ----


CELLS = [
    "1", "2.5", "-3", "1,5", "1.102", "1,102", "$5", "5%", "", "NA", "north", "2020-01-01", "01.02.2020", "31.12.2020", "1/2/20",
    "2020Q1", "2020-W60", "Jan-20", "20200101", "202001", "10:00 PM", "1704067200", '"a"', "#", "nan", "1e999", "9" * 40,
    "\u0661", "Total", "0", "00", "2020-13", "0000-01-01", "9999-12-31", "%", "(5)", "5-", "true", '"', 'a"b', "24:00", "½",
]  # fmt: skip
NAMES = [
    "date",
    "time",
    "t",
    "v",
    "shop",
    "id",
    "label",
    "year",
    "month",
    "day",
    "hour",
    "",
    "index",
    "0",
    "2020-01",
    "week",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_is_read_or_refused_in_one_sentence(file: Path, data: st.DataObject) -> None:
    header = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    columns = [data.draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=3)) for _ in header]
    rows = [[data.draw(st.sampled_from(column)) for column in columns] for _ in range(data.draw(st.integers(0, 6)))]
    mark, end = data.draw(st.sampled_from(",;\t|")), data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    content = end.join(
        [data.draw(st.sampled_from(["", "", "# c" + end, "sep=;" + end])) + mark.join(header), *map(mark.join, rows)]
    )
    file.write_bytes(content.encode()[: data.draw(st.sampled_from([None, None, 20, 50]))])

    def examples() -> None:
        options = ReadOptions(series=data.draw(st.sampled_from([None, header[0] or None])))
        with open_example_file(file, options, target_level=data.draw(st.sampled_from(["sequence", "none"]))) as opened:
            opened.read()

    messages: list[str] = []
    for reader in (lambda: read_panel(file, missing="zero"), lambda: read_channels(file, missing="previous"), examples):
        try:
            reader()
        except InputError as error:
            messages.append(str(error))
    assert not any("\n" in message for message in messages)
