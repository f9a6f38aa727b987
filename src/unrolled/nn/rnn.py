"""Elman's recurrent network as a torch module."""

from __future__ import annotations

from typing import Any

from unrolled.errors import InputError
from unrolled.nn.hidden_state import HiddenState

__all__ = ["RNN"]

_NONLINEARITIES = ("tanh", "relu", "identity")


class RNN(HiddenState):
    r"""Elman's network: :math:`h_t = \varphi(W x_t + b_{ih} + U h_{t-1} + b_{hh})`.

    A drop-in for :class:`torch.nn.RNN`: the same arguments, parameters, initialisation, state dictionary and outputs.
    It runs on the CPU in float32 or float64.

    Parameters
    ----------
    input_size : int
        ``I``, numbers a step.
    hidden_size : int
        ``H``, units of a layer.
    num_layers : int
        ``L``, layers stacked on one another.
    nonlinearity : "tanh", "relu" or "identity"
        :math:`\varphi`; the last is not in torch.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Input and output are ``[B, T, ...]`` instead of ``[T, B, ...]``; states are not affected.
    dropout : float, 0 to 1
        Probability with which, in training, an output of any layer but the last becomes zero.
    bidirectional : bool
        ``D = 2``: a second set of parameters runs from the last step to the first; outputs lie side by side.
    device, dtype
        Of the parameters.

    Examples
    --------
    >>> import torch
    >>> from unrolled.nn import RNN
    >>> rnn = RNN(input_size=3, hidden_size=4, num_layers=2)
    >>> y, h = rnn(torch.zeros(5, 2, 3))
    >>> y.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    nonlinearity: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in _NONLINEARITIES:
            raise InputError(f"nonlinearity {nonlinearity!r}: expected one of {', '.join(_NONLINEARITIES)}")
        # torch's base class knows two modes, and needs one only to count gates
        mode = "RNN_RELU" if nonlinearity == "relu" else "RNN_TANH"
        super().__init__(
            f"rnn_{nonlinearity}", mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults; of the nonlinearity, as in torch, only what torch has not."""
        return super().extra_repr() + (", nonlinearity=identity" if self.nonlinearity == "identity" else "")
