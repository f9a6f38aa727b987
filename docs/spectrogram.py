"""A drawing of numbers over time and frequency: the more, the darker."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from picture import Picture, Svg, linear, number

from unrolled.charts.ticks import number_ticks


def spectrogram(
    values: np.ndarray, description: str, *, seconds: float, y_label: str, width: float = 600, height: float = 220
) -> Svg:
    """``values [frames, bands]`` with time to the right and the first band at the bottom."""
    left, right, top, bottom = 44, width - 20, 22, height - 38
    low, high = np.percentile(values, [5, 99.5])
    darkness = np.clip((values.T[::-1] - low) / (high - low), 0, 1)
    picture = Picture(width, height, description)
    picture.parts.append(
        f'<image x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{base64.b64encode(png(darkness)).decode()}"/>'
    )
    column = linear((0, seconds), (left, right), float)
    for tick in number_ticks(0, seconds, most=6):
        picture.parts.append(f'<path class="grid" d="M{column(tick):.1f} {bottom}v4"/>')
        picture.words(column(tick), bottom + 18, number(tick), style="tick")
    row = linear((0, values.shape[1]), (bottom, top), float)
    for tick in number_ticks(0, values.shape[1], most=5):
        picture.words(left - 6, row(tick) + 4, number(tick), anchor="end", style="tick")
    picture.text(left - 30, 14, y_label, anchor="start", style="small")
    picture.text((left + right) / 2, height - 4, "seconds", style="small")
    return picture.svg()


def png(darkness: np.ndarray) -> bytes:
    """An image ``[rows, columns]`` of one blue, seen as much as each number from 0 to 1 says, on light and dark pages alike."""
    alpha = (255 * darkness).astype(np.uint8)
    pixels = np.concatenate(
        [np.broadcast_to(np.array([47, 125, 200], np.uint8), (*alpha.shape, 3)), alpha[..., None]], axis=2
    )
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", alpha.shape[1], alpha.shape[0], 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
