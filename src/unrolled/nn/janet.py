"""The forget gate alone as a torch module."""

from __future__ import annotations

from unrolled.nn.variant import Variant

__all__ = ["JANET"]


class JANET(Variant, cells={"janet": {}}):
    r"""An LSTM with just the forget gate.

    .. math::

        s_t &= W_f x_t + U_f h_{t-1} + b_f \\
        h_t &= \sigma(s_t) \circ h_{t-1} + (1 - \sigma(s_t - 1)) \circ \tanh(W_g x_t + U_g h_{t-1} + b_g)

    The paper starts the forget gate with ``chrono``. Source: van der Westhuizen, Lasenby 2018, arXiv 1804.04849, with
    its :math:`\beta = 1`.

    >>> import torch
    >>> from unrolled.nn import JANET
    >>> y, h = JANET(input_size=3, hidden_size=4, chrono=100)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """
