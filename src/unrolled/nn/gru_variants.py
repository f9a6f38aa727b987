"""GRUs with simplified gates as torch modules: GRU1, GRU2, GRU3 and the minimal gated unit."""

from __future__ import annotations

from unrolled.nn.variant import Variant

__all__ = ["GRU1", "GRU2", "GRU3", "MGU"]


class GRU1(Variant, cells={"gru1": {}}):
    r"""A GRU whose gates do not see the input.

    .. math::

        r, z &= \sigma(U_{r,z} h_{t-1} + b_{r,z}) \\
        n &= \tanh(W_n x_t + U_n (r \circ h_{t-1}) + b_n) \\
        h_t &= (1 - z) \circ n + z \circ h_{t-1}

    Source: Dey, Salem 2017, arXiv 1701.05923.

    >>> import torch
    >>> from unrolled.nn import GRU1
    >>> y, h = GRU1(input_size=3, hidden_size=4)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """


class GRU2(Variant, cells={"gru2": {}}):
    r"""A GRU whose gates see the state only: neither input nor bias.

    .. math::

        r, z &= \sigma(U_{r,z} h_{t-1}) \\
        n &= \tanh(W_n x_t + U_n (r \circ h_{t-1}) + b_n) \\
        h_t &= (1 - z) \circ n + z \circ h_{t-1}

    Source: Dey, Salem 2017, arXiv 1701.05923.

    >>> import torch
    >>> from unrolled.nn import GRU2
    >>> y, h = GRU2(input_size=3, hidden_size=4)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """


class GRU3(Variant, cells={"gru3": {}}):
    r"""A GRU whose gates are learned constants.

    .. math::

        r, z &= \sigma(b_{r,z}) \\
        n &= \tanh(W_n x_t + U_n (r \circ h_{t-1}) + b_n) \\
        h_t &= (1 - z) \circ n + z \circ h_{t-1}

    Source: Dey, Salem 2017, arXiv 1701.05923.

    >>> import torch
    >>> from unrolled.nn import GRU3
    >>> y, h = GRU3(input_size=3, hidden_size=4)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """


class MGU(Variant, cells={"mgu": {}}):
    r"""Minimal gated unit: one gate both resets and updates.

    .. math::

        f &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
        n &= \tanh(W_n x_t + U_n (f \circ h_{t-1}) + b_n) \\
        h_t &= (1 - f) \circ h_{t-1} + f \circ n

    Source: Zhou et al. 2016, arXiv 1603.09420.

    >>> import torch
    >>> from unrolled.nn import MGU
    >>> y, h = MGU(input_size=3, hidden_size=4)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """
