"""The gated recurrent unit as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["GRU"]


_CELLS = {"gru": {}, "gru_reset_before": {"reset_after": False}, "gru_layer_norm": {"layer_norm": True}}


class GRU(Recurrent[Tensor], cells=_CELLS):
    r"""Gated recurrent unit, with the reset gate after or before the recurrent product.

    .. math::

        r_t &= \sigma(W_r x_t + b_{ir} + U_r h_{t-1} + b_{hr}) \\
        z_t &= \sigma(W_z x_t + b_{iz} + U_z h_{t-1} + b_{hz}) \\
        n_t &= \tanh(W_n x_t + b_{in} + r_t \circ (U_n h_{t-1} + b_{hn})) \quad\text{or, reset before,} \\
        n_t &= \tanh(W_n x_t + b_{in} + U_n (r_t \circ h_{t-1}) + b_{hn}) \\
        h_t &= (1 - z_t) \circ n_t + z_t \circ h_{t-1}

    A drop-in for :class:`torch.nn.GRU`: the same arguments, parameters, initialisation, state dictionary and outputs.
    It runs on the CPU and computes in float32 or float64. Sources: Cho et al. 2014, arXiv 1406.1078, version 1 (after) and
    version 3 (before).

    Args:
        reset_after: the reset gate acts on ``U_n h + b_hn``, as in torch, or on ``h`` before the product, as in
            the paper.
        layer_norm: layer normalisation of ``W x`` and of ``U h``, of reset and update gate together and of the
            candidate by itself (Ba, Kiros, Hinton 2016, arXiv 1607.06450; other code normalises all three gates
            together).

    >>> import torch
    >>> from unrolled.nn import GRU
    >>> gru = GRU(input_size=3, hidden_size=4, batch_first=True)
    >>> y, h = gru(torch.ones(2, 5, 3), lengths=[5, 2])
    >>> y.shape, h.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    >>> bool((y[1, 2:] == 0).all()), bool((y[1, 1] == h[0, 1]).all())
    (True, True)
    """

    reset_after: bool

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, reset_after: bool = True, layer_norm: bool = False,
        device: Any = None, dtype: Any = None, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        for name, given in (("reset_after", reset_after), ("layer_norm", layer_norm)):
            if not isinstance(given, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ArgumentTypeError(f"{name} should be of type bool, got: {type(given).__name__}")
        if layer_norm and not reset_after:
            raise InputError(
                "GRU: layer_norm=True: the paper normalises U h before the reset gate, reset_after must be True"
            )
        cell = "gru_layer_norm" if layer_norm else "gru" if reset_after else "gru_reset_before"
        super().__init__(
            get_cell(cell), None if layer_norm else "GRU", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, device, dtype, dict(options),
        )  # fmt: skip
        self.reset_after, self.layer_norm = reset_after, layer_norm

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return (
            super().extra_repr()
            + ("" if self.reset_after else ", reset_after=False")
            + (", layer_norm=True" if self.__dict__.get("layer_norm") else "")
        )
