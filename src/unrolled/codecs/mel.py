"""The mel scale, on which equal distances sound equally far apart, and the bands of a spectrum that are evenly spaced
on it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unrolled.aliases import Values

__all__ = ["mel", "mel_filters"]


def mel(hertz: Values | float) -> Values:
    r"""Frequency → mel, by the formula of HTK and Kaldi: :math:`1127 \ln(1 + f/700)`, any shape.

    >>> mel(np.array([0.0, 1000.0, 4000.0])).round(1).tolist()
    [0.0, 1000.0, 2146.1]
    """
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


@lru_cache(maxsize=32)
def mel_filters(rate: int, length: int, bands: int, low: float, high: float) -> Values:
    r"""Triangles ``[M, N/2 + 1]`` over the frequencies :math:`k \cdot \mathrm{rate}/N` of a spectrum of ``N`` samples.

    Their ``M + 2`` corners are evenly spaced from ``low`` to ``high`` on the mel scale; each rises from one corner to 1 at
    the next and falls to 0 at the one after, linearly in mel. The array is shared and read-only.

    >>> mel_filters(8000, 16, 3, 0.0, 4000.0).round(2)
    array([[0.  , 0.87, 0.14, 0.  , 0.  , 0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.13, 0.86, 0.59, 0.16, 0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.  , 0.41, 0.84, 0.81, 0.5 , 0.24, 0.  ]])
    """
    corners = np.linspace(mel(low), mel(high), bands + 2)
    left, centre, right = (corners[start : start + bands, None] for start in range(3))
    at = mel(np.arange(length // 2 + 1) * rate / length)
    filters = np.maximum(np.minimum((at - left) / (centre - left), (right - at) / (right - centre)), 0.0)
    filters.setflags(write=False)
    return filters
