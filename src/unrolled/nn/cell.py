"""Single steps as torch modules: RNNCell, LSTMCell and GRUCell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.rnn import RNNCellBase

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.bound_cell import BoundCell
from unrolled.nn.errors import ArgumentTypeError, TensorError
from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.layer import layer
from unrolled.nn.leaf import Leaf
from unrolled.nn.onnx import is_exporting_to_onnx, onnx_layer
from unrolled.nn.precision import as_parameters
from unrolled.nn.rnn import rnn_cell

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


_NAMES = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}


class _Cell(Leaf, RNNCellBase):
    def __init__(self, cell: str, input_size: int, hidden_size: int, bias: bool, device: Any, dtype: Any) -> None:
        super().__init__(input_size, hidden_size, bias, len(get_cell(cell).gates), device=device, dtype=dtype)
        self.cell = cell
        self._bound = BoundCell(cell)

    def _step(self, input: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """The states after one step, batched or not as the input is."""
        if not torch.is_grad_enabled():
            after = self._step_at_once(input, states)
            if after is not None:
                return after
        name = type(self).__name__
        if not isinstance(input, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"{name}: expected a tensor as input, got {type(input).__name__}")
        if input.dim() not in (1, 2):
            raise InputError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        given = states or ()
        if torch.is_autocast_enabled("cpu"):
            input, *given = as_parameters((input, *given), self.weight_ih.dtype)
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise TensorError(f"{name}: input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}")
        checked: list[Tensor] = []
        for i, state in enumerate(given):
            if state.dim() not in (1, 2):
                what = "hidden" if len(given) == 1 else f"hx[{i}]"
                raise InputError(f"{name}: Expected {what} to be 1D or 2D, got {state.dim()}D instead")
            state = state if batched else state.unsqueeze(0)
            if state.shape[-1] != self.hidden_size:
                raise TensorError(
                    f"{name}: hidden{i} has inconsistent hidden_size: got {state.shape[-1]}, "
                    f"expected {self.hidden_size}"
                )
            if len(state) != len(x):
                raise TensorError(f"{name}: Input batch size {len(x)} doesn't match hidden{i} batch size {len(state)}")
            checked.append(state.unsqueeze(0))
        if self.hidden_size == 0:  # the kernels need a unit
            return (F.linear(input, self.weight_ih),) * len(get_cell(self.cell).states)
        h0, c0 = (*checked, None, None)[:2]
        stored = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        weights = [weight for weight in stored if weight is not None]  # pyright: ignore[reportUnnecessaryComparison]
        if self.input_size == 0:  # the kernels need an input
            x, weights[0] = F.pad(x, (0, 1)), F.pad(weights[0], (0, 1))
        run = onnx_layer if is_exporting_to_onnx() else layer
        after = run(Plan(self.cell), Inputs(x.unsqueeze(0), h0, c0, weights)).last
        return tuple(state[0] if batched else state[0, 0] for state in after)

    def _step_at_once(self, input: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """The same of plain tensors without autograd; None, and nothing done, for others."""
        if type(input) is not Tensor or torch.is_autocast_enabled("cpu"):
            return None
        own = self._parameters
        if not own.keys() >= _NAMES:  # some are made of others
            return None
        parameters = own["weight_ih"], own["weight_hh"], own["bias_ih"], own["bias_hh"]
        if input.dim() == 2:
            return self._bound.step(input, states, parameters)
        if input.dim() != 1 or any(type(state) is not Tensor or state.dim() != 1 for state in states or ()):
            return None
        rows = None if states is None else tuple([state[None] for state in states])
        after = self._bound.step(input[None], rows, parameters)
        return after if after is None else tuple([state[0] for state in after])


class _HiddenStateCell(_Cell):
    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """``input [B, I]`` or ``[I]`` and ``hx [B, H]`` or ``[H]`` (zero by default) give ``h'`` of the same kind.

        Raises:
            InputError: sizes do not match; also of the type that torch raises.
        """
        return self._step(input, None if hx is None else (hx,))[0]


class RNNCell(_HiddenStateCell):
    r"""One step of a simple recurrent network, ``h' = act(W x + b_ih + U h + b_hh)``.

    A drop-in for :class:`torch.nn.RNNCell`, with all of :data:`unrolled.cells.ACTIVATIONS` among its nonlinearities. For
    whole sequences use :class:`~unrolled.nn.RNN`: it arranges the weights once instead of at every step. Without autograd, under
    :class:`torch.no_grad` or :func:`torch.inference_mode`, the cells keep them arranged beside the parameters; every
    step looks whether a digest of these is still the same.

    >>> import torch
    >>> from unrolled.nn import RNNCell
    >>> RNNCell(3, 4)(torch.zeros(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(rnn_cell(nonlinearity), input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity


class LSTMCell(_Cell):
    r"""One step of an LSTM, as in :class:`~unrolled.nn.LSTM`; a drop-in for :class:`torch.nn.LSTMCell`.

    >>> import torch
    >>> from unrolled.nn import LSTMCell
    >>> h, c = LSTMCell(3, 4)(torch.zeros(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__("lstm", input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """``input [B, I]`` or ``[I]`` and ``hx = (h, c)``, each ``[B, H]`` or ``[H]``, give ``(h', c')``; zero without.

        Raises:
            InputError: sizes do not match; also of the type that torch raises.
        """
        if hx is not None and not (isinstance(hx, (tuple, list)) and len(hx) == 2):  # pyright: ignore[reportUnnecessaryIsInstance, reportUnnecessaryComparison]
            raise ArgumentTypeError("LSTMCell: hx must be a pair (h, c) of tensors")
        h, c = self._step(input, None if hx is None else tuple(hx))
        return h, c


class GRUCell(_HiddenStateCell):
    r"""One step of a GRU, as in :class:`~unrolled.nn.GRU`; a drop-in for :class:`torch.nn.GRUCell`.

    >>> import torch
    >>> from unrolled.nn import GRUCell
    >>> GRUCell(3, 4, reset_after=False)(torch.zeros(3)).shape
    torch.Size([4])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None, *,
        reset_after: bool = True,
    ) -> None:  # fmt: skip
        super().__init__("gru" if reset_after else "gru_reset_before", input_size, hidden_size, bias, device, dtype)
        self.reset_after = reset_after

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
