"""Files of windows in which something was wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from unrolled.data.anomaly_windows import read_anomaly_windows
from unrolled.errors import InputError


def written(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "text", "windows"),
    [
        ("a.csv", "start,end,why\n2024-01-01,2024-01-02,leak\n", [("2024-01-01", "2024-01-02")]),
        ("a.csv", "end;start\n7;3\n", [(3, 7)]),
        ("a.json", "[[3, 7], [8, 9]]", [(3, 7), (8, 9)]),
        ("a.json", '[{"start": "2024-01-01", "end": "2024-01-02"}]', [("2024-01-01", "2024-01-02")]),
        ("a.json", '{"x/taxi.csv": [["a", "b"]], "x/other_taxi.csv": []}', [("a", "b")]),
        ("a.json", "[]", []),
    ],
)
def test_windows(tmp_path: Path, name: str, text: str, windows: list[tuple[object, object]]) -> None:
    assert read_anomaly_windows(written(tmp_path, name, text), "taxi.csv.gz") == windows


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[", " cannot be read as JSON: "),
        (
            "a.json",
            '{"taxi.csv": [], "taxi.csv": [[1, 2]]}',
            " cannot be read as JSON: the key 'taxi.csv' appears twice",
        ),
        ("a.json", "[[1, NaN]]", " cannot be read as JSON: NaN is not a JSON value"),
        ("a.json", "[[1, true]]", ", window 0: [1, true], expected a start and an end"),
        ("a.json", "3", ": expected a list of windows, found 3"),
        ("a.json", "[[1]]", ", window 0: [1], expected a start and an end"),
        ("a.json", '[[1, 2], {"start": 3}]', ', window 1: {"start": 3}, expected a start and an end'),
        ("a.json", '{"b.csv": []}', ": no entry is for taxi.csv, expected one of its name"),
        ("a.json", '{"x/taxi.csv": [], "y/taxi.csv": []}', ": several entries are for taxi.csv, expected one"),
        ("a.csv", "start,stop\n1,2\n", ": no column 'end' (windows=); the columns are 'start', 'stop'"),
        ("a.csv", "start,end\n1,2\n3,\n", ", line 3, column 'end': it is blank; fill it in"),
    ],
)
def test_windows_that_will_not_do(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(InputError) as caught:
        read_anomaly_windows(path, "taxi.csv")
    assert str(caught.value).startswith(f"{path}{message}")


def test_no_such_file(tmp_path: Path) -> None:
    for name in ("a.json", "a.csv"):
        with pytest.raises(InputError, match=f"{name}: no such file"):
            read_anomaly_windows(tmp_path / name, "taxi.csv")
