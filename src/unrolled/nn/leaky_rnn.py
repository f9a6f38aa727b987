"""The leaky recurrent network as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unrolled.errors import InputError
from unrolled.nn.variant import Variant

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["LeakyRNN"]


class LeakyRNN(Variant, cells={"leaky_rnn": {}}):
    r"""Leaky, or continuous-time, recurrent network: at each step the state moves part of the way.

    .. math::
        h_t = (1 - \alpha) \circ h_{t-1} + \alpha \circ \varphi(W x_t + U h_{t-1} + b), \qquad \alpha = \Delta t / \tau

    Source: Funahashi, Nakamura 1993, Neural Networks 6(6).

    Args:
        alpha: above 0, at most 1: the time step over the units' time constant.
        learn_alpha: whether ``alpha_l0 [H]``, one a unit, is trained; nothing keeps it between 0 and 1 then.

    >>> import torch
    >>> from unrolled.nn import LeakyRNN
    >>> y, h = LeakyRNN(input_size=3, hidden_size=4, alpha=0.2)(torch.zeros(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """

    alpha: float

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, alpha: float = 0.1, learn_alpha: bool = False,
        device: Any = None, dtype: Any = None, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        if isinstance(alpha, Tensor) or not 0 < alpha <= 1:
            raise InputError(f"LeakyRNN: alpha must be above 0 and at most 1, got {alpha}")
        object.__setattr__(self, "alpha", float(alpha))  # the constructor below draws the parameters
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype,
            **options,
        )  # fmt: skip
        for name, parameter in self.named_parameters():
            if name.startswith("alpha_"):
                parameter.requires_grad_(learn_alpha)

    def _start(self) -> None:
        super()._start()
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.startswith("alpha_"):
                    parameter.fill_(self.alpha)

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return super().extra_repr() + f", alpha={self.alpha}"
