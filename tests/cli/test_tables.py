"""Tables of every look at the command line: dates, Parquet, pipes and the standard input, from fit to predict."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Run = Callable[..., Any]


def sales(months: int = 36) -> list[tuple[int, int, float]]:
    return [(2019 + n // 12, n % 12 + 1, 100.0 + n + 5 * (n % 12)) for n in range(months)]


def test_an_order_of_day_and_month_is_told_once(unrolled: Run, tmp_path: Path) -> None:
    file, model = tmp_path / "sales.csv", tmp_path / "model.safetensors"
    file.write_text("date,sales\n" + "".join(f"01/{month:02}/{year},{value}\n" for year, month, value in sales()))
    refused = unrolled("fit", "forecast", file, "-o", model, quick=True)
    assert refused.code == 2
    assert "it could be 2019-02-01 or 2019-01-02" in refused.err
    assert not model.exists()
    assert unrolled("fit", "forecast", file, "-o", model, "--time-format", "%d/%m/%Y", quick=True).code == 0
    file.write_text(
        "date,sales\n" + "".join(f"01/{month:02}/{year},{value}\n" for year, month, value in sales(30)[::-1])
    )
    predicted = unrolled("predict", model, file, "-H", 2, "--json")
    assert [row["date"] for row in json.loads(predicted.out)["forecast"]] == ["01/07/2021", "01/08/2021"]
    quick = unrolled("forecast", file, "--time-format", "%m/%d/%Y", "-H", 2, quick=True)
    assert quick.code == 2
    wrong = unrolled("forecast", file, "--time-format", "%Q", "-H", 2, quick=True)
    assert (wrong.code, "%Q is not known" in wrong.err) == (2, True)


def test_parquet(unrolled: Run, tmp_path: Path) -> None:
    file = tmp_path / "sales.parquet"
    rows = [(f"{year}Q{month // 3 + 1}", value) for year, month, value in sales(72) if month % 3 == 1]
    pl.DataFrame(rows, schema=["quarter", "sales"], orient="row").write_parquet(file)
    outcome = unrolled("forecast", file, "-H", 2, "--json", quick=True)
    assert [row["quarter"] for row in json.loads(outcome.out)["forecast"]] == ["2025Q1", "2025Q2"]


def test_pipes_and_the_standard_input_are_read_once(
    unrolled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "month,sales\n" + "".join(f"{year}-{month:02},{value}\n" for year, month, value in sales())
    model = tmp_path / "model.safetensors"

    def give(command: Callable[[object], Any]) -> Any:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        by_input = command("-")
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=lambda: pipe.write_text(text))
        writer.start()
        by_pipe = command(pipe)
        writer.join()
        pipe.unlink()
        assert (by_input.code, by_input.out) == (by_pipe.code, by_pipe.out.replace(str(pipe), "-"))
        return by_input

    forecast = give(lambda file: unrolled("forecast", file, "-H", 1, quick=True))
    assert forecast.out.splitlines()[1].startswith("2022-01,")
    fit = give(lambda file: unrolled("fit", "forecast", file, "-o", model, "-H", 1, "--json", quick=True))
    assert fit.code == 0
    assert give(lambda file: unrolled("predict", model, file)).out == forecast.out


def test_a_detector_answers_row_by_row(unrolled: Run, tmp_path: Path) -> None:
    file, model = tmp_path / "pump.csv", tmp_path / "model.safetensors"
    rows = [f"{1 + n // 24:02}.01.2024,{n % 24}:00,{n % 24 + n % 7 / 10}\n" for n in range(600)]
    file.write_text("Tag,Uhr,Druck\n" + "".join(rows))
    options = ["--members", "1", "--max-epochs", "1", "--hidden-size", "4"]
    assert unrolled("fit", "detect", file, "-o", model, *options).code == 0
    file.write_text("Tag,Uhr,Druck\n" + "".join(rows[::-1]))
    lines = unrolled("predict", model, file).out.splitlines()
    assert lines[0] == "Tag Uhr,score,threshold,alarm"
    assert (lines[1].split(",")[0], lines[-1].split(",")[0]) == ("25.01.2024 23:00", "01.01.2024 0:00")
