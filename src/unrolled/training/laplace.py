r"""The loss of forecasts with a spread: the negative logarithm of Laplace's density.

.. math:: E = \frac{|z - \mu|}{b} + \log 2b

Its minimum is the median, and for b the mean absolute error; what lies far off, such as a holiday in the training part, pulls
less than under a squared error.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from unrolled.networks.spread import SMALLEST_SPREAD

__all__ = ["laplace_loss"]


def laplace_loss(outputs: Tensor, z: Tensor) -> Tensor:
    """Mean of E for ``outputs [..., 2 n]``, μ and the spread before it is made positive, and ``z [..., n]``."""
    mean, raw = outputs.chunk(2, dim=-1)
    spread = softplus(raw) + SMALLEST_SPREAD
    return ((z - mean).abs() / spread + torch.log(2 * spread)).mean()
