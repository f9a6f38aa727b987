"""A drawing of attention: a row for each token that was said, a column for each step that was read; the more, the darker."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from picture import Picture, Svg

SIDE = 20  # pixels of a weight


def attention_picture(weights: np.ndarray, said: Sequence[str], read: Sequence[str], title: str) -> Svg:
    """``weights [U, T]``; a blank is drawn as an open box."""
    left, top = 40, 56
    picture = Picture(left + SIDE * len(read) + 20, top + SIDE * len(said) + 10, title)
    picture.words(left, 18, title, anchor="start", style="small")
    for t, token in enumerate(read):
        picture.words(left + SIDE * (t + 0.5), top - 8, token.strip() or "␣", style="tick")
    for u, token in enumerate(said):
        picture.words(left - 8, top + SIDE * (u + 0.7), token.strip() or "␣", anchor="end", style="tick")
        for t, weight in enumerate(weights[u]):
            picture.parts.append(
                f'<rect x="{left + SIDE * t}" y="{top + SIDE * u}" width="{SIDE - 1}" height="{SIDE - 1}" fill="#2f7dc8"'
                f' fill-opacity="{weight:.3f}"><title>{escape(token)}, {escape(read[t])}: {weight:.2f}</title></rect>'
            )
    return picture.svg()
