"""Long short-term memory as a torch module."""

from __future__ import annotations

from typing import Any, Literal, overload

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.recurrent import Lengths, Recurrent, Steps

__all__ = ["LSTM"]


class LSTM(Recurrent):
    r"""Long short-term memory.

    .. math::

        i_t, f_t, o_t &= \sigma(W_* x_t + b_{i*} + U_* h_{t-1} + b_{h*}) \\
        g_t &= \tanh(W_g x_t + b_{ig} + U_g h_{t-1} + b_{hg}) \\
        c_t &= f_t \circ c_{t-1} + i_t \circ g_t \\
        h_t &= o_t \circ \tanh(c_t)

    A drop-in for :class:`torch.nn.LSTM`: the same arguments, parameters, initialisation, state dictionary and outputs.
    It runs on the CPU in float32 or float64. Source: Hochreiter and Schmidhuber 1997, with Gers' forget gate.

    Parameters
    ----------
    input_size : int
        ``I``, numbers a step.
    hidden_size : int
        ``H``, units of a layer.
    num_layers : int
        ``L``, layers stacked on one another.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Input and output are ``[B, T, ...]`` instead of ``[T, B, ...]``; states are not affected.
    dropout : float, 0 to 1
        Probability with which, in training, an output of any layer but the last becomes zero.
    bidirectional : bool
        ``D = 2``: a second set of parameters runs from the last step to the first; outputs lie side by side.
    proj_size : int, 0 to H - 1
        ``P``; unless 0, ``h_t = W_hr (o_t * tanh(c_t))`` has this size instead of ``H`` (Sak et al. 2014). Such layers
        run on torch's own operations, without the speed of the kernels.
    device, dtype
        Of the parameters.

    Examples
    --------
    >>> import torch
    >>> from unrolled.nn import LSTM
    >>> lstm = LSTM(input_size=3, hidden_size=4, bidirectional=True)
    >>> y, (h, c) = lstm(torch.zeros(5, 2, 3))
    >>> y.shape, h.shape, c.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]), torch.Size([2, 2, 4]))

    Every step's cell state, of each layer:

    >>> y, _, ((h, c),) = lstm(torch.zeros(5, 2, 3), return_states=True)
    >>> c.shape, torch.equal(h, y)
    (torch.Size([5, 2, 8]), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "lstm",
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            proj_size,
        )

    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None, lengths: Lengths | None = None,
        return_states: Literal[False] = False,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None, lengths: Lengths | None = None,
        *, return_states: Literal[True],
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor], Steps]: ...  # fmt: skip
    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None, lengths: Lengths | None = None,
        return_states: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Parameters
        ----------
        input : Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence
        hx : pair of Tensor ``[L*D, B, H]`` or ``[L*D, H]``, optional
            Initial hidden and cell states; zero by default.
        lengths : ``B`` whole numbers from 0 to ``T``, optional
            Steps of each sequence. Past its length a sequence's outputs are zero; its last states are those of its own
            last step, and the initial ones if it has none.
        return_states : bool
            Return the states of every step of every layer, too.

        Returns
        -------
        output : Tensor ``[T, B, D*H]``, with ``batch_first`` ``[B, T, D*H]``, ``[T, D*H]``, or a PackedSequence
            The last layer's hidden states of every step.
        (h_n, c_n) : each Tensor ``[L*D, B, H]`` or ``[L*D, H]``
            The last states of every layer and direction.
        states : only with ``return_states``, for each layer a tuple ``(h, c)``
            Its hidden and cell states of every step, before dropout, shaped like ``output``; the last layer's ``h`` is
            ``output``. Gradients flow through all of them.

        Raises
        ------
        InputError
            Sizes, dtypes, devices or lengths do not fit; also of the type torch raises.
        """
        if hx is not None and not (isinstance(hx, (tuple, list)) and len(hx) == 2):  # pyright: ignore[reportUnnecessaryIsInstance, reportUnnecessaryComparison]
            raise ArgumentTypeError("LSTM: hx must be a pair (h_0, c_0) of tensors")
        states, (h_n, c_n) = self._run(input, None if hx is None else tuple(hx), lengths, return_states)
        return (states[-1][0], (h_n, c_n), states) if return_states else (states[-1][0], (h_n, c_n))
