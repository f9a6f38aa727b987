r"""A temporal convolutional network: causal convolutions whose steps lie ever further apart, in residual blocks.

.. math::
    F(x)[t] &= \sum_{i=0}^{k-1} W_i\, x[t - d\,i] + b \\
    y &= \mathrm{relu}(F_2(\mathrm{relu}(F_1(x))) + R\,x)

Block ``l`` has the dilation :math:`d = 2^l`, so that :math:`L` blocks reach :math:`1 + 2 (k - 1)(2^L - 1)` steps. ``R`` is a
matrix where sizes differ, else nothing. Source: Bai, Kolter, Koltun 2018, *An empirical evaluation of generic convolutional and
recurrent networks for sequence modeling*, arXiv 1803.01271, without its weight normalisation.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from unrolled.comparison.body import Body, cut
from unrolled.networks.stack import StackConfig

__all__ = ["Tcn", "levels_for"]

KERNEL = 3
MOST_LEVELS = 6


def levels_for(steps: int) -> int:
    """The fewest blocks that reach so many steps, six at most.

    >>> [levels_for(steps) for steps in (1, 5, 24, 10_000)]
    [1, 1, 3, 6]
    """
    return next((L for L in range(1, MOST_LEVELS) if steps <= 1 + 2 * (KERNEL - 1) * (2**L - 1)), MOST_LEVELS)


def causal(convolution: torch.nn.Conv1d, x: Tensor) -> Tensor:
    """A convolution along the last axis of ``[B, C, T]`` that looks back only."""
    back = (KERNEL - 1) * convolution.dilation[0]
    return convolution(pad(x, (back, 0)))


class _Block(torch.nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int, inner: int, dilation: int) -> None:
        super().__init__()
        self.first = torch.nn.Conv1d(inputs, inner, KERNEL, dilation=dilation)
        self.second = torch.nn.Conv1d(inner, outputs, KERNEL, dilation=dilation)
        self.around = torch.nn.Conv1d(inputs, outputs, 1) if inputs != outputs else torch.nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(causal(self.first, x))
        return torch.relu(causal(self.second, hidden) + self.around(x))


class Tcn(Body):
    """As many blocks as reach ``steps`` steps; ``sizes["inner"]`` channels within a block, by default as many as outside.

    >>> net = Tcn(StackConfig("tcn", 3, 4, 1), steps=20)
    >>> net(torch.zeros(5, 2, 3))[0].shape, net.reach
    (torch.Size([5, 2, 4]), 29)
    """

    def __init__(self, config: StackConfig, *, steps: int) -> None:
        super().__init__()
        H = config.hidden_size
        inner, levels = config.sizes.get("inner", H), levels_for(steps)
        self.blocks = torch.nn.ModuleList(
            _Block(H if level else config.inputs, H, inner, 2**level) for level in range(levels)
        )
        back = [(KERNEL - 1) * 2**level for level in range(levels)]
        self.reach = 1 + 2 * sum(back)
        self.state = sum(b * ((H if level else config.inputs) + inner) for level, b in enumerate(back))

    def read(self, x: Tensor, inside: Tensor) -> Tensor:
        """``[T, B, I]`` → ``[T, B, H]``."""
        y = x.permute(1, 2, 0)  # [B, I, T]
        for block in self.blocks:
            y = block(y)
        return cut(y.permute(2, 0, 1), inside)
