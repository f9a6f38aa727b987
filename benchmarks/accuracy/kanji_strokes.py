"""Drawings of kanji as strokes of a pen, from the paths of KanjiVG, and many more like each of them.

KanjiVG (Ulrich Apel, CC BY-SA 3.0; the package kanjivg) has one drawing of a kanji: the paths of its strokes, in the order in
which they are written. Others are made of it: turned, sheared and stretched a little, each stroke moved a little, followed at
another pace, and with a tremor.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]
Drawing: TypeAlias = list[Values]
"""The strokes of a kanji, points ``[n, 2]`` close to each other, in a square of 109."""

FIRST_GRADE = "一右雨円王音下火花貝学気九休玉金空月犬見五口校左三山子四糸字耳七車手十出女小上森人水正生青夕石赤千川"
SIZE = 109.0
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)")


def read_drawing(folder: Path, kanji: str) -> Drawing:
    """The strokes of one kanji; ``folder`` holds files such as ``04e00.svg``."""
    text = (folder / f"{ord(kanji):05x}.svg").read_text(encoding="utf-8")
    return [_points(path) for path in re.findall(r'<path[^>]* d="([^"]*)"', text)]


def _points(path: str) -> Values:
    """Points of a path of cubic Bézier curves, 20 a curve."""
    points, at, control = list[Values](), np.zeros(2), np.zeros(2)
    for command, text in re.findall(r"([MmCcSs])([^A-Za-z]*)", path):
        numbers = np.array([float(number) for number in NUMBER.findall(text)]).reshape(-1, 2)
        relative = command.islower()
        if command in "Mm":
            at = numbers[0] + (at if relative else 0)
            control = at
            points.append(at[None])
            continue
        each = 3 if command in "Cc" else 2
        for curve in numbers.reshape(-1, each, 2):
            corners = curve + (at if relative else 0)
            first = corners[0] if each == 3 else 2 * at - control
            second, end = corners[-2:]
            t = np.linspace(0, 1, 21)[1:, None]
            points.append((1 - t) ** 3 * at + 3 * t * (1 - t) ** 2 * first + 3 * t**2 * (1 - t) * second + t**3 * end)
            at, control = end, second
    return np.concatenate(points)


def another(drawing: Drawing, rng: np.random.Generator, spacing: float = 14.0) -> Values:
    """A drawing like this one, ``[T, 3]``: x, y, and whether the pen is lifted after the point."""
    turn, shear, stretch = 0.06 * rng.normal(), 0.08 * rng.normal(), 1 + 0.06 * rng.normal(size=2)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    affine = turned @ np.array([[1, shear], [0, 1]]) @ np.diag(stretch)
    pace, rows = spacing * np.exp(0.1 * rng.normal()), list[Values]()
    for stroke in drawing:
        moved = (stroke - SIZE / 2) @ affine.T + 0.012 * SIZE * rng.normal(size=2)
        way = np.append(0, np.cumsum(np.linalg.norm(np.diff(moved, axis=0), axis=1)))
        count = max(2, 1 + round(way[-1] / pace))
        places = np.linspace(0, way[-1], count)
        points = np.stack([np.interp(places, way, axis) for axis in moved.T], axis=1)
        points += 0.006 * SIZE * rng.normal(size=points.shape)
        rows.append(np.column_stack([points, np.arange(count) == count - 1]))
    return np.concatenate(rows)


def ink(points: Values, pixels: int = 16) -> Values:
    """What a drawing looks like, ``[pixels²]``: its strokes, whatever their order, in the square around it, a little blurred."""
    x, lifted = points[:, :2], points[:, 2] > 0.5
    down = ~np.append(True, lifted[:-1])
    parts = [x] + [x[:-1] + share * (x[1:] - x[:-1]) for share in np.arange(0.05, 1, 0.05)]
    dots = np.concatenate([parts[0], *(part[down[1:]] for part in parts[1:])])
    middle = (dots.min(0) + dots.max(0)) / 2
    side = max(float((dots.max(0) - dots.min(0)).max()), 1e-9)
    places = (dots - middle) / side * (pixels - 4) + pixels / 2
    picture, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins=pixels, range=[[0, pixels]] * 2)
    picture = np.minimum(picture, 8.0)
    for axis in (0, 1):
        picture = (np.roll(picture, 1, axis) + 2 * picture + np.roll(picture, -1, axis)) / 4
    return (picture / max(float(np.linalg.norm(picture)), 1e-9)).ravel()
