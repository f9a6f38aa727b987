"""Charts and tables of results, as a notebook shows them and as files."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from unrolled import AnomalyDetector, Forecaster
from unrolled.charts.chart import Chart, html_table
from unrolled.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"
MONTHS = [f"{2012 + n // 12}-{n % 12 + 1:02}" for n in range(72)]
SALES = [100 + n + 10 * (n % 12) for n in range(72)]


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    frame = pl.DataFrame({"month": MONTHS * 2, "shop": ["north"] * 72 + ["a<b"] * 72, "sales": SALES * 2})
    return Forecaster(members=1, max_epochs=2, hidden_size=4, random_state=0).fit(frame, series="shop")


def paths(root: ElementTree.Element, css: str) -> list[str]:
    return [each.get("d", "") for each in root.iter(f"{SVG}path") if each.get("class") == css]


def test_a_forecast_is_drawn_behind_its_series(forecaster: Forecaster, tmp_path: Path) -> None:
    chart = forecaster.plot(steps=24)
    chart.save(tmp_path / "forecast.svg")
    root = ElementTree.parse(tmp_path / "forecast.svg").getroot()
    (history,), (forecast,) = paths(root, "history"), paths(root, "forecast")
    assert (history.count("L") + 1, forecast.count("L") + 1) == (24, 12)
    assert paths(root, "truth") == []
    assert len(paths(root, "interval")) == 1
    hints = [each.text or "" for each in root.iter(f"{SVG}title")]
    assert len(hints) == 12
    median = forecaster.predict()["sales"][0]
    assert hints[0].startswith("2018-01-01: forecast ")
    assert float(re.findall(r"forecast ([\d.]+)", hints[0])[0]) == pytest.approx(median, rel=1e-3)
    assert "sales of a&lt;b" in chart.svg or "sales of north" in chart.svg


def test_which_series_is_drawn(forecaster: Forecaster) -> None:
    assert repr(forecaster.plot(series="a<b", horizon=3)) == "<Chart: sales of a&lt;b and the forecast of 3 steps>"
    with pytest.raises(InputError, match="series is 'south', expected one of"):
        forecaster.plot(series="south")
    with pytest.raises(InputError, match="steps is 0"):
        forecaster.plot(steps=0)


def test_without_times() -> None:
    fitted = Forecaster(members=1, max_epochs=1, hidden_size=4, horizon=3, random_state=0).fit(np.sin(np.arange(60.0)))
    assert ElementTree.fromstring(fitted.plot().svg).get("viewBox") == "0 0 860 360"


def test_scores_are_drawn_below_the_channels() -> None:
    wave = np.stack([np.sin(np.arange(400) / 5), np.cos(np.arange(400) / 5)], axis=1)
    detector = AnomalyDetector(members=1, max_epochs=1, hidden_size=4, window=8, random_state=0).fit(wave)
    chart = detector.plot(wave, threshold=0.1)
    root = ElementTree.fromstring(chart.svg)
    charts = list(root.iter(f"{SVG}svg"))[1:]
    assert len(charts) == 3  # two channels and the score
    assert [chart.get("y") for chart in charts] == ["0", "190", "380"]
    assert len(paths(charts[2], "truth")) == 1  # the threshold
    episodes = len(detector.windows(wave, threshold=0.1))
    assert [len(paths(chart, "interval")) for chart in charts] == [episodes] * 3
    assert repr(chart).count("with the episodes of alarms") == 2


def test_a_notebook_shows_a_chart_as_an_image_of_its_own(forecaster: Forecaster) -> None:
    chart = forecaster.plot()
    html = chart._repr_html_()
    data = re.search(r"base64,([^\"]+)", html)
    assert data is not None
    assert base64.b64decode(data[1]).decode() == chart.svg
    assert re.search(r'alt="sales of', html)
    with pytest.raises(InputError, match="there is no folder"):
        chart.save("/nowhere/at/all.svg")
    assert isinstance(chart, Chart)


def test_evaluations_show_themselves(forecaster: Forecaster) -> None:
    validation = forecaster.validation_
    assert validation is not None
    frame = validation.to_frame()
    assert frame["method"].to_list() == list(validation.accuracy)
    assert frame["mae"].to_list() == [each.mae for each in validation.accuracy.values()]
    table = validation._repr_html_()
    assert table.count("<tr") == 1 + len(validation.accuracy)
    assert f"{validation.cases} forecasts of {validation.horizon} steps" in table
    wave = np.sin(np.arange(400) / 5)
    detector = AnomalyDetector(members=1, max_epochs=1, hidden_size=4, window=8, random_state=0).fit(wave)
    found = detector.evaluate(wave, [(100, 110), (200, 210)])
    assert found.to_frame()["found"].to_list() == list(found.found)
    assert "window 1" in found._repr_html_()


def test_a_table_is_escaped() -> None:
    assert "<td>&lt;script&gt;</td>" in html_table(["name"], [["<script>"]], own=0)
