"""The simple recurrent unit as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["SRU"]


class SRU(Recurrent[Tensor], cells={"sru": {"highway": False}, "sru_highway": {"highway": True}}):
    r"""Simple recurrent unit, with its highway.

    .. math::

        f &= \sigma(W_f x_t + v_f \circ c_{t-1} + b_f), \qquad r = \sigma(W_r x_t + v_r \circ c_{t-1} + b_r) \\
        c_t &= f \circ c_{t-1} + (1 - f) \circ (W_n x_t) \\
        h_t &= r \circ c_t + (1 - r) \circ x_t

    The state that is handed on is ``c``. Where a layer's input is not as wide as its output, a fourth matrix brings it
    there: ``W_k x`` takes the place of ``x``. Source: Lei et al. 2018, arXiv 1709.02755.

    Args:
        highway: whether there is the fourth matrix; by default where sizes need it.

    >>> import torch
    >>> from unrolled.nn import SRU
    >>> y, c = SRU(input_size=4, hidden_size=4, num_layers=2)(torch.zeros(5, 2, 4))
    >>> y.shape, c.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, highway: bool | None = None, device: Any = None,
        dtype: Any = None, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        widens = num_layers > 1 and bidirectional and options.get("merge") != "sum"
        needed = input_size != hidden_size or widens
        if highway is False and needed:
            raise InputError(
                f"SRU: highway=False leads the input around the cell, so every layer's must have {hidden_size} numbers;"
                f" the first has {input_size}" + (", the following both directions'" if widens else "")
            )
        name = "sru_highway" if highway or needed else "sru"
        super().__init__(
            get_cell(name), None, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device, dtype, dict(options),
        )  # fmt: skip
