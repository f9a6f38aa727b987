"""The quasi-recurrent network as a torch module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.call import Masks
from unrolled.nn.directions import each_direction
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.onnx import is_exporting_to_onnx
from unrolled.nn.recurrent import Lengths, Recurrent, Wanted
from unrolled.nn.result import Result
from unrolled.nn.windows import windows

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["QRNN"]


class QRNN(Recurrent, cells={"qrnn": {}}):
    r"""Quasi-recurrent network with fo-pooling: gates by causal convolution over the last ``K`` inputs.

    .. math::

        z, f, o &= \tanh, \sigma, \sigma\,(W_{z,f,o} [x_{t-K+1}; \ldots; x_t] + b_{z,f,o}) \\
        c_t &= f \circ c_{t-1} + (1 - f) \circ z, \qquad h_t = o \circ c_t

    The last ``K - 1`` inputs of every layer are part of its state: ``hx = (c, window of layer 0, window of layer 1, ...)``
    with ``c [L*D, B, H]`` and windows ``[D, B, (K-1)*inputs]``, the oldest input first. Source: Bradbury et al. 2016,
    arXiv 1611.01576.

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
    kernel_width : int
        ``K``, at least 1; ``weight_ih_l0`` is ``[3H, K*I]``.
    device, dtype
        Device and dtype of the parameters.
    **options
        The options of all layers: :class:`~unrolled.nn.Settings`.

    Examples
    --------
    >>> import torch
    >>> from unrolled.nn import QRNN
    >>> y, (c, window) = QRNN(input_size=3, hidden_size=4, kernel_width=3)(torch.zeros(5, 2, 3))
    >>> y.shape, c.shape, window.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]), torch.Size([1, 2, 6]))
    """

    kernel_width: int

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
        kernel_width: int = 2,
        device: Any = None,
        dtype: Any = None,
        **options: Unpack[Options],
    ) -> None:
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

    def _initial_states(
        self, input: Tensor, states: tuple[Tensor, ...] | None, B: int, batched: bool
    ) -> tuple[Tensor, ...]:
        if states is None:
            return ()
        if len(states) != 1 + self.num_layers:
            raise ArgumentTypeError(f"QRNN: hx holds c and {self.num_layers} window(s), got {len(states)} tensors")
        shapes = [(self.num_layers * self._directions, B, self.hidden_size)]
        shapes += [(self._directions, B, self._state_sizes(k)["window"]) for k in range(self.num_layers)]
        checked = [state if batched else state.unsqueeze(1) for state in states]
        for k, (state, shape) in enumerate(zip(checked, shapes, strict=True)):
            if state.shape != shape or state.dtype != input.dtype:
                name = f"window {k - 1}" if k else "c_0"
                raise InputError(f"QRNN: expected {name} {input.dtype} {shape}, got {state.dtype} {tuple(state.shape)}")
        return tuple(checked)

    def _default_states(self, like: Tensor) -> tuple[Tensor, ...]:
        starts = [like.new_zeros(self._directions, 1, self._state_sizes(k)["window"]) for k in range(self.num_layers)]
        return (*super()._default_states(like), *starts)

    def _of_layer(self, states: tuple[Tensor, ...], index: int) -> Sequence[Tensor]:
        D = self._directions
        return states[0][index * D : index * D + D], states[1 + index]

    def _of_all(self, layers: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        return torch.cat([c for c, _ in layers]), *(window for _, window in layers)

    def _pass(
        self, index: int, x: Tensor, sizes: Tensor | None, h0: Tensor | None, c0: Tensor | None,
        weights: Sequence[Tensor], masks: Masks, wanted: Wanted, directions: int | None = None,
    ) -> Result:  # fmt: skip
        """Each direction over the windows it sees; its state is ``c`` and the window."""
        H, width = self.hidden_size, self._state_sizes(index)["window"]
        if is_exporting_to_onnx():  # its Scan keeps the window itself
            c0 = c0 if c0 is None or c0.shape[2] > H else F.pad(c0, (0, width))
            return super()._pass(index, x, sizes, None, c0, weights, masks, wanted)

        def run(x: Tensor, _: Tensor | None, c: Tensor | None, weights: Sequence[Tensor], masks: Masks) -> Result:
            first = x.new_zeros(x.shape[1], width) if c is None or c.shape[2] == H else c[0, :, H:]
            seen, last = windows(x, sizes, first, self.kernel_width)
            c = None if c is None else c[..., :H]
            result = super(QRNN, self)._pass(index, seen, sizes, None, c, weights, masks, wanted, directions=1)
            return result._replace(last=[torch.cat((result.last[0], last[None]), 2)])

        return each_direction(run, self._directions, sizes, x, h0, c0, weights, masks)

    def forward(
        self, input: Tensor | PackedSequence, hx: Sequence[Tensor] | None = None, lengths: Lengths | None = None,
        return_states: bool = False, return_gates: bool = False, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Parameters
        ----------
        input : Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence
        hx : ``c`` and a window a layer, optional
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
        (c, window, ...) : like ``hx``
            The last states of every layer and direction.
        states : only with ``return_states``, for each layer a tuple ``(h, c)``
            Its states of every step, before dropout, shaped like ``output``. Gradients flow through all of them.
        gates : only with ``return_gates``, for each layer a dictionary of its gates
            Each shaped like ``output``.

        Raises
        ------
        InputError
            Sizes, dtypes, devices or lengths do not match; also of the type that torch raises.
        """
        states = None if hx is None else tuple(hx)
        output, last, besides = self._call(input, states, lengths, return_states, return_gates, resets, generator)
        return output, last, *besides
