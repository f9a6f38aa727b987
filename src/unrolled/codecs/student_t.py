r"""Quantiles of Student's t distribution, for any degrees of freedom from 2 upwards.

With :math:`x = \sqrt\nu \tan\theta` the distribution function is the integral of a smooth, bounded function,

.. math::
    F(x) = \frac 12 + c_\nu \int_0^\theta \cos^{\nu-1}\varphi \, d\varphi, \qquad
    c_\nu = \frac{\Gamma(\frac{\nu+1}{2})}{\sqrt\pi\,\Gamma(\frac\nu 2)},

which Gauss and Legendre's rule takes to the last digits and Newton's method inverts. For a given probability the quantile
is so smooth in :math:`1/\nu` that a polynomial through twenty Chebyshev points is as good as the inversion itself.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from unrolled.aliases import Values

__all__ = ["student_t_quantile"]


POINTS = 20  # Chebyshev points in 1/ν
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


def student_t_quantile(p: float, nu: Values) -> Values:
    """The ``x`` with ``P(t <= x) = p`` for a standard t of ``nu`` degrees of freedom, of the shape of ``nu``.

    ``p`` lies between 0 and 1, ``nu`` is at least 2; the relative error is about ``1e-13 / min(p, 1 - p)``.
    Each result depends on its own ``nu`` alone, to the last bit.

    >>> student_t_quantile(0.975, np.array([2.0, 10.0])).round(6).tolist()
    [4.302653, 2.228139]
    """
    if p < 0.5:
        return -student_t_quantile(1 - p, nu)
    return np.asarray(np.polynomial.chebyshev.chebval(4 / nu - 1, _coefficients(p)), np.float64)


@lru_cache(maxsize=256)
def _coefficients(p: float) -> Values:
    """Of the Chebyshev series over ``1/ν`` from 0 to 1/2, stretched to [-1, 1]."""
    points = np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
    values = [_inverted(p, 4 / (point + 1)) for point in points]
    return np.asarray(np.polynomial.chebyshev.chebfit(points, values, POINTS - 1), np.float64)


def _inverted(p: float, nu: float) -> float:
    """Newton's method from the normal quantile: that lies left of the root, where F is concave, so steps never pass it."""
    x = NormalDist().inv_cdf(p)
    constant = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(math.pi)
    for _ in range(60):
        theta = math.atan(x / math.sqrt(nu))
        integral = theta / 2 * float(WEIGHTS @ np.cos(theta / 2 * (NODES + 1)) ** (nu - 1))
        density = constant / math.sqrt(nu) * math.cos(theta) ** (nu + 1)
        step = (p - 0.5 - constant * integral) / density
        x += step
        if abs(step) <= 1e-15 * abs(x):
            break
    return x
