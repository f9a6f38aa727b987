"""Elman's recurrent network as a torch module."""

from __future__ import annotations

from typing import Any, Literal, overload

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.errors import InputError
from unrolled.nn.recurrent import Lengths, Recurrent, Steps

__all__ = ["RNN"]

_NONLINEARITIES = ("tanh", "relu", "identity")


class RNN(Recurrent):
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

    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: Literal[False] = False,
    ) -> tuple[Tensor | PackedSequence, Tensor]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        *, return_states: Literal[True],
    ) -> tuple[Tensor | PackedSequence, Tensor, Steps]: ...  # fmt: skip
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Parameters
        ----------
        input : Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence
        hx : Tensor ``[L*D, B, H]`` or ``[L*D, H]``, optional
            Initial states; zero by default.
        lengths : ``B`` whole numbers from 0 to ``T``, optional
            Steps of each sequence. Past its length a sequence's outputs are zero; its last state is that of its own
            last step, and the initial one if it has none.
        return_states : bool
            Return the states of every step of every layer, too.

        Returns
        -------
        output : Tensor ``[T, B, D*H]``, with ``batch_first`` ``[B, T, D*H]``, ``[T, D*H]``, or a PackedSequence
            The last layer's states of every step.
        h_n : Tensor ``[L*D, B, H]`` or ``[L*D, H]``
            The last states of every layer and direction.
        states : only with ``return_states``, for each layer a tuple ``(h,)``
            Its hidden states of every step, before dropout, shaped like ``output``; the last layer's are ``output``.

        Raises
        ------
        InputError
            Sizes, dtypes, devices or lengths do not fit; also of the type torch raises.
        """
        states, (h_n,) = self._run(input, None if hx is None else (hx,), lengths, return_states)
        return (states[-1][0], h_n, states) if return_states else (states[-1][0], h_n)
