r"""A feed-forward net that sees a window of steps.

.. math::
    h[t] = \mathrm{relu}(W\,(x[t-k+1] \;\Vert\; \dots \;\Vert\; x[t+a]) + b)

It has weights of its own for every step of the window, so that their number grows with it; what lies outside does not exist
for it. Steps before a sequence and after it are zeros. Source: Bengio et al. 2003, *A neural probabilistic language model*.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from unrolled.comparison.body import Body
from unrolled.networks.stack import StackConfig

__all__ = ["FeedForward"]


class FeedForward(Body):
    """One hidden layer over ``before`` steps up to now and ``after`` steps ahead.

    >>> net = FeedForward(StackConfig("feed-forward", 3, 4, 1), before=2, after=1)
    >>> net(torch.zeros(5, 2, 3))[0].shape, net.layer.weight.shape, net.reach
    (torch.Size([5, 2, 4]), torch.Size([4, 9]), 3)
    """

    def __init__(self, config: StackConfig, *, before: int, after: int = 0) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.reach = before + after
        self.state = self.reach * config.inputs  # it answers ``after`` steps late
        self.layer = torch.nn.Linear(self.reach * config.inputs, config.hidden_size)

    def read(self, x: Tensor, inside: Tensor) -> Tensor:
        """``[T, B, I]`` → ``[T, B, H]``."""
        padded = pad(x, (0, 0, 0, 0, self.before - 1, self.after))
        windows = padded.unfold(0, self.before + self.after, 1)  # [T, B, I, k + a]
        return torch.relu(self.layer(windows.transpose(2, 3).flatten(2)))
