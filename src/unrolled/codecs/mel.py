"""The mel scale, on which equal distances sound equally far apart, and the bands of a spectrum that are evenly spaced
on it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unrolled.aliases import Values

__all__ = ["mel", "mel_filters"]

BEND = 0.85  # of half the rate: up to there a shift is a factor, beyond it the rest is stretched or squeezed


def mel(hertz: Values | float) -> Values:
    r"""Frequency → mel, by the formula of HTK and Kaldi: :math:`1127 \ln(1 + f/700)`, any shape.

    >>> mel(np.array([0.0, 1000.0, 4000.0])).round(1).tolist()
    [0.0, 1000.0, 2146.1]
    """
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


@lru_cache(maxsize=32)
def mel_filters(rate: int, length: int, bands: int, low: float, high: float, factor: float = 1.0) -> Values:
    r"""Triangles ``[M, N/2 + 1]`` over the frequencies :math:`k \cdot \mathrm{rate}/N` of a spectrum of ``N`` samples.

    Their ``M + 2`` corners are evenly spaced from ``low`` to ``high`` on the mel scale; each rises from one corner to 1 at
    the next and falls to 0 at the one after, linearly in mel. The array is shared and read-only.

    With a ``factor`` :math:`a` they hear a voice as if its frequencies were so many times as high: a corner at :math:`f` hertz
    moves to

    .. math::
        G(f) = \begin{cases} f / a & f \le F \min(a, 1) \\
            S - \dfrac{S - F \min(1 / a, 1)}{S - F \min(a, 1)} (S - f) & \text{beyond} \end{cases}

    with :math:`S` half the rate, which stays where it is, and :math:`F = 0.85\, S`.

    Source of the factor: Jaitly and Hinton 2013, *Vocal tract length perturbation (VTLP) improves speech recognition*, section 3.

    >>> mel_filters(8000, 16, 3, 0.0, 4000.0).round(2)
    array([[0.  , 0.87, 0.14, 0.  , 0.  , 0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.13, 0.86, 0.59, 0.16, 0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.  , 0.41, 0.84, 0.81, 0.5 , 0.24, 0.  ]])
    """
    corners = np.linspace(mel(low), mel(high), bands + 2)
    moved = corners if factor == 1 else mel(_unshifted(700.0 * np.expm1(corners / 1127.0), rate / 2, factor))
    left, centre, right = (moved[start : start + bands, None] for start in range(3))
    at = mel(np.arange(length // 2 + 1) * rate / length)
    filters = np.maximum(np.minimum((at - left) / (centre - left), (right - at) / (right - centre)), 0.0)
    filters.setflags(write=False)
    return filters


def _unshifted(f: Values, half: float, a: float) -> Values:
    """Where what is heard at ``f`` hertz comes from, if all frequencies have become ``a`` times as high."""
    F = BEND * half
    beyond = half - (half - F * min(1 / a, 1.0)) / (half - F * min(a, 1.0)) * (half - f)
    return np.where(f <= F * min(a, 1.0), f / a, beyond)
