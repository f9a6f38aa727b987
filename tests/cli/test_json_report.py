"""What ``--json`` prints: one flat object that begins with the same keys, whatever becomes of the rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unrolled.cli import demo as demo_module
from unrolled.cli.json_report import Report, print_report, reporting

Run = Callable[..., Any]
KEYS = ["command", "model", "file", "inferred"]


def report_of(outcome: Any, command: str) -> dict[str, Any]:
    found = json.loads(outcome.out)
    assert list(found)[: len(KEYS)] == KEYS
    assert found["command"] == command
    assert isinstance(found["inferred"], list)
    return found


def test_every_command_begins_with_the_same_keys(
    unrolled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"members": 1, "max_epochs": 2, "hidden_size": 4}
    forecaster = demo_module.airline_forecaster
    monkeypatch.setattr(demo_module, "airline_forecaster", lambda seed: forecaster(seed).set_params(**quick))
    found = report_of(unrolled("demo", "-o", tmp_path, "--json"), "demo")
    assert len(found["forecast"]) == 12
    found = report_of(unrolled("forecast", tmp_path / "passengers.csv", "--json", quick=True), "forecast")
    assert (len(found["forecast"]), found["validation"]["horizon"]) == (12, 12)
    report_of(unrolled("info", tmp_path / "model.safetensors", "--json"), "info")
    windows = tmp_path / "windows.csv"
    for task, data, options, evaluated, rows, measure in [
        ("classify", "reviews.csv", [], [], "predictions", "accuracy"),
        ("regress", "engines.csv", ["--series", "engine", "--label", "hours_left"], [], "predictions", "r2"),
        ("tag", "names.conll", [], [], "predictions", "accuracy"),
        ("detect", "pump.csv", ["--false-alarm-every", "20d"], ["--windows", windows], "scores", "recall"),
        ("forecast", "passengers.csv", [], [], "forecast", "coverage"),
    ]:
        model = tmp_path / f"{task}.model"
        fit = report_of(
            unrolled("fit", task, tmp_path / data, *options, "-o", model, "--json", quick=True), f"fit {task}"
        )
        assert (fit["model"], fit["file"]) == (str(model), str(tmp_path / data))
        predicted = report_of(unrolled("predict", model, tmp_path / data, "--json"), "predict")
        assert all(isinstance(row, dict) for row in predicted[rows])
        assert predicted[rows]
        windows.write_text("start,end\n2024-02-01 00:00,2024-02-01 05:00\n")
        measured = report_of(unrolled("evaluate", model, tmp_path / data, *evaluated, "--json"), "evaluate")
        assert isinstance(measured[measure], int | float)


def test_rows_go_to_the_file_and_into_the_report(unrolled: Run, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,a\nbad film,b\n" * 10)
    (tmp_path / "new.txt").write_text("good\nbad film\n")
    assert unrolled("fit", "classify", tmp_path / "r.csv", "-o", tmp_path / "m", quick=True).code == 0
    for name in ("out.csv", "out.jsonl"):
        outcome = unrolled("predict", tmp_path / "m", tmp_path / "new.txt", "-o", tmp_path / name, "--json")
        rows = report_of(outcome, "predict")["predictions"]
        assert [row["line"] for row in rows] == [1, 2]
        written = (tmp_path / name).read_text().splitlines()
        assert len(written) == (3 if name == "out.csv" else 2)
        assert str(rows[1]["probability"]) in written[-1]


def test_rows_are_printed_as_they_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """A long prediction is not kept in memory, and what the report says is read when the first row has come."""
    notes: list[str] = []

    def rows() -> Any:
        notes.append("inferred")
        yield {"n": 1}
        assert '{"n": 1}' in capsys.readouterr().out
        yield {"n": float("inf")}

    with reporting(Report(inferred=notes, rows_are="rows")) as passing:
        assert [row["n"] for row in passing(rows())] == [1, float("inf")]
    assert capsys.readouterr().out == ',\n    {"n": null}\n  ]\n}\n'
    print_report(Report(inferred=notes, rows_are="rows"))
    assert json.loads(capsys.readouterr().out)["rows"] == []
    print_report(Report(inferred=notes))
    assert "rows" not in json.loads(capsys.readouterr().out)
