r"""Layer normalisation over the last axis, without scale and shift.

.. math::
   N(a) = \frac{a - \mu}{s}, \qquad \mu = \frac{1}{n} \sum_k a_k, \quad s = \sqrt{\frac{1}{n} \sum_k (a_k - \mu)^2 + \epsilon}

.. math::
   \delta a = \frac{1}{s} \left(\delta N - \overline{\delta N} - N \circ \overline{\delta N \circ N}\right)

where the bar is a mean over the axis, and :math:`\epsilon = 10^{-5}`. Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450.
"""

from __future__ import annotations

from unrolled.cells.arrays import FloatArray

__all__ = ["normalise", "normalise_backward"]

EPSILON = 1e-5


def normalise(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``N(a)`` and ``1/s`` of ``a [B, n]``.

    >>> import numpy as np
    >>> normalise(np.array([[1.0, 3.0]]))[0].round(4)
    array([[-1.,  1.]])
    """
    centered = a - a.mean(-1, keepdims=True)
    factor = ((centered**2).mean(-1, keepdims=True) + EPSILON) ** -0.5
    return centered * factor, factor


def normalise_backward(grad: FloatArray, normalised: FloatArray, factor: FloatArray) -> FloatArray:
    """``δa`` from ``δN``, and what :func:`normalise` returned."""
    through_scale = normalised * (grad * normalised).mean(-1, keepdims=True)
    return factor * (grad - grad.mean(-1, keepdims=True) - through_scale)
