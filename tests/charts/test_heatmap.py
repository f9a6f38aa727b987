"""Heatmaps, read back as XML: every cell at its place, as dark as its share."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from unrolled.charts.chart import Chart
from unrolled.charts.heatmap import heatmap_figure

SVG = "{http://www.w3.org/2000/svg}"
SHARES = np.array([[0.9, 0.1, 0.0], [0.001, 0.25, 0.749]])


def drawn(rows: list[str], columns: list[str], shares: np.ndarray = SHARES) -> ElementTree.Element:
    return ElementTree.fromstring(Chart(heatmap_figure(shares, rows, columns, "a < b")).svg)


def texts(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {each.text or "": each for each in root.iter(f"{SVG}text")}


def test_cells_lie_where_row_and_column_meet() -> None:
    root = drawn(["x", "<y>"], ["a", "b", "c"])
    cells = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "cell"]
    hints = {each.findtext(f"{SVG}title"): each for each in cells}
    assert list(hints) == ["x, a: 0.90", "x, b: 0.10", "<y>, b: 0.25", "<y>, c: 0.75"]  # the others are not seen
    assert [float(each.get("opacity", "nan")) for each in cells] == [0.9, 0.1, 0.25, 0.749]
    labels = texts(root)
    for name, cell in hints.items():
        row, column = str(name).partition(":")[0].split(", ")
        x, y, size = (float(cell.get(key, "nan")) for key in ("x", "y", "width"))
        assert float(labels[column].get("x", "nan")) == pytest.approx(x + size / 2, abs=0.1)
        assert y < float(labels[row].get("y", "nan")) < y + size
    assert root.get("aria-label") == "a < b"


def test_long_names_are_slanted_and_stay_in_the_picture() -> None:
    columns = ["short", "an extraordinarily long token", "東京都"]
    root = drawn(["x", "y"], columns)
    assert [texts(root)[name].get("transform", "")[:10] for name in columns] == ["rotate(-45"] * 3
    _, _, width, height = (float(each) for each in root.get("viewBox", "").split())
    long = texts(root)[columns[1]]
    assert float(long.get("y", "nan")) - 0.7 * 7 * len(columns[1]) > 18  # below the line above it
    assert float(long.get("x", "nan")) + 0.7 * 7 * len(columns[1]) < width
    last = list(root.iter(f"{SVG}rect"))[-1]
    assert float(last.get("y", "nan")) + float(last.get("height", "nan")) < height
    assert "transform" not in texts(drawn(["x", "y"], ["a", "b", "c"]))["a"].attrib


def test_nothing_to_draw() -> None:
    assert 'class="cell"' not in heatmap_figure(np.zeros((0, 2)), [], ["a", "b"], "nothing")
    assert heatmap_figure(np.ones((1, 1)), ["a"], ["b"], "all").count("opacity") == 0
