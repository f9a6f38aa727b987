"""``unrolled compare``."""

from __future__ import annotations

import json

import pytest

QUICK = ["--seeds", "2", "--updates", "20", "--hidden-size", "8"]


def test_a_series_is_compared(unrolled, passengers, tmp_path):
    done = unrolled(
        "compare", passengers, "--task", "forecast", "--models", "rnn, seasonal-naive", *QUICK,
        "-o", tmp_path / "table.md", "--svg", tmp_path / "picture.svg",
    )  # fmt: skip
    assert done.code == 0
    assert "does best, MASE" in done.out
    assert "1 series: 61 origins to learn from, 13 to validate, 13 to test" in done.err
    text = (tmp_path / "table.md").read_text()
    assert "| seasonal-naive | 1.762 [" in text
    assert (tmp_path / "picture.svg").read_text().startswith("<svg ")


def test_what_is_found_is_json(unrolled, passengers):
    done = unrolled("compare", passengers, "--task", "forecast", "--models", "gru,autoregression", *QUICK, "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["command"] == "compare"
    assert {row["name"] for row in found["rows"]} == {"gru", "autoregression"}
    assert found["task"] == "forecast"


def test_a_terminal_gets_tables(unrolled, passengers):
    done = unrolled("compare", passengers, "--task", "forecast", "--models", "gru,seasonal-naive", *QUICK, terminal=200)
    assert done.code == 0
    assert "what texts say" in done.out
    assert "| ---" not in done.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--task is not given, expected one of forecast, classify, tag, generate"),
        (["--task", "translate"], "'translate'"),
        (["--task", "forecast", "--models", "crf"], "--models is 'crf', but that makes no sense for forecast"),
        (["--task", "forecast", "--models", "gru,,lstm"], "expected names with commas between them"),
        (["--task", "forecast", "--label", "x"], "--label means nothing for --task forecast"),
        (["--task", "classify", "--horizon", "3"], "--horizon is for --task forecast"),
        (["--task", "forecast", "--examples", "9"], "--examples is 9, but series are cut in time"),
        (["--task", "forecast", "--horizon", "100"], "need at least 200, 100 of them held out"),
        (["--task", "classify", "--missing", "zero"], "--missing is for --task forecast"),
        (
            ["--task", "forecast", "--updates", "5", "--budget", "0.2"],
            "--updates is 5, but --budget 0.2 says how many there are: leave one of them out",
        ),
        (
            ["--task", "forecast", "--models", "seasonal-naive", "--seeds", "2"],
            "--seeds is 2, but nothing that is compared",
        ),
        (["--task", "forecast", "--window", "200"], "--window is 200, but after as many steps"),
    ],
)
def test_wrong_input_is_one_sentence(unrolled, passengers, tmp_path, options, message):
    done = unrolled("compare", passengers, *(options or QUICK), "-o", tmp_path / "out.md")
    assert done.code == 2
    assert done.out == ""
    last = done.err.strip().splitlines()[-1]
    assert last.startswith("unrolled: ")
    assert message in last
    assert not (tmp_path / "out.md").exists()


def test_a_gap_is_filled_as_one_says(unrolled, passengers):
    lines = passengers.read_text().splitlines()
    lines[5] = lines[5].split(",")[0] + ","
    passengers.write_text("\n".join(lines) + "\n")
    asked = ["compare", passengers, "--task", "forecast", "--models", "seasonal-naive"]
    refused = unrolled(*asked)
    assert refused.code == 2
    assert "--missing interpolate" in refused.err
    done = unrolled(*asked, "--missing", "interpolate")
    assert done.code == 0
    assert done.out.startswith("1 series: 61 origins")
    assert "origins" not in done.err
    assert "Every network" not in done.out
