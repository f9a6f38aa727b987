"""The sLSTM as a torch module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.nn.dropout import Arranged
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.recurrent import Lengths, Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["SLSTM"]


class SLSTM(Recurrent, cells={"slstm": {}}):
    r"""sLSTM: an LSTM with exponential gates, a normaliser ``n`` and a stabiliser ``m``.

    .. math::

        m_t &= \max(\log \sigma(a_f) + m_{t-1},\, a_i), \qquad
        i = e^{a_i - m_t}, \quad f = e^{\log \sigma(a_f) + m_{t-1} - m_t} \\
        c_t &= f \circ c_{t-1} + i \circ \tanh(a_z), \qquad n_t = f \circ n_{t-1} + i \\
        h_t &= \sigma(a_o) \circ c_t / n_t

    with :math:`a_* = W_* x_t + U_* h_{t-1} + b_*`. Units form heads, and a unit sees only the states of its own head.
    States are ``(h, c, n, m)``. Source: Beck et al. 2024, arXiv 2405.04517.

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
    num_heads : int
        Heads of equal size; must divide ``H``. ``weight_hh_l0`` is ``[4H, H / num_heads]``.
    device, dtype
        Device and dtype of the parameters.
    **options
        The options of all layers: :class:`~unrolled.nn.Settings`.

    Examples
    --------
    >>> import torch
    >>> from unrolled.nn import SLSTM
    >>> y, (h, c, n, m) = SLSTM(input_size=3, hidden_size=4, num_heads=2)(torch.zeros(5, 2, 3))
    >>> y.shape, n.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    num_heads: int

    @classmethod
    def arguments_for(cls, cell: Cell, hidden_size: int, **sizes: int) -> dict[str, Any]:
        """The constructor's arguments that make a layer with heads of ``head_size`` units."""
        head_size = sizes.get("head_size", hidden_size)
        if head_size < 1 or hidden_size % head_size:
            raise InputError(f"SLSTM: head_size must divide hidden_size, got {head_size} and {hidden_size}")
        return {"num_heads": hidden_size // head_size}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        num_heads: int = 1,
        device: Any = None,
        dtype: Any = None,
        **options: Unpack[Options],
    ) -> None:
        if not isinstance(num_heads, int) or num_heads < 1 or hidden_size % num_heads:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"SLSTM: num_heads must divide hidden_size, got {num_heads} and {hidden_size}")
        super().__init__(
            get_cell("slstm"), None, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device,
            dtype, dict(options), sizes={"head_size": hidden_size // num_heads},
        )  # fmt: skip
        self.num_heads = num_heads

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return super().extra_repr() + (f", num_heads={self.num_heads}" if self.num_heads > 1 else "")

    def _kernel_weights(self, index: int, x: Tensor, arranged: Arranged) -> list[Tensor]:
        """With the heads' blocks of ``U`` on the diagonals of whole matrices."""
        weights, heads = self._layer_weights(index), self.num_heads
        if heads == 1:
            return weights
        each = len(weights) // self._directions
        return [whole_matrix(w, heads) if k % each == 1 else w for k, w in enumerate(weights)]

    def forward(
        self, input: Tensor | PackedSequence, hx: Sequence[Tensor] | None = None, lengths: Lengths | None = None,
        return_states: bool = False, return_gates: bool = False, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Parameters
        ----------
        input : Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence
        hx : four Tensors ``[L*D, B, H]`` or ``[L*D, H]``, optional
            Initial states; by default zero, or learned.
        lengths : ``B`` whole numbers from 0 to ``T``, optional
            Steps of each sequence. Past its length a sequence's outputs are zero; its last state is that of its own
            last step, and the initial one if it has none.
        return_states : bool
            Also return the states of every step of every layer.
        return_gates : bool
            Also return the gates of every step of every layer; gradients do not flow through them.
        resets : Tensor of bool ``[T, B]``, with ``batch_first`` ``[B, T]``, optional
            Steps before which the state is reset to the one sequences start from without ``hx``.
        generator : torch.Generator, optional
            Random generator for the masks; torch's default one if not given.

        Returns
        -------
        output : Tensor ``[T, B, D*H]``, with ``batch_first`` ``[B, T, D*H]``, ``[T, D*H]``, or a PackedSequence
            The last layer's outputs of every step.
        (h_n, c_n, n_n, m_n) : each Tensor ``[L*D, B, H]`` or ``[L*D, H]``
            The last states of every layer and direction.
        states : only with ``return_states``, for each layer a tuple ``(h, c, n, m)``
            Its states of every step, before dropout, shaped like ``output``. Gradients flow through all of them.
        gates : only with ``return_gates``, for each layer a dictionary of its gates
            Each shaped like ``output``.

        Raises
        ------
        InputError
            Sizes, dtypes, devices or lengths do not match; also of the type that torch raises.
        """
        if hx is not None and not (isinstance(hx, (tuple, list)) and len(hx) == 4):
            raise ArgumentTypeError("SLSTM: hx must hold the four tensors (h_0, c_0, n_0, m_0)")
        states = None if hx is None else tuple(hx)
        output, last, besides = self._call(input, states, lengths, return_states, return_gates, resets, generator)
        return output, last, *besides


def whole_matrix(blocks: Tensor, heads: int) -> Tensor:
    """``U [4H, H]`` whose blocks on the diagonal are those of the heads, ``[4H, H / heads]``.

    >>> whole_matrix(torch.tensor([[1.0], [2.0]]), heads=2)
    tensor([[1., 0.],
            [0., 2.]])
    """
    S = blocks.shape[1]
    gates = blocks.view(-1, heads, S, 1, S)
    diagonal = torch.eye(heads, dtype=blocks.dtype).view(1, heads, 1, heads, 1)
    return (gates * diagonal).reshape(len(blocks), heads * S)
