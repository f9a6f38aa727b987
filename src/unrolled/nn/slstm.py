"""The sLSTM as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.nn.arrangement import Origin
from unrolled.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["SLSTM"]


class SLSTM(Recurrent[tuple[Tensor, Tensor, Tensor, Tensor]], cells={"slstm": {}}):
    r"""sLSTM: an LSTM with exponential gates, a normaliser ``n`` and a stabiliser ``m``.

    .. math::

        m_t &= \max(\log \sigma(a_f) + m_{t-1},\, a_i), \qquad
        i = e^{a_i - m_t}, \quad f = e^{\log \sigma(a_f) + m_{t-1} - m_t} \\
        c_t &= f \circ c_{t-1} + i \circ \tanh(a_z), \qquad n_t = f \circ n_{t-1} + i \\
        h_t &= \sigma(a_o) \circ c_t / n_t

    with :math:`a_* = W_* x_t + U_* h_{t-1} + b_*`. Units form heads, and a unit sees only the states of its own head.
    States are ``(h, c, n, m)``. Source: Beck et al. 2024, arXiv 2405.04517.

    Args:
        num_heads: heads of equal size; must divide ``H``. ``weight_hh_l0`` is ``[4H, H / num_heads]``.

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
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, num_heads: int = 1, device: Any = None, dtype: Any = None,
        **options: Unpack[Options],
    ) -> None:  # fmt: skip
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

    def _kernel_weights(self, index: int, x: Tensor, origin: Origin) -> list[Tensor]:
        """With the heads' blocks of ``U`` on the diagonals of whole matrices."""
        weights, heads = self._layer_weights(index), self.num_heads
        if heads == 1:
            return weights
        each = len(weights) // self._directions
        return [whole_matrix(w, heads) if k % each == 1 else w for k, w in enumerate(weights)]


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
