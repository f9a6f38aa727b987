r"""How long the optimiser's steps are in each epoch.

With :math:`s = (\text{epoch} - 1 - w) / (\text{epochs} - w)` of the way done after :math:`w` epochs of warming up, the learning
rate is multiplied by

.. math::
    \tfrac 1 2 (1 + \cos \pi s) \;\text{(cosine)}, \qquad 1 - s \;\text{(linear)}, \qquad 1 \;\text{(constant)},

and in the warming up by :math:`\text{epoch} / (w + 1)`.

Source: Loshchilov, Hutter 2017, *SGDR: stochastic gradient descent with warm restarts*, without restarts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """The curve of the learning rate, and how many epochs it first rises.

    >>> [Schedule("linear", warmup=1).factor(epoch, 5) for epoch in range(1, 6)]
    [0.5, 1.0, 0.75, 0.5, 0.25]
    """

    curve: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: int = 0

    def factor(self, epoch: int, epochs: int) -> float:
        """What the learning rate is multiplied by in an epoch, counted from 1."""
        if epoch <= self.warmup:
            return epoch / (self.warmup + 1)
        done = (epoch - 1 - self.warmup) / (epochs - self.warmup)
        if self.curve == "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        return 1 - done if self.curve == "linear" else 1.0
