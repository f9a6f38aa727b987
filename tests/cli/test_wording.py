"""What a message says on the command line: flags for arguments, nothing that steers a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unrolled.cli.wording import in_flags, printable, speaking

Run = Callable[..., Any]
FLAGS = {"missing": "--missing", "time_format": "--time-format", "series": "--series", "season_length": "--season"}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("choose missing='interpolate', 'previous' or 'zero'", "choose --missing interpolate, previous or zero"),
        ("say which with time_format='%d/%m/%Y' or '%m/%d %Y'", "say which with --time-format %d/%m/%Y or '%m/%d %Y'"),
        ("name it with series=, or leave it out", "name it with --series, or leave it out"),
        ("season_length is -1, expected at least 1", "--season is -1, expected at least 1"),
        ("lower season_length (now 3), or set series= or text=", "lower --season (now 3), or set --series or text="),
        ("begun with season_length=4, now 8, and missing=None", "begun with --season 4, now 8, and --missing None"),
        ("no column 'sales' (target=); expected it (series=)", "no column 'sales'; expected it (--series)"),
        ("season_length is 4, expected None: series= has its own", "leave --season out: --series has its own"),
        # what the user wrote is not touched
        ("label 'missing=' is new", "label 'missing=' is new"),
        ("d/series=7/a.csv, line 3: the series has 2 rows", "d/series=7/a.csv, line 3: the series has 2 rows"),
        ("its model's series isn't \"time_format='a'\"", "its model's series isn't \"time_format='a'\""),
        ("my_season_length= and season_lengths are words", "my_season_length= and season_lengths are words"),
        ("missing value", "missing value"),
        ("series is 'shop'", "series is 'shop'"),
    ],
)
def test_arguments_become_flags(message: str, shown: str) -> None:
    assert in_flags(message) == message
    with speaking(FLAGS):
        assert in_flags(message) == shown


def test_missing_values_name_the_flag(unrolled: Run, tmp_path: Path) -> None:
    rows = [f"{2015 + i // 12}-{i % 12 + 1:02},{i % 12 if i != 5 else ''}" for i in range(60)]
    (tmp_path / "gap.csv").write_text("\n".join(["month,sales", *rows]) + "\n")
    for command in ("forecast", "fit forecast", "fit detect"):
        outcome = unrolled(*command.split(), tmp_path / "gap.csv")
        assert outcome.code == 2
        assert "--missing interpolate, previous or zero" in outcome.err or "--missing interpolate" in outcome.err
        assert "missing=" not in outcome.err
    (tmp_path / "two.csv").write_text("year,a,b\n" + "".join(f"{y},{y % 3},{y % 5}\n" for y in range(1900, 1960)))
    outcome = unrolled("forecast", tmp_path / "two.csv")
    assert (outcome.code, "--target" in outcome.err, "target=" in outcome.err) == (2, True, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forecast", "FILE", "-H", 0], "--horizon is 0, expected at least 1"),
        (["fit", "classify", "FILE", "--dropout", "1"], "--dropout is 1.0, expected from 0 to below 1"),
        (["fit", "classify", "FILE", "--learning-rate", "nan"], "--learning-rate is nan, expected above 0"),
        (["fit", "regress", "FILE", "--layers", -1], "--layers is -1, expected at least 1"),
        (["fit", "tag", "FILE", "--character-size", -1], "--character-size is -1, expected at least 0"),
        (["fit", "detect", "FILE", "--season", 24, "--season", 1], "--season is 1, expected at least 2"),
        (
            ["fit", "detect", "FILE", "--calibration-fraction", 0],
            "--calibration-fraction is 0.0, expected above 0, at most 0.8",
        ),
        (["predict", "MODEL", "FILE", "--threshold", -1], "--threshold is -1.0, expected at least 0"),
        (["bench", "--threads", 0], "--threads is 0, expected at least 1"),
    ],
)
def test_ranges_are_checked_before_anything_is_read_and_shown_in_the_help(
    unrolled: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[Any], message: str
) -> None:
    outcome = unrolled(*arguments)  # no FILE or MODEL is there
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"unrolled: {message}\n")
    monkeypatch.setenv("COLUMNS", "200")
    command = arguments[: arguments.index("FILE")] if "FILE" in arguments else arguments[:1]
    shown = " ".join(unrolled(*[part for part in command if part != "MODEL"], "--help").out.split())
    assert message.rpartition("expected ")[2] in shown


def test_nothing_steers_the_terminal(unrolled: Run, tmp_path: Path) -> None:
    """Escape sequences, bells and reversed text from a file's labels."""
    rows = "".join(f"good film {n},\x1b[31mred\nbad film {n},a\u202eb\x07\n" for n in range(12))
    (tmp_path / "r.csv").write_text("text,label\n" + rows, encoding="utf-8")
    outcome = unrolled("fit", "classify", tmp_path / "r.csv", "-o", tmp_path / "m", quick=True)
    assert outcome.code == 0, outcome.err
    assert r"\x1b[31mred (12)" in outcome.err
    assert r"a\u202eb\x07 (12)" in outcome.err
    outcome = unrolled("evaluate", tmp_path / "m", tmp_path / "r.csv")
    assert not set(outcome.out + outcome.err) & set("\x1b\x07\u202e")
    (tmp_path / "new.csv").write_text("text,label\ngood,\x1b]0;title\x07\n")
    outcome = unrolled("evaluate", tmp_path / "m", tmp_path / "new.csv")
    assert outcome.code == 2
    assert not set(outcome.err) & set("\x1b\x07")


def test_what_is_printable_stays() -> None:
    assert printable("Zürich 東京 🙂 a\tb") == "Zürich 東京 🙂 a\tb"
    assert printable("\r\x00\x9b\ud800") == r"\r\x00\x9b\ud800"
