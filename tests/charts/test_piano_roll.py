"""Piano rolls, read back as XML: every note at its place, as long as it sounds."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from unrolled.charts.chart import Chart
from unrolled.charts.piano_roll import note_name, piano_roll_figure, sounding_notes

SVG = "{http://www.w3.org/2000/svg}"


def drawn(roll: np.ndarray, lowest: int = 0, **options) -> ElementTree.Element:
    return ElementTree.fromstring(Chart(piano_roll_figure(roll, lowest, "a < b", **options)).svg)


def bars(root: ElementTree.Element) -> dict[str, tuple[float, float, float, float, str | None]]:
    found = {}
    for each in root.iter(f"{SVG}rect"):
        place = (float(each.get(key, "nan")) for key in ("x", "y", "width", "height"))
        found[each.findtext(f"{SVG}title")] = (*place, each.get("opacity"))
    return found


def test_notes_lie_where_they_sound() -> None:
    roll = np.zeros((8, 88))
    roll[0:4, 39] = roll[4:8, 39 + 12] = roll[6, 39 + 7] = 1
    root = drawn(roll, lowest=21, given=4, called="quarter")
    found = bars(root)
    assert sorted(found) == ["C4, quarters 0 to 3", "C5, quarters 4 to 7", "G4, quarter 6"]
    low, high, fifth = found["C4, quarters 0 to 3"], found["C5, quarters 4 to 7"], found["G4, quarter 6"]
    assert min(place[3] for place in found.values()) > 0
    assert low[1] - high[1] == pytest.approx(12 * low[3], abs=1)
    assert low[1] - fifth[1] == pytest.approx(7 * low[3], abs=1)
    assert high[0] - low[0] == pytest.approx((fifth[0] - low[0]) * 4 / 6, abs=0.2)
    assert low[2] == pytest.approx(4 * fifth[2], rel=0.1)
    assert (low[4], high[4]) == ("0.45", None)  # what was given is paler
    labels = {each.text: float(each.get("y", "nan")) for each in root.iter(f"{SVG}text")}
    for name, place in (("C4", low), ("C5", high)):
        assert place[1] < labels[name] < place[1] + place[3] + 4
    assert root.get("aria-label") == "a < b"


@pytest.mark.parametrize("roll", [np.zeros((3, 128)), np.zeros((3, 5)), np.ones((1, 1)), np.ones((2, 3)), np.eye(128)])
def test_every_bar_is_inside(roll: np.ndarray) -> None:
    root = drawn(roll)
    _, _, width, height = (float(each) for each in root.get("viewBox", "").split())
    found = bars(root)
    assert len(found) == len(sounding_notes(roll))
    for x, y, wide, high, _ in found.values():
        assert 0 <= x < x + wide <= width
        assert 0 <= y < y + high <= height


def test_notes_of_a_roll_by_counting() -> None:
    roll = (np.random.default_rng(0).random((30, 6)) < 0.5).astype(np.uint8)
    again = np.zeros_like(roll)
    notes = sounding_notes(roll)
    for column, start, end in notes:
        assert start == 0 or not roll[start - 1, column]
        assert end == 30 or not roll[end, column]
        again[start:end, column] = 1
    np.testing.assert_array_equal(again, roll)


def test_names_of_notes() -> None:
    assert [note_name(pitch) for pitch in (0, 21, 60, 61, 108, 127)] == ["C-1", "A0", "C4", "C♯4", "C8", "G9"]
