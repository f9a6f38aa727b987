"""The example runs on a small file in the form of the real one."""

import gzip
import runpy
import sys
from pathlib import Path

import numpy as np
import polars as pl

EXAMPLE = Path(__file__).parents[1] / "examples" / "electricity.py"


def test_it_runs_on_a_file_of_that_form(tmp_path, monkeypatch, capsys):
    hours = np.arange(24 * 20)
    rng = np.random.default_rng(0)
    columns = {
        name: 10 + np.sin(2 * np.pi * (hours + 3 * i) / 24) + 0.1 * rng.normal(size=len(hours))
        for i, name in enumerate(("HUFL", "OT"))
    }
    stamps = [str(time).replace("T", " ") for time in np.datetime64("2018-01-01T00:00:00") + hours.astype("m8[h]")]
    text = pl.DataFrame({"date": stamps, **columns}).write_csv()
    (tmp_path / "ETTh1.csv.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), str(tmp_path), "--small"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    out = capsys.readouterr().out
    assert "2 forecasts of 48 steps" in out
    assert "2018-01-19 00:00:00" in out
    table = {
        line.split("  ")[0]: float(line.split()[-1]) for line in out.splitlines() if line[:5] in ("forec", "naive")
    }
    assert table["forecast"] < table["naive"]
