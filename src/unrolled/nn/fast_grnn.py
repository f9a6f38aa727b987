"""FastGRNN as a torch module."""

from __future__ import annotations

from unrolled.nn.variant import Variant

__all__ = ["FastGRNN"]


class FastGRNN(Variant, cells={"fast_grnn": {}}):
    r"""FastGRNN: gate and candidate share ``W`` and ``U``.

    .. math::

        a &= W x_t + U h_{t-1}, \qquad z = \sigma(a + b_z), \qquad n = \tanh(a + b_n) \\
        h_t &= (\sigma(\zeta) (1 - z) + \sigma(\nu)) \circ n + z \circ h_{t-1}

    ``zeta_l0`` and ``nu_l0`` are single numbers. The paper's low-rank, sparse and quantised matrices are a matter of
    ``W`` and ``U`` themselves, for instance by :mod:`torch.nn.utils.parametrize`. Source: Kusupati et al. 2018,
    arXiv 1901.02358.

    >>> import torch
    >>> from unrolled.nn import FastGRNN
    >>> layer = FastGRNN(input_size=3, hidden_size=4)
    >>> layer(torch.zeros(5, 2, 3))[0].shape, sum(p.numel() for p in layer.parameters())
    (torch.Size([5, 2, 4]), 38)
    """
