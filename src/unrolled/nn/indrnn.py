"""The independently recurrent network as a torch module."""

from __future__ import annotations

from unrolled.nn.hidden_state import Variant

__all__ = ["IndRNN"]


class IndRNN(Variant, cells={"indrnn": {}}):
    r"""Independently recurrent network: :math:`h_t = \varphi(W x_t + u \circ h_{t-1} + b)`, with ReLU for :math:`\varphi`.

    A unit sees no other unit's state, so ``weight_hh`` is a vector. Source: Li et al. 2018, arXiv 1803.04831.

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
    >>> from unrolled.nn import IndRNN
    >>> layers = IndRNN(input_size=3, hidden_size=4, num_layers=2, residual=True)
    >>> layers(torch.zeros(5, 2, 3))[0].shape, layers.weight_hh_l1.shape
    (torch.Size([5, 2, 4]), torch.Size([4]))
    """
