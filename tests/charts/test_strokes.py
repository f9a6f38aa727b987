"""Pictures of strokes: what is drawn where, on which scale, and where the pen is lifted."""

from __future__ import annotations

import re

import numpy as np
import pytest

from unrolled.charts.chart import Chart
from unrolled.charts.strokes import pen_down, strokes_figure

CROSS = np.array([[0, 10, 0], [20, 10, 1], [10, 0, 0], [10, 20, 1.0]])


def lines(picture):
    """The points of each line, ``[n, 2]``."""
    found = re.findall(r'<path class="pen" d="M([^"]*)"', picture)
    return [np.array([point.split() for point in line.split("L")], float) for line in found]


def test_the_pen_is_lifted_between_strokes():
    across, down = lines(strokes_figure([CROSS]))
    assert across[0, 1] == across[1, 1]
    assert down[0, 0] == down[1, 0]
    assert np.diff(across[:, 0])[0] == pytest.approx(np.diff(down[:, 1])[0])  # one scale for both directions
    assert down[0, 0] == across[:, 0].mean()


def test_y_grows_downwards_or_upwards():
    corner = np.array([[0, 0, 0], [1, 0, 0], [1, 5, 1.0]])
    (down,), (up,) = lines(strokes_figure([corner])), lines(strokes_figure([corner], upwards=True))
    assert down[2, 1] > down[1, 1]
    assert up[2, 1] < up[1, 1]


def test_a_sheet_has_one_scale_and_a_cell_for_each():
    small = np.concatenate([CROSS[:, :2] / 4, CROSS[:, 2:]], axis=1)
    picture = strokes_figure([CROSS, small, CROSS] * 6, [str(n) for n in range(18)], "crosses")
    found = lines(picture)
    assert len(found) == 36
    lengths = [np.linalg.norm(line[1] - line[0]) for line in found]
    np.testing.assert_allclose(lengths[2], lengths[0] / 4, atol=0.2)
    middles = np.array([line.mean(0) for line in found[::2]])
    assert np.allclose(np.diff(middles[:8, 0]), 860 / 8, atol=0.1)
    assert np.allclose(middles[8, 0], middles[0, 0], atol=0.1)
    assert middles[8, 1] > middles[0, 1]
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture).groups())
    every = np.concatenate(found)
    assert (every >= 0).all()
    assert (every <= [width, height]).all()
    assert 'aria-label="crosses"' in picture
    assert picture.count("<text") == 18


def test_dots_empty_drawings_and_straight_lines():
    dot = np.array([[3.0, 3.0, 1.0]])
    line = np.array([[0, 0, 0], [100, 0, 1.0]])
    for drawings in (
        [dot],
        [np.empty((0, 3))],
        [],
        [line],
        [line.take([1, 0, 2], axis=1)],
        [dot, line, np.empty((0, 3))],
    ):
        picture = strokes_figure(drawings)
        assert "nan" not in picture
        assert "inf" not in picture
    assert Chart(strokes_figure([line])).svg.startswith("<svg xmlns")
    assert pen_down(np.empty((0, 3))) == []
