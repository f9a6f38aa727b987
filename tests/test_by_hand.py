from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unrolled.cells

EXAMPLE = Path(__file__).parents[1] / "examples" / "by_hand.py"


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


def test_it_runs_with_numpy_alone_and_prints_each_step():
    code = f"import sys, runpy; sys.modules['torch'] = None; runpy.run_path({str(EXAMPLE)!r}, run_name='__main__')"
    source = Path(unrolled.cells.__file__).parents[2]
    path = os.pathsep.join([str(source), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert run.stderr == ""
    assert "“I love deep learning”" in run.stdout
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [line[1] for line in lines if line[:1] == ["5"]] == ["110", "110"]
    assert [line[3] for line in lines if line[1:2] == ["deep"]][-1] == "learning"
    assert len(lines) < 60

    by_hand, nudged = next((line[1], line[4]) for line in lines if line[:1] == ["dL/dU[0,0]:"])
    assert float(by_hand) == pytest.approx(float(nudged), abs=2e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_prices_are_learnt_and_the_one_kept_back_comes_out_nearer_than_the_lectures_guess(example, seed, capsys):
    predictions = example["learn_prices"](seed)
    np.testing.assert_allclose(predictions[:4], [102, 105, 107, 110], atol=0.25)
    lectures_guess = 115
    assert abs(predictions[4] - 113) < abs(lectures_guess - 113)
    assert "Day 5 was kept back" in capsys.readouterr().out


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_words_are_learnt(example, seed):
    assert example["learn_words"](seed) == ["I", "love", "deep", "learning"]
