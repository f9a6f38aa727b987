"""The minimal GRU and LSTM, whose gates do not see the state, as torch modules."""

from __future__ import annotations

from unrolled.nn.variant import Variant

__all__ = ["MinGRU", "MinLSTM"]


class MinGRU(Variant, cells={"min_gru": {}}):
    r"""Minimal GRU.

    .. math::

        z = \sigma(W_z x_t + b_z), \qquad h_t = (1 - z) \circ h_{t-1} + z \circ (W_n x_t + b_n)

    No matrix meets the state, so a step is cheap and threads share the units. The paper also gives a form in log space,
    which passes the candidate through a positive function; this is the plain one. Source: Feng et al. 2024,
    arXiv 2410.01201.

    >>> import torch
    >>> from unrolled.nn import MinGRU
    >>> y, h = MinGRU(input_size=3, hidden_size=4)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """


class MinLSTM(Variant, cells={"min_lstm": {}}):
    r"""Minimal LSTM.

    .. math::

        f, i = \sigma(W_{f,i} x_t + b_{f,i}), \qquad
        h_t = \frac{f \circ h_{t-1} + i \circ (W_n x_t + b_n)}{f + i}

    No matrix meets the state, so a step is cheap and threads share the units. The paper also gives a form in log space,
    which passes the candidate through a positive function; this is the plain one. Source: Feng et al. 2024,
    arXiv 2410.01201.

    >>> import torch
    >>> from unrolled.nn import MinLSTM
    >>> y, h = MinLSTM(input_size=3, hidden_size=4)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """
