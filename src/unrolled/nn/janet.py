"""The forget gate alone as a torch module."""

from __future__ import annotations

from unrolled.nn.hidden_state import Variant

__all__ = ["JANET"]


class JANET(Variant, cells={"janet": {}}):
    r"""An LSTM with just the forget gate.

    .. math::

        s_t &= W_f x_t + U_f h_{t-1} + b_f \\
        h_t &= \sigma(s_t) \circ h_{t-1} + (1 - \sigma(s_t - 1)) \circ \tanh(W_g x_t + U_g h_{t-1} + b_g)

    The paper starts the forget gate with ``chrono``. Source: van der Westhuizen, Lasenby 2018, arXiv 1804.04849, with
    its :math:`\beta = 1`.

    Parameters
    ----------
    input_size : int
        ``I``, the number of input features.
    hidden_size : int
        ``H``, the number of units per layer.
    num_layers : int
        ``L``, the number of stacked layers.
    bias : bool
        Whether the layers have biases.
    batch_first : bool
        Input and output are ``[B, T, ...]`` instead of ``[T, B, ...]``; states are not affected.
    dropout : float, 0 to 1
        Probability that an output of any layer except the last is set to zero in training.
    bidirectional : bool
        ``D = 2``: a second set of parameters reads the sequences backwards.
    device, dtype
        Device and dtype of the parameters.
    **options
        The options of all layers: :class:`~unrolled.nn.Settings`.

    Examples
    --------
    >>> import torch
    >>> from unrolled.nn import JANET
    >>> y, h = JANET(input_size=3, hidden_size=4, chrono=100)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """
