"""Models of every task are inspected on files like those they were trained on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from unrolled.cli.app import run
from unrolled.cli.catalogue import TASKS, load_model
from unrolled.cli.demo_data import demo_files

TINY = ["--max-epochs", "1", "--hidden-size", "4", "--members", "1", "--seed", "0"]
FILES = {
    "classify": ("reviews.csv", "other_reviews.csv", [], []),
    "regress": ("engines.csv", "engines.csv", ["--series", "engine", "--label", "hours_left"], []),
    "tag": ("names.conll", "names.conll", [], []),
    "forecast": ("passengers.csv", "passengers.csv", [], []),
    "translate": ("dates.tsv", "dates.tsv", [], []),
    "transcribe": ("spoken.csv", "spoken.csv", [], []),
    "generate": ("jack.txt", "jack.txt", [], ["--truncate", "32"]),
    "detect": ("pump.csv", "pump_later.csv", [], ["--window", "8", "--false-alarm-every", "500"]),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    for name, content in demo_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    spoken = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.glob("tones/*/*.wav"))]
    (folder / "spoken.csv").write_text("\n".join(["source,target", *spoken]) + "\n")
    dates = (folder / "dates.tsv").read_text().splitlines(keepends=True)
    (folder / "dates.tsv").write_text("".join(dates[:60]))
    return folder


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_model_of_every_task_has_its_page(
    task, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo)
    learned, inspected, columns, settings = FILES[task.name]
    model, page = tmp_path / "model.safetensors", tmp_path / "page.html"
    assert run(["fit", task.name, learned, *columns, *settings, *TINY, "-o", str(model)]) == 0
    capsys.readouterr()
    assert run(["inspect", str(model), inspected, *columns, "-o", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["findings"])[:6] == ["data", "fit", "errors", "gradients", "spectrum", "gates"]
    assert all(told["findings"].values())
    assert 10_000 < len(page.read_bytes()) < 300_000
    loaded, own = load_model(model)
    assert own is task
    known = task.known(
        loaded, Path(inspected), task.known_options(**dict(zip(("series", "label"), columns[1::2], strict=False)))
    )
    if task.name in ("forecast", "detect"):
        assert known.places == []
    else:
        X, y = known.data
        assert len(known.places) == len(X)
        assert y is None or len(y) == len(X)


def test_without_torch_what_needs_none_is_there(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo)
    model = tmp_path / "model.safetensors"
    assert run(["fit", "classify", "reviews.csv", *TINY, "-o", str(model)]) == 0
    for name in [name for name in sys.modules if name.startswith(("torch", "unrolled.nn", "unrolled.training"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    capsys.readouterr()
    assert run(["inspect", str(model), "reviews.csv", "-o", str(tmp_path / "page.html"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["findings"]) == ["data", "fit", "errors"]
    assert "needs the package 'torch'" in told["left_out"]["The gates, step by step"]
