"""What a type checker knows of the estimators: the words their parameters may be, and what loading and predicting give."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import unrolled
from unrolled.cells.registry import CELLS, CellName

CODE = """
from datetime import timedelta

import numpy as np
import polars as pl
import unrolled

unrolled.Forecaster(cell="grru")  # wrong
unrolled.Forecaster(cell="gru", method="smoothing", activations=["relu", "tanh"])
unrolled.AnomalyDetector(window=timedelta(hours=12), horizon="6h", merge=3)
unrolled.AnomalyDetector(window=0.5)  # wrong
unrolled.SequenceClassifier(pooling="maximum")  # wrong
unrolled.SequenceTagger(scheme="iob", cell="lstm")  # wrong
unrolled.AnomalyDetector(missing="drop")  # wrong
forecaster = unrolled.load("model", unrolled.Forecaster)
steps: int = forecaster.horizon_
values: float = forecaster.predict(np.ones(3)).sum()
frame: pl.DataFrame = forecaster.predict("data.csv")
other: str = forecaster.predict("data.csv")  # wrong
unrolled.load("model").save("copy")
unrolled.load("model").predictt([1])  # wrong
"""


def test_the_type_of_a_cell_names_every_registered_one() -> None:
    assert set(get_args(CellName)) == {"rnn", *CELLS}


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_pyright_sees_wrong_words_and_knows_what_comes_back(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(CODE)
    source = Path(unrolled.__file__).parents[1]
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{source}"]}}')
    done = subprocess.run(
        ["pyright", "--pythonpath", sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if " error: " in line}
    assert found == {n for n, line in enumerate(CODE.splitlines(), start=1) if "# wrong" in line}, done.stdout
