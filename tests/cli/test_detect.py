"""fit detect, and predict and evaluate with its models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.tasks.anomalies.model import AnomalyModel

Run = Callable[..., Any]
QUICK = ["--members", 1, "--max-epochs", 3, "--hidden-size", 4, "--window", 24]


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


@pytest.fixture(scope="session")
def pump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with hours as usual (pump.csv), hours in which something breaks (later.csv), and a detector."""
    folder = tmp_path_factory.mktemp("pump")
    t = np.arange(600)
    clock = [str(np.datetime64("2024-01-01T00") + hour).replace("T", " ") + ":00" for hour in t]
    flow = 10 + 5 * np.sin(2 * np.pi * t / 24) + np.random.default_rng(0).normal(scale=0.3, size=600)
    flow[500:506] += 20
    rows = [f"{moment},{value:.2f},{n % 2}" for n, (moment, value) in enumerate(zip(clock, flow, strict=True))]
    for name, part in (("pump.csv", rows[:400]), ("later.csv", rows[400:])):
        (folder / name).write_text("\n".join(["time,flow,shift", *part]) + "\n")
    (folder / "known.csv").write_text(f"start,end\n{clock[498]},{clock[503]}\n{clock[560]},{clock[561]}\n")
    arguments = [folder / "pump.csv", "--values", "flow", "-o", folder / "m", "--false-alarm-every", "30d", *QUICK]
    assert run(["fit", "detect", *map(str, arguments)]) == 0
    return folder


def test_fit_says_what_it_watches(unrolled: Run, pump: Path, tmp_path: Path) -> None:
    arguments = ["fit", "detect", pump / "pump.csv", "--values", "flow", "-o", tmp_path / "m", *QUICK]
    outcome = unrolled(*arguments, "--false-alarm-every", 200, "--merge", "12h", "--season", 24)
    detector = library.load(tmp_path / "m")
    lines = outcome.out.splitlines()
    assert lines[0] == "watches flow"
    assert lines[1].startswith(f"an alarm is a score above {detector.threshold_:.3g}: one episode without cause is")
    assert "time is 'time'" in outcome.err.splitlines()
    assert (detector.window, detector.merge, detector.seasons, detector.merge_) == (24, "12h", (24,), 12)
    found = json.loads(unrolled(*arguments, "--json").out)
    assert (found["channels"], found["every"]) == (["flow"], 10_000)


def test_scores_and_episodes(unrolled: Run, pump: Path, tmp_path: Path) -> None:
    detector = library.load(pump / "m")
    outcome = unrolled("predict", pump / "m", pump / "later.csv")
    assert outcome.out == detector.predict(pump / "later.csv").write_csv()
    lines = outcome.err.splitlines()
    assert lines[0].endswith("of alarms, by their highest score")
    assert any(line.startswith("  2024-01-21 2") for line in lines[1:])
    outcome = unrolled(
        "predict", pump / "m", pump / "later.csv", "-o", tmp_path / "s.csv", "--windows", tmp_path / "w.csv"
    )
    assert outcome.out == ""
    assert (tmp_path / "w.csv").read_text() == detector.windows(pump / "later.csv").write_csv()
    assert len(pl.read_csv(tmp_path / "s.csv")) == 200
    found = json.loads(unrolled("predict", pump / "m", pump / "later.csv", "--json", "--threshold", 1e9).out)
    assert (found["windows"], len(found["scores"])) == ([], 200)
    assert unrolled("predict", pump / "m", pump / "later.csv", "--threshold", 1e9).err == "no alarms\n"
    many = unrolled("predict", pump / "m", pump / "later.csv", "--threshold", 0.8).err.splitlines()
    assert len(many) <= 12


def test_the_networks_run_once_for_scores_and_episodes(
    unrolled: Run, pump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, scores = list[int](), AnomalyModel.scores

    def counted(self: AnomalyModel, values: Any, times: Any) -> Any:
        runs.append(len(values))
        return scores(self, values, times)

    monkeypatch.setattr(AnomalyModel, "scores", counted)
    for more in ([], ["--json"], ["-o", tmp_path / "s.csv", "--windows", tmp_path / "w.csv"]):
        runs.clear()
        assert unrolled("predict", pump / "m", pump / "later.csv", *more).code == 0
        assert len(runs) == 1


def test_evaluation_against_windows(unrolled: Run, pump: Path, tmp_path: Path) -> None:
    expected = library.load(pump / "m").evaluate(pump / "later.csv", pl.read_csv(pump / "known.csv"))
    outcome = unrolled("evaluate", pump / "m", pump / "later.csv", "--windows", pump / "known.csv")
    assert outcome.out.splitlines() == [
        f"{pump / 'later.csv'}: {expected}",
        "  2024-01-21 18:00 to 2024-01-21 23:00: found",
        "  2024-01-24 08:00 to 2024-01-24 09:00: missed",
    ]
    (tmp_path / "known.json").write_text('{"data/later.csv": [["2024-01-21 18:00", "2024-01-21 23:00"]]}')
    found = json.loads(
        unrolled("evaluate", pump / "m", pump / "later.csv", "--windows", tmp_path / "known.json", "--json").out
    )
    assert (found["recall"], found["found"], found["precision"]) == (1, [True], expected.precision)
    refused(
        unrolled("evaluate", pump / "m", pump / "later.csv"), f"{pump / 'm'} is a detector: name the file of windows"
    )
    refused(
        unrolled("evaluate", pump / "m", pump / "pump.csv", "--windows", pump / "known.csv"), "window 0, 2024-01-21"
    )
    refused(
        unrolled("predict", pump / "m", pump / "later.csv", "--windows", tmp_path / "no" / "w"),
        f"cannot write {tmp_path / 'no' / 'w'}",
    )


def test_blank_values(unrolled: Run, pump: Path, tmp_path: Path) -> None:
    lines = (pump / "later.csv").read_text().splitlines()
    lines[50] = f"{lines[50].split(',')[0]},,0"
    (tmp_path / "gap.csv").write_text("\n".join(lines))
    refused(unrolled("predict", pump / "m", tmp_path / "gap.csv"), f"{tmp_path / 'gap.csv'}, line 51, column 'flow'")
    assert unrolled("predict", pump / "m", tmp_path / "gap.csv", "--missing", "previous").code == 0


def test_a_detector_runs_without_torch(pump: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from unrolled.cli.app import run; sys.exit(run(sys.argv[1:]))"
    arguments = [sys.executable, "-c", program, "predict", str(pump / "m"), str(pump / "later.csv")]
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
