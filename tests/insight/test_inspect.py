"""A page on a model: every estimator has one, it is sound HTML that loads nothing, and a browser runs it without an error."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from unrolled import (
    AnomalyDetector,
    CTCTranscriber,
    Forecaster,
    Seq2Seq,
    SequenceClassifier,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
    insight,
)
from unrolled.cli.app import run
from unrolled.errors import InputError
from unrolled.insight.training_runs import training_runs

HOSTILE = "</script><script>document.title='bad'</script>"
TINY: dict[str, Any] = {"members": 1, "max_epochs": 1, "hidden_size": 4, "random_state": 0, "verbose": False}
RNG = np.random.default_rng(0)
TEXTS = [f"so good and {HOSTILE}", "so bad & <b>sad</b>", "good good", "bad bad"] * 3
CLASSES = [HOSTILE, "down"] * 6
SEQUENCES = [RNG.normal(size=(6 + n % 3, 2)) for n in range(12)]
TOKENS = [["Emmy", "lives", "in", HOSTILE], ["in", "London"], ["Bo", "lives"]] * 4
TAGS = [["P", "O", "O", "L"], ["O", "L"], ["P", "O"]] * 4
PAIRS = ["abc", "cab", "bca", "acb"] * 3, ["cba", "bac", "acb", "bca"] * 3
TEXT = "the cat sat on the mat and the dog sat on the cat. " * 12
SERIES = 10 + np.sin(np.arange(60) * np.pi / 2) + 0.1 * RNG.normal(size=60)
CHANNELS = np.stack([np.sin(np.arange(400) / 3), np.cos(np.arange(400) / 3)], 1)


def classifier() -> tuple[Any, Any]:
    return SequenceClassifier(cell="lstm", convolutions=False, **TINY).fit(TEXTS, CLASSES), (TEXTS, CLASSES)


def regressor() -> tuple[Any, Any]:
    y = RNG.normal(size=12)
    return SequenceRegressor(cell="gru", convolutions=False, **TINY).fit(SEQUENCES, y), (SEQUENCES, y)


def tagger() -> tuple[Any, Any]:
    return SequenceTagger(cell="lstm", **TINY).fit(TOKENS, TAGS), (TOKENS, TAGS)


def translator() -> tuple[Any, Any]:
    model = Seq2Seq(
        cell="gru", attention="dot", tokens="characters", target_tokens="characters", joint_ngrams=0, **TINY
    )
    return model.fit(*PAIRS), PAIRS


def generator() -> tuple[Any, Any]:
    return SequenceGenerator(cell="lstm", **TINY).fit([TEXT]), [TEXT]


def generator_of_pieces() -> tuple[Any, Any]:
    return SequenceGenerator(cell="rnn", **TINY).fit(PAIRS[0]), PAIRS[0]


def transcriber() -> tuple[Any, Any]:
    X = [RNG.normal(size=(30, 2)) for _ in range(8)]
    return CTCTranscriber(cell="gru", **TINY).fit(X, ["ab", "ba"] * 4), (X, ["ab", "ba"] * 4)


def forecaster() -> tuple[Any, Any]:
    return Forecaster(horizon=4, season_length=4, cell="gru", **TINY).fit(SERIES), SERIES


def detector() -> tuple[Any, Any]:
    settings = {**TINY, "window": 8, "false_alarm_every": 100}
    return AnomalyDetector(**settings).fit(CHANNELS), CHANNELS


MAKERS = [classifier, regressor, tagger, translator, generator, generator_of_pieces, transcriber, forecaster, detector]


@pytest.fixture(scope="module", params=MAKERS, ids=lambda make: make.__name__)
def found(request: pytest.FixtureRequest) -> insight.Inspection:
    make: Callable[[], tuple[Any, Any]] = request.param
    return insight.inspect(*make())


VOID = {"meta", "link", "input", "br"}
BLOCKS = {"p", "div", "figure", "table", "ul", "h1", "h2", "nav", "footer"}


class Strict(html.parser.HTMLParser):
    """Raises at the first tag that is not closed, closed twice, where it may not be, or has an id or attribute twice."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.named: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"{tag} has an attribute twice: {attrs}"
        if "id" in given:
            assert given["id"] not in self.ids, f"id {given['id']} twice"
            self.ids.add(str(given["id"]))
        assert not (tag in BLOCKS and "p" in self.open), f"{tag} in a paragraph"
        self.named.append((tag, {**given, "within": self.open[-1] if self.open else None}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("path", "rect", "circle"), f"{tag} closes itself"

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} was not open"
        assert self.open.pop() == tag, f"{tag} closed out of turn"


def parsed(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return parser


def test_every_estimator_has_a_page_of_sound_html(found: insight.Inspection) -> None:
    keys = [section.key for section in found.sections]
    assert keys[:6] == ["data", "fit", "errors", "gradients", "spectrum", "gates"], found.left_out
    names = {"Which steps the answer comes from": "steps", "What is read while it answers": "attention"}
    assert keys[6:] == [key for name, key in names.items() if name not in found.left_out]
    assert ("steps" in keys) == found.title.endswith(("Classifier", "Regressor"))
    assert ("attention" in keys) == found.title.endswith("Seq2Seq")
    page = found.html
    tags = parsed(page).named
    assert [tag for tag, _ in tags].count("h1") == 1
    assert [given["href"] for tag, given in tags if tag == "a"] == [f"#{key}" for key in ("verdict", *keys)]
    for tag, given in tags:
        if tag == "svg":
            assert given["aria-label"], "a picture has no name"
        if tag in ("button", "input"):
            assert given["aria-label"]
        if tag == "select":
            assert given["within"] == "label"
        if "scroll" in str(given.get("class")).split():
            assert given["tabindex"] == "0"
            assert given["aria-label"]
    for section in found.sections:
        assert section.equations
        assert section.finding
        assert 2 <= len(re.findall(r"[.?!:](?=\s|$)", section.says)) <= 4
    assert len(page.encode()) < 1_000_000


def test_the_page_loads_nothing_and_shows_data_as_text(found: insight.Inspection) -> None:
    page = found.html
    assert "default-src 'none'" in page
    outside = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|@import|url\(|<img|<iframe|<object| src=", outside)
    assert page.count("<script>") == 1
    assert HOSTILE not in page
    assert "<b>sad" not in page


def test_what_is_stepped_through_are_the_gates() -> None:
    model, data = classifier()
    page = insight.inspect(model, data).html
    told = json.loads(re.search(r"const data = (.*);\n", page)[1])
    values = insight.gates(model, ([TEXTS[0]], [CLASSES[0]]))
    sequence = told["sequences"][0]
    levels = {letter: n / 63 for n, letter in enumerate(told["levels"])}
    for layer in sequence["layers"]:
        real = values[layer["place"]]
        assert layer["steps"][:3] == ["so", "good", "and"]
        for row in layer["rows"]:
            shown = np.array([[levels[letter] for letter in step] for step in row["values"]])
            own = (real.output if row["name"] == "h" else real.values[row["name"]])[:, 0]
            shown = shown if row["share"] else (2 * shown - 1) * row["scale"]
            np.testing.assert_allclose(shown, own, atol=0.51 / 63 * (1 if row["share"] else 2 * row["scale"]))
    assert {row["name"] for row in sequence["layers"][0]["rows"] if row["share"]} == {"i", "f", "o"}


def test_the_worst_come_first() -> None:
    model, data = classifier()
    p = model.predict_proba(TEXTS)[np.arange(12), [list(model.classes_).index(c) for c in CLASSES]]
    page = insight.inspect(model, data, places=[f"place {n}." for n in range(12)]).html
    errors = page[page.index('id="errors"') : page.index('id="gradients"')]
    shown = [int(n) for n in re.findall(r"<td>place (\d+)\.</td>", errors)]
    assert shown == np.argsort(p, kind="stable").tolist()


def test_without_targets_the_errors_are_left_out() -> None:
    model, (X, _) = tagger()
    found = insight.inspect(model, X)
    assert "no targets" in found.left_out["Where it errs, the worst first"]
    assert "is left out: there are no targets" in found.html


@pytest.mark.parametrize(("pooling", "direct"), [("max", True), ("mean", True), ("last", False)])
def test_one_loss_reaches_back_only_where_it_is_of_the_last_step(pooling: str, direct: bool) -> None:
    settings = {**TINY, "cell": "gru", "convolutions": False, "num_layers": 1, "pooling": pooling}
    found = insight.inspect(SequenceClassifier(**settings).fit(TEXTS, CLASSES), (TEXTS, CLASSES))
    sections = {section.key: section for section in found.sections}
    gradients, spectrum = sections["gradients"], sections["spectrum"]
    assert ("effective memory" in gradients.says) != direct
    assert (f"pooling “{pooling}”" in gradients.says) == direct
    assert ("not how far back one loss reaches" in gradients.finding) == direct
    assert spectrum.finding.startswith("A change of the state of ")
    assert "radient" not in spectrum.finding


def test_settings_and_stamps_are_in_words() -> None:
    times = np.arange("1950-01", "1955-01", dtype="datetime64[M]").astype("datetime64[us]")
    series = pl.DataFrame({"month": times, "passengers": SERIES})
    model = Forecaster(horizon=4, season_length=4, cell="gru", **{**TINY, "hidden_size": None}).fit(series)
    found = insight.inspect(model, series)
    page = found.html
    assert "<td>None</td>" not in page
    assert "1 series of 60 steps." in page
    assert "T00:00" not in page
    assert "<td>1954-12-01</td>" in page
    assert "(1−<i>z</i>)" in page.replace(" ", "")


def told(found: insight.Inspection) -> dict[str, Any]:
    """What the script of the page knows."""
    return json.loads(re.search(r"const data = (.*);\n", found.html)[1])


def test_a_number_is_told_in_its_own_unit_and_by_its_name() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 9, 12)
    rows = [
        {"engine": f"e{n}", "minute": t, "heat": float(heat), "hours left": 200.0 + 10 * n}
        for n, length in enumerate(lengths) for t, heat in enumerate(rng.normal(size=length))
    ]  # fmt: skip
    frame = pl.DataFrame(rows)
    settings = {**TINY, "convolutions": False, "pooling": "last"}
    model = SequenceRegressor(**settings).fit(frame, series="engine", label="hours left", features=["minute", "heat"])
    X = [group.select("minute", "heat").to_numpy() for _, group in frame.group_by("engine", maintain_order=True)]
    y = 200.0 + 10 * np.arange(12)
    found = insight.inspect(model, (X, y))
    said = {section.key: section.finding for section in found.sections}
    assert "12 items of 5 to 8 steps of 2 numbers; hours left is from 200 to 310, 255 on average." in said["data"]
    assert said["errors"].startswith("On average its hours left is off by ")
    moved = re.search(r"from (\d+) to (\d+)|is (\d+)", said["steps"])
    assert moved, said["steps"]
    assert all(100 < float(number) < 400 for number in moved.groups() if number)
    assert "raise hours left" in found.html
    first = told(found)["sequences"][0]["layers"][0]
    assert first["reads"][1] == f"minute 1, heat {X[0][1, 1]:.4g}"
    assert first["steps"] == [""] * len(X[0])
    assert ">1</text>" in found.html[found.html.index('id="steps"') :]


def test_the_answer_of_a_regressor_is_what_it_predicts() -> None:
    model, (X, y) = regressor()
    found = insight.attributions(model, (X, 100 * y))
    np.testing.assert_allclose(found.answer, model.predict(X), rtol=1e-4, atol=1e-4)
    assert found.missed < 0.05


def test_networks_that_were_trained_one_after_the_other_have_a_line_each() -> None:
    data = CHANNELS
    networks = AnomalyDetector(**{**TINY, "members": 3, "max_epochs": 2}, window=8, false_alarm_every=100).fit(data)
    found = insight.inspect(networks, data)
    fit = found.html[found.html.index('id="fit"') : found.html.index('id="errors"')]
    assert "3 networks of 2 epochs each" in fit
    assert fit.count('<path class="training"') == 3
    assert '<path class="now"' not in fit  # nothing was kept back that could choose an epoch
    assert insight.explain(networks, data).evidence.losses == networks.losses_[:2]


def test_a_detector_is_asked_for_what_is_unusual_and_its_windows_are_dated() -> None:
    model, data = detector()
    found = insight.inspect(model, data)
    section = next(each for each in found.sections if each.key == "errors")
    assert section.title == "What it finds the most unusual"
    assert "score[t]" in section.equations[1]
    sequences = told(found)["sequences"]
    first, last = re.fullmatch(r"stretch \d+ of \d+, row (\d+) to row (\d+)", sequences[-1]["name"]).groups()
    layer = sequences[-1]["layers"][0]
    assert int(last) - int(first) + 1 == len(layer["steps"])
    later = told(insight.inspect(model, data[int(first) - 1 - model.model_.shape.settling :]))["sequences"][0]
    assert [row["values"] for row in later["layers"][0]["rows"]] == [row["values"] for row in layer["rows"]]
    assert layer["reads"][0].startswith(f"row {first}, ")


def test_recordings_are_called_by_their_files_and_steps_by_their_time() -> None:
    from unrolled.data.wav import Waveform

    rng = np.random.default_rng(0)
    X = [
        Waveform(0.1 * rng.normal(size=4000).astype(np.float32), 8000, f"list.csv, line {n}: a/{n}.wav")
        for n in range(8)
    ]
    y = ["ab", "ba"] * 4
    found = insight.inspect(CTCTranscriber(cell="gru", **TINY).fit(X, y), (X, y))
    assert found.sections[0].finding == "8 recordings of 0.5 seconds."
    assert "<td>3.wav, 0.5 seconds</td>" in found.html
    assert told(found)["sequences"][0]["layers"][0]["reads"][0] == "from about 0.00 s on"


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"epochs_": [2, 5], "validation_losses_": [1.0] * 11, "patience": 4, "max_epochs": 5}, [5, 5]),
        ({"epochs_": [1, 5], "validation_losses_": [1.0] * 11, "patience": 4, "max_epochs": 6}, [5, 6]),
        (
            {"epochs_": [3, 3], "validation_losses_": [1.0] * 11, "patience": 4, "max_epochs": 9},
            [11],
        ),  # does not add up
        ({"epochs_": [3, 3], "validation_losses_": [], "patience": 4, "max_epochs": 9}, [3, 3]),
        ({"epochs_": 3, "validation_losses_": [1.0] * 5, "patience": None, "max_epochs": None}, [5]),
        ({"members": 3, "max_epochs": 2}, [2, 2, 2]),
    ],
)
def test_where_the_training_of_one_network_ends(settings: dict[str, Any], counts: list[int]) -> None:
    total = max(sum(counts), len(settings.get("validation_losses_", ())))
    total = 10 if counts == [5, 5] else total
    if settings.get("validation_losses_"):
        settings["validation_losses_"] = settings["validation_losses_"][:total]
    model = SimpleNamespace(losses_=list(np.arange(total, dtype=float)), **settings)
    runs = training_runs(model)
    assert [len(run.losses) for run in runs] == counts
    assert [loss for run in runs for loss in run.losses] == model.losses_
    assert all(len(run.validation) in (0, len(run.losses)) for run in runs)


def test_wrong_data_are_named() -> None:
    model, (X, y) = tagger()
    with pytest.raises(InputError, match="12 items and 2 targets"):
        insight.inspect(model, (X, y[:2]))
    with pytest.raises(InputError, match="has no items"):
        insight.inspect(model, ([], []))
    with pytest.raises(InputError, match="got a dict"):
        insight.inspect({}, (X, y))
    with pytest.raises(InputError, match="not fitted"):
        insight.inspect(SequenceTagger(), (X, y))


def written(folder: Path) -> tuple[Path, Path]:
    """A model file, and a file that it can be inspected on."""
    model, _ = classifier()
    model.save(folder / "model.safetensors")
    lines = [f'"{text}","{label}"' for text, label in zip(TEXTS, CLASSES, strict=True)]
    (folder / "file.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    return folder / "model.safetensors", folder / "file.csv"


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, file = written(tmp_path)
    page = tmp_path / "page.html"
    assert run(["inspect", str(model), str(file), "-o", str(page)]) == 0
    out, err = capsys.readouterr()
    assert "The data: 12 items" in out
    assert "left out: What is read while it answers" in err
    assert "<td>line 2</td>" in page.read_text()
    parsed(page.read_text())
    assert run(["inspect", str(model), str(file), "-o", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["findings"]) == {"data", "fit", "errors", "gradients", "spectrum", "gates", "steps"}
    assert told["bytes"] == len(page.read_bytes())


def test_a_page_on_stdout_has_it_for_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, file = written(tmp_path)
    assert run(["inspect", str(model), str(file), "-o", "-"]) == 0
    out, err = capfd.readouterr()
    parsed(out)
    assert out.startswith("<!doctype html>")
    assert "The data: 12 items" in err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["nothing.safetensors", "file.csv"], "nothing.safetensors"),
        (["model.safetensors", "nothing.csv"], "nothing.csv"),
        (["model.safetensors", "file.csv", "-o", "file.csv"], "file.csv"),
        (["model.safetensors", "file.csv", "-o", "no/folder/page.html"], "no folder"),
        (["model.safetensors", "file.csv", "--missing", "zero"], "means nothing"),
        (["model.safetensors", "file.csv", "--windows", "file.csv"], "--windows"),
        (["model.safetensors", "file.csv", "--dynamic", "0.1"], "--dynamic"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(
    given: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "file.csv").read_bytes()
    assert run(["inspect", *given]) == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "file.csv").read_bytes() == before
    assert not (tmp_path / "report.html").exists()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TRY = """<script>
window.onerror = (message) => { document.title = "error: " + message; };
const now = () => document.getElementById("gate-now").textContent, said = [now()];
document.getElementById("gate-on").click(); said.push(now());
const slider = document.getElementById("gate-step");
slider.value = slider.max; slider.dispatchEvent(new Event("input")); said.push(now());
const sequence = document.getElementById("gate-sequence");
sequence.value = "1"; sequence.dispatchEvent(new Event("change")); said.push(now());
said.push(String(document.querySelectorAll("#gate-rows svg rect").length));
said.push(slider.getAttribute("aria-valuetext"));
said.push(String(document.documentElement.scrollWidth <= document.documentElement.clientWidth));
document.title = JSON.stringify(said);
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_a_browser_opens_it_without_errors_and_steps_through_the_gates(tmp_path: Path) -> None:
    model, data = classifier()
    page = tmp_path / "page.html"
    page.write_text(insight.inspect(model, data).html.replace("</body>", TRY))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=500,900",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "CONSOLE" not in done.stderr
    title = html.unescape(re.search(r"<title>(.*?)</title>", done.stdout, re.S)[1])
    first, second, last, other, bars, spoken, fits = json.loads(title)
    assert (first, second) == ("step 1 of 16: so", "step 2 of 16: good")
    assert last.startswith("step 16 of 16: ")
    assert other.startswith("step 1 of ")
    assert int(bars) == 5 * 4  # i, f, g, o and h of four units
    assert spoken == other
    assert fits == "true"  # nothing is wider than the screen


PHONE = """<script>
document.querySelector("main").style.width = "350px";
const said = [];
const cell = document.querySelector("#errors ~ .words-table tr:nth-child(2) td"), range = document.createRange();
range.selectNodeContents(cell);
said.push(String(new Set([...range.getClientRects()].map((line) => line.top)).size));
said.push(document.getElementById("gate-now").textContent, document.getElementById("gate-units").textContent);
const labels = () => [...document.querySelectorAll(".gate-row .label")].map((each) => each.textContent).join(" ");
for (let k = 0; k < 5; k++) { said.push(labels()); document.getElementById("gate-on").click(); }
document.title = JSON.stringify(said);
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_on_a_phone_names_stay_whole_and_steps_say_what_is_read(tmp_path: Path) -> None:
    model, (X, y) = regressor()
    page = tmp_path / "page.html"
    found = insight.inspect(model, (X, y), places=[f"series 'engine {n}'" for n in range(len(X))])
    page.write_text(found.html.replace("</body>", PHONE))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    lines, now, units, *labels = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", done.stdout, re.S)[1]))
    assert int(lines) <= 3  # its three words
    first = ", ".join(f"{value:.4g}" for value in X[0][0])
    assert now == f"step 1 of {len(X[0])}: {first}"
    assert units == "A column is one of the 4 units"
    assert all("h: mean " in each and "-0.00" not in each for each in labels)
