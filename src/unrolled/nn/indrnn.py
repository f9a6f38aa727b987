"""The independently recurrent network as a torch module."""

from __future__ import annotations

from unrolled.nn.variant import Variant

__all__ = ["IndRNN"]


class IndRNN(Variant, cells={"indrnn": {}}):
    r"""Independently recurrent network: :math:`h_t = \varphi(W x_t + u \circ h_{t-1} + b)`, with ReLU for :math:`\varphi`.

    A unit sees no other unit's state, so ``weight_hh`` is a vector. Source: Li et al. 2018, arXiv 1803.04831.

    >>> import torch
    >>> from unrolled.nn import IndRNN
    >>> layers = IndRNN(input_size=3, hidden_size=4, num_layers=2, residual=True)
    >>> layers(torch.zeros(5, 2, 3))[0].shape, layers.weight_hh_l1.shape
    (torch.Size([5, 2, 4]), torch.Size([4]))
    """
