"""The quasi-recurrent network as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.directions import each_direction
from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.onnx import is_exporting_to_onnx
from unrolled.nn.recent_inputs import recent_inputs
from unrolled.nn.recurrent import Recurrent
from unrolled.nn.result import Result

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["QRNN"]


class QRNN(Recurrent[tuple[Tensor, ...]], cells={"qrnn": {}}):
    r"""Quasi-recurrent network with fo-pooling: gates by causal convolution over the last ``K`` inputs.

    .. math::

        z, f, o &= \tanh, \sigma, \sigma\,(W_{z,f,o} [x_{t-K+1}; \ldots; x_t] + b_{z,f,o}) \\
        c_t &= f \circ c_{t-1} + (1 - f) \circ z, \qquad h_t = o \circ c_t

    The last ``K - 1`` inputs of every layer are part of its state: ``hx = (c, window of layer 0, window of layer 1, ...)``
    with ``c [L*D, B, H]`` and windows ``[D, B, (K-1)*inputs]``, the oldest input first. Source: Bradbury et al. 2016,
    arXiv 1611.01576.

    Args:
        kernel_width: ``K``, at least 1; ``weight_ih_l0`` is ``[3H, K*I]``.

    >>> import torch
    >>> from unrolled.nn import QRNN
    >>> y, (c, window) = QRNN(input_size=3, hidden_size=4, kernel_width=3)(torch.zeros(5, 2, 3))
    >>> y.shape, c.shape, window.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]), torch.Size([1, 2, 6]))
    """

    kernel_width: int

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, kernel_width: int = 2, device: Any = None,
        dtype: Any = None, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        if not isinstance(kernel_width, int) or kernel_width < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"QRNN: kernel_width must be a whole number of at least 1, got {kernel_width!r}")
        super().__init__(
            get_cell("qrnn"), None, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device,
            dtype, dict(options), sizes={"kernel_width": kernel_width},
        )  # fmt: skip
        self.kernel_width = kernel_width

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return super().extra_repr() + f", kernel_width={self.kernel_width}"

    def _pass(self, index: int, plan: Plan, inputs: Inputs) -> Result:
        """Each direction over the windows it sees; its state is ``c`` and the window."""
        H, width = self.hidden_size, self._state_sizes(index)["window"]
        if is_exporting_to_onnx():  # its Scan keeps the window itself
            c0 = inputs.c0
            c0 = c0 if c0 is None or c0.shape[2] > H else F.pad(c0, (0, width))
            return super()._pass(index, plan, inputs._replace(c0=c0))

        if self.watch is not None and plan.directions > 1:
            raise InputError(
                "QRNN: steps of two directions cannot be watched, for each is run over windows of its own: look at one that is"
                " not bidirectional"
            )

        def run(plan: Plan, inputs: Inputs) -> Result:
            x, c = inputs.x, inputs.c0
            first = x.new_zeros(x.shape[1], width) if c is None or c.shape[2] == H else c[0, :, H:]
            seen, last = recent_inputs(x, plan.batch_sizes, first, self.kernel_width)
            own = inputs._replace(x=seen, c0=None if c is None else c[..., :H])
            result = super(QRNN, self)._pass(index, plan, own)
            return result._replace(last=[torch.cat((result.last[0], last[None]), 2)])

        return each_direction(run, plan, inputs)
