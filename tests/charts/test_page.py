"""The demo's page and its charts, read back as XML."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from unrolled.charts.bars import bars_figure
from unrolled.charts.decay import decay_figure
from unrolled.charts.figures import Interval, forecast_figure, loss_figure
from unrolled.charts.page import Figure, Page, equation_html
from unrolled.charts.svg import Plot


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_coordinates() -> None:
    plot = Plot(200, 100, x=(0, 10), y=(-1, 1), left=20, right=10, top=5, bottom=15)
    assert [plot.to_x(x) for x in (0, 5, 10)] == [20, 105, 190]
    assert [plot.to_y(y) for y in (-1, 0, 1)] == [85, 45, 5]
    plot.line([0, 5], [-1, 1], "a")
    plot.band([0, 10], [-1, -1], [1, 0], "b")
    plot.rule(5, "c")
    paths = {path.get("class"): path.get("d") for path in parse(plot.svg("x"))}
    assert paths == {"a": "M20 85L105 5", "b": "M20 5L190 45L190 85L20 85Z", "c": "M105 5V85"}


def test_axes_and_hints_are_escaped() -> None:
    plot = Plot(200, 100, x=(0, 1), y=(0, 1))
    plot.x_axis([(0, "<0>")])
    plot.y_axis([(1, "a & b")])
    plot.points([0.5], [0.5], "p", ['"<'])
    root = parse(plot.svg('"label" <'))
    assert root.get("aria-label") == '"label" <'
    assert [text.text for text in root.iter("text")] == ["<0>", "a & b"]
    assert [title.text for title in root.iter("title")] == ['"<']


def test_forecast_figure_shows_every_value() -> None:
    history, truth = np.arange(1.0, 7), np.array([7.0, 9])
    interval = Interval(np.array([5.0, 6]), np.array([7.0, 8]), np.array([9.0, 10]))
    times = np.arange("2020-01", "2020-09", dtype="datetime64[M]")
    root = parse(forecast_figure(history, interval, truth, times, "a figure"))
    lines = {p.get("class"): len(re.split("[ML]", p.get("d", ""))) - 1 for p in root.iter("path")}
    assert (lines["history"], lines["truth"], lines["forecast"], lines["interval"]) == (6, 3, 2, 4)
    assert [t.text for t in root.iter("title")][:2] == [
        "2020-07-01: forecast 7 (5 to 9), came 7",
        "2020-08-01: forecast 8 (6 to 10), came 9",
    ]
    assert {"2020-01", "2", "10"} <= {t.text for t in root.iter("text")}


@pytest.mark.parametrize("validation", [[], [3.0, 1.0, 1.01]])
def test_loss_figure(validation: list[float]) -> None:
    root = parse(loss_figure([[4.0, 2.0, 1.0]], [validation], [2], "loss"))
    names = [t.text for t in root.iter("text")]
    assert "training" in names
    assert ("validation" in names) == bool(validation)
    assert "epoch" in names
    ends = [float(t.get("y", "")) for t in root.iter("text") if t.get("class", "").startswith("end")]
    assert len(ends) == 1 or abs(ends[0] - ends[1]) > 14.9


def test_loss_of_one_epoch() -> None:
    assert parse(loss_figure([[4.0]], [[4.0]], [1], "loss")).tag == "svg"


def test_words_of_an_equation_are_upright() -> None:
    assert equation_html("alarm at t if score[t] > 1") == "alarm at <i>t</i> if score<sub>t</sub> &gt; 1"


def test_losses_of_several_networks_are_lines_of_their_own() -> None:
    root = parse(loss_figure([[4.0, 2.0], [3.0, 2.0, 1.0]], [[4.0, 3.0], [5.0, 3.0, 4.0]], [2, 2], "loss"))
    kinds = [path.get("class") for path in root.iter("path")]
    assert (kinds.count("training"), kinds.count("validation"), kinds.count("now")) == (2, 2, 1)
    assert [t.text for t in root.iter("text") if t.get("class", "").startswith("end")] == ["training", "validation"]


def test_every_line_of_a_picture_looks_different() -> None:
    root = parse(decay_figure({f"l{n}": np.array([1.0, 0.5]) for n in range(8)}, "steps back", "gradients"))
    kinds = [path.get("class") for path in root.iter("path") if "L" in path.get("d", "")]
    assert len(set(kinds)) == 8


def test_page_is_self_contained_and_well_formed() -> None:
    page = Page("A <title>")
    page.heading("Heading")
    page.paragraph("quiet", quiet=True)
    page.figure(Figure("<svg/>", [("red", "a & b", False), ("blue", "area", True)], "caption"))
    page.figure(Figure("<svg/>", [], "second", latest=True))
    page.table(["", "MAE"], [["GRU", "1"], ["naive", "2"]], own=0)
    page.code(["a < b", "c"])
    page.footer("end")
    html = page.html()
    assert html.startswith('<!doctype html>\n<html lang="en">')
    body = html[html.index("<body>") : html.index("</html>")]
    root = ElementTree.fromstring(body)
    assert [row.get("class") for row in root.iter("tr")] == [None, "own", None]
    assert "a < b\nc" in "".join(root.itertext())
    for outside in ("http", "src=", "<script", "<link", "@import", "url("):
        assert outside not in html.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in html


def test_pictures_fit_a_phone_or_say_that_they_scroll() -> None:
    """Few bars, few steps and losses need no more than the 350 px of a phone; what is wider says so there."""
    narrow = (
        bars_figure([20, 20], ["good", "bad"], "how often each target occurs", "target"),
        decay_figure({"rnn.l0 h": np.array([1.0, 0.5])}, "steps back", "gradients"),
        loss_figure([[4.0, 2.0]], [[4.0, 3.0]], [1], "loss"),
    )
    for svg in (*narrow, bars_figure([1] * 40, [str(n) for n in range(40)], "many", "n")):
        page = Page("title")
        page.figure(Figure(svg, [], "caption"))
        fits = float(re.search(r"min-width: (\d+)px", page.html().partition("<body>")[2])[1]) <= 350
        assert fits == (svg in narrow)
        assert ("scrolls sideways</p>" in page.html()) != fits
