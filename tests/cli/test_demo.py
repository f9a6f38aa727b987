"""The demo: table, chart, model, data and page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import unrolled as library
from unrolled.cli import demo as demo_module
from unrolled.cli.demo_data import demo_files

Run = Callable[..., Any]


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train a smaller model for fewer epochs."""
    forecaster = demo_module.airline_forecaster
    quick = {"members": 1, "max_epochs": 2, "hidden_size": 4}
    monkeypatch.setattr(demo_module, "airline_forecaster", lambda seed: forecaster(seed).set_params(**quick))


@pytest.mark.usefixtures("quickly")
def test_demo_prints_chart_table_and_what_next(unrolled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    folder = tmp_path / "a folder" / "demo"
    outcome = unrolled("demo", "-o", folder)
    assert (outcome.code, outcome.err) == (0, "")
    assert library.load(folder / "model.safetensors").cell == "gru_reset_before"
    lines = outcome.out.splitlines()
    assert max(map(len, lines[:22])) <= 100
    assert sum(line.count("●") for line in lines) == 13  # twelve months and the legend
    for name in ("forecast", "naive", "seasonal naive", "seasonal naive x growth"):
        assert any(line.startswith(f"{name} ") for line in lines)
    assert lines[-1] == "  unrolled forecast YOUR.csv -H 12"
    assert f"  unrolled predict '{folder}/model.safetensors' '{folder}/passengers.csv'" in lines


@pytest.mark.usefixtures("quickly")
def test_demo_never_sees_the_last_year_and_its_files_work(unrolled: Run, tmp_path: Path) -> None:
    result = json.loads(unrolled("demo", "-o", tmp_path, "--json").out)
    forecaster = library.load(result["model"])
    assert forecaster.predict()["month"].to_list() == [f"1960-{month:02}" for month in range(1, 13)]
    assert forecaster.predict()["passengers"].to_list() == [row["passengers"] for row in result["forecast"]]
    errors = result["evaluation"]["accuracy"]
    assert errors["naive"]["mae"] == pytest.approx(76.0)  # 1960 minus 405, by hand
    assert errors["seasonal naive"]["mae"] == pytest.approx(47.8333, abs=1e-4)
    outcome = unrolled("predict", result["model"], result["file"])
    assert outcome.out.splitlines()[1].startswith("1961-01,")
    page = Path(result["files"]["page"]).read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert f"{errors['forecast']['mae']:.1f}" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert written == {"model.safetensors", "index.html", *(name for name, _ in demo_files())}
    assert "the one with the lowest validation loss in the second half of the 2 planned" in page


@pytest.mark.usefixtures("quickly")
def test_demo_replaces_nothing_of_the_users(unrolled: Run, tmp_path: Path) -> None:
    for name in ("reviews.csv", "index.html", "model.safetensors"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("mine")
        outcome = unrolled("demo", "-o", folder)
        assert (outcome.code, outcome.out) == (2, "")
        message = f"{folder / name} is there already, and not as the demo writes it: choose another folder with -o"
        assert outcome.err == f"unrolled: {message}\n"
        assert [file.name for file in folder.iterdir()] == [name]
        assert (folder / name).read_text() == "mine"
    assert unrolled("demo", "-o", tmp_path / "demo").code == 0
    assert unrolled("demo", "-o", tmp_path / "demo").code == 0  # what it wrote itself it writes again
    (tmp_path / "demo" / "passengers.csv").write_text("month,passengers\n")
    assert unrolled("demo", "-o", tmp_path / "demo").code == 2


@pytest.mark.parametrize(
    ("task", "file", "options", "measure"),
    [
        ("classify", "reviews.csv", ["--validation-fraction", "0.2"], "accuracy"),
        ("classify", "tones", ["--validation-fraction", "0.2"], "accuracy"),
        ("regress", "engines.csv", ["--series", "engine", "--label", "hours_left"], "R2"),
        ("tag", "names.conll", ["--validation-fraction", "0.2"], "entity F1"),
        ("detect", "pump.csv", ["--false-alarm-every", "20d"], "watches flow, pressure"),
        ("forecast", "passengers.csv", [], "MASE"),
        ("generate", "jack.txt", ["--validation-fraction", "0.1"], "nats a symbol"),
    ],
)
def test_every_task_learns_from_the_data_of_the_demo(
    unrolled: Run, tmp_path: Path, task: str, file: str, options: list[str], measure: str
) -> None:
    for name, content in demo_files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    outcome = unrolled("fit", task, tmp_path / file, *options, "-o", tmp_path / "model", quick=True)
    assert outcome.code == 0, outcome.err
    assert measure in outcome.out
    assert unrolled("predict", tmp_path / "model", tmp_path / file).code == 0


def test_the_data_of_the_demo_are_the_same_each_time() -> None:
    assert list(demo_files()) == list(demo_files())
    assert sum(len(content) for _, content in demo_files()) < 300_000


def test_demo_folder_that_is_a_file(unrolled: Run, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    outcome = unrolled("demo", "-o", tmp_path / "f")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"unrolled: cannot write to {tmp_path / 'f'}: it is not a folder; choose another with -o\n"


@pytest.mark.usefixtures("quickly")
def test_the_same_seed_gives_the_same_model(unrolled: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert unrolled("demo", "-o", tmp_path / name, "--json").code == 0
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
