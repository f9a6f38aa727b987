"""What RNN, LSTM and GRU share: torch's parameters and arguments, run by this library's kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.rnn import RNNBase
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.autocast import in_full_precision
from unrolled.nn.composite import composite
from unrolled.nn.errors import ArgumentTypeError, TensorError
from unrolled.nn.layer import layer
from unrolled.nn.lengths import Order, as_lengths, order_rows, rearrange
from unrolled.nn.memory import check_allocation
from unrolled.nn.onnx import is_exporting_to_onnx, onnx_layer

__all__ = ["Lengths", "Recurrent", "Steps"]

Lengths = Sequence[int] | Tensor
Steps = tuple[tuple[Tensor | PackedSequence, ...], ...]
"""For each layer ``(h,)`` or ``(h, c)`` of every step, shaped as the outputs are."""

_Layers = tuple[tuple[Tensor, ...], ...]
_Kind = TypeVar("_Kind", Tensor, PackedSequence)


class Recurrent(RNNBase):
    """Stacked recurrent layers with the constructor, parameters, initialisation and outputs of ``torch.nn``."""

    def __init__(
        self,
        cell: str,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: Any,
        dtype: Any,
        proj_size: int = 0,
    ) -> None:
        _check_parameter_memory(cell, input_size, hidden_size, num_layers, bidirectional, device, dtype)
        super().__init__(
            mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device=device, dtype=dtype,
        )  # fmt: skip
        self.cell = cell

    def _run(
        self, input: Tensor | PackedSequence, states: tuple[Tensor, ...] | None, lengths: Lengths | None, every: bool
    ) -> tuple[Steps, tuple[Tensor, ...]]:
        """What the layers go through, and the last states of all, shaped as the input is: batched or not, batch first
        or not. Without ``every`` only the last layer's hidden states, the outputs.
        """
        if torch.is_autocast_enabled("cpu"):
            dtype = self._layer_weights(0)[0].dtype
            (input,) = in_full_precision((input,), dtype)
            states = None if states is None else in_full_precision(states, dtype)
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ArgumentTypeError(
                    f"{type(self).__name__}: a PackedSequence has its lengths, lengths= must be None"
                )
            return self._run_packed(input, states, every)
        batched = self._check_input(input) == 3
        if not batched:
            input = input.unsqueeze(0 if self.batch_first else 1)
        B, T = input.shape[:2] if self.batch_first else (input.shape[1], input.shape[0])
        if T == 0:
            raise TensorError(f"{type(self).__name__}: the input {list(input.shape)} has no time steps")
        states = self._initial_states(input, states, B, batched)
        sizes = None if lengths is None else as_lengths(lengths, B)
        if sizes is None or is_exporting_to_onnx():  # its nodes take sequences in any order
            layers, ends = self._run_layers(input.transpose(0, 1) if self.batch_first else input, states, sizes, every)
            if self.batch_first:
                layers = _each(layers, lambda steps: steps.transpose(0, 1))
        else:
            layers, ends = self._run_ordered(input, states, order_rows(sizes, T, self.batch_first), every)
        if not batched:
            one = 0 if self.batch_first else 1
            return _each(layers, lambda steps: steps.squeeze(one)), tuple(end.squeeze(1) for end in ends)
        return layers, ends

    def _run_packed(
        self, input: PackedSequence, states: tuple[Tensor, ...] | None, every: bool
    ) -> tuple[Steps, tuple[Tensor, ...]]:
        if is_exporting_to_onnx():
            raise TensorError(f"{type(self).__name__}: ONNX has no PackedSequence, give padded input and lengths=")
        data, sizes = input.data, input.batch_sizes
        if self._check_input(data) != 2:
            raise TensorError(f"{type(self).__name__}: Expected packed data to be 2D, got {data.dim()}D instead")
        T, B, N = len(sizes), int(sizes[0]), len(data)
        states = self._initial_states(data, states, B, True)
        if input.sorted_indices is not None:
            states = tuple(state.index_select(1, input.sorted_indices) for state in states)
        rows = F.pad(data, (0, 0, 0, T * B - N)) if T * B > N else data
        layers, ends = self._run_layers(rows.view(T, B, self.input_size), states, sizes, every)
        if input.unsorted_indices is not None:
            ends = tuple(end.index_select(1, input.unsorted_indices) for end in ends)
        return _each(layers, lambda steps: PackedSequence(steps.flatten(0, 1)[:N], *input[1:])), ends

    def _run_ordered(
        self, input: Tensor, states: tuple[Tensor, ...], order: Order, every: bool
    ) -> tuple[_Layers, tuple[Tensor, ...]]:
        T, B = order.batch_sizes.shape[0], order.sequences.shape[0]
        rows = rearrange(input.reshape(T * B, self.input_size), 0, order.rows, order.places)
        states = tuple(rearrange(state, 1, order.sequences, order.batch_places) for state in states)
        layers, ends = self._run_layers(rows.view(T, B, self.input_size), states, order.batch_sizes, every)

        def in_place(steps: Tensor) -> Tensor:
            width = steps.shape[2]
            return rearrange(steps.view(T * B, width), 0, order.places, order.rows).view(*input.shape[:2], width)

        ends = tuple(rearrange(end, 1, order.batch_places, order.sequences) for end in ends)
        return _each(layers, in_place), ends

    def _run_layers(
        self, outputs: Tensor, states: tuple[Tensor, ...], sizes: Tensor | None, every: bool
    ) -> tuple[_Layers, tuple[Tensor, ...]]:
        """One layer after the other over ``[T, B, I]``; ``sizes`` are batch sizes, in an ONNX graph lengths."""
        run = onnx_layer if is_exporting_to_onnx() else layer
        D = 2 if self.bidirectional else 1
        kinds = len(get_cell(self.cell).states)
        layers: list[tuple[Tensor, ...]] = []
        ends: list[Sequence[Tensor]] = []
        for index in range(self.num_layers):
            if index and self.dropout:
                outputs = F.dropout(outputs, self.dropout, self.training)
            first = states if self.num_layers == 1 else [s[index * D : index * D + D] for s in states]
            h0, c0 = (*first, None, None)[:2]
            weights = self._layer_weights(index)
            if self.proj_size:
                outputs, *rest = composite(self.cell, D, sizes, outputs, h0, c0, weights, projected=True)
            else:
                outputs, *rest = run(self.cell, D, sizes, outputs, h0, c0, weights, cells=every)
            if every:
                layers.append((outputs, *rest[kinds:]))
            ends.append(rest[:kinds])
        last = tuple(ends[0]) if len(ends) == 1 else tuple(map(torch.cat, zip(*ends, strict=True)))
        return tuple(layers) if every else ((outputs,),), last

    def _layer_weights(self, index: int) -> list[Tensor]:
        """The parameters of one layer as they are now: ones that were replaced or are computed count too."""
        D = 2 if self.bidirectional else 1
        stored = self._parameters
        names = [name for direction in self._all_weights[index * D : index * D + D] for name in direction]
        return [stored[name] if name in stored else getattr(self, name) for name in names]  # type: ignore[misc]

    def _check_input(self, input: Tensor) -> int:
        """Refuse what does not fit; return the number of dimensions."""
        name = type(self).__name__
        if not isinstance(input, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"{name}: expected a tensor as input, got {type(input).__name__}")
        dimensions = input.dim()
        if dimensions not in (2, 3):
            raise InputError(f"{name}: Expected input to be 2D or 3D, got {dimensions}D instead")
        weight = self._layer_weights(0)[0]
        if input.device != weight.device:
            raise TensorError(f"{name}: the input is on {input.device}, the parameters are on {weight.device}")
        if input.device.type not in ("cpu", "meta"):
            raise TensorError(f"{name} runs on cpu, input and parameters are on {input.device}: move both with .cpu()")
        if input.dtype != weight.dtype:
            raise InputError(
                f"{name}: the input has dtype {input.dtype}, the parameters have {weight.dtype}: convert one of them"
            )
        if input.shape[-1] != self.input_size:
            raise TensorError(
                f"{name}: input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )
        return dimensions

    def _initial_states(
        self, input: Tensor, states: tuple[Tensor, ...] | None, B: int, batched: bool
    ) -> tuple[Tensor, ...]:
        """The given states as ``[L*D, B, H]`` each; none where they are to be zero."""
        if states is None:
            return ()
        layers, names = self.num_layers * (2 if self.bidirectional else 1), get_cell(self.cell).states
        checked: list[Tensor] = []
        for name, state in zip(names, states, strict=True):
            if not isinstance(state, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ArgumentTypeError(f"{name}_0: expected a tensor, got {type(state).__name__}")
            if state.dim() != (3 if batched else 2):
                kind = "batched 3-D" if batched else "unbatched 2-D"
                raise TensorError(
                    f"For {kind} input, {name}_0 should be {3 if batched else 2}-D too, got {state.dim()}-D"
                )
            if state.dtype != input.dtype or state.device != input.device:
                raise TensorError(
                    f"{name}_0 is {state.dtype} on {state.device}, the input is {input.dtype} on {input.device}"
                )
            state = state if batched else state.unsqueeze(1)
            expected = (layers, B, self.proj_size if name == "h" and self.proj_size else self.hidden_size)
            if state.shape != expected:
                raise TensorError(f"Expected {name}_0 of size {expected}, got {tuple(state.shape)}")
            checked.append(state)
        return tuple(checked)


def _each(layers: _Layers, arrange: Callable[[Tensor], _Kind]) -> tuple[tuple[_Kind, ...], ...]:
    return tuple(tuple(map(arrange, steps)) for steps in layers)


def _check_parameter_memory(
    cell: str, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool, device: Any, dtype: Any
) -> None:
    """Refuse parameters that no memory could hold, before the first of them is allocated."""
    sizes: list[Any] = [input_size, hidden_size, num_layers]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return  # torch says what is wrong with them
    device = torch.get_default_device() if device is None else torch.device(device)
    if device.type == "meta":
        return
    D = 2 if bidirectional else 1
    numbers = input_size + hidden_size + 2 + (num_layers - 1) * (D * hidden_size + hidden_size + 2)
    width = D * len(get_cell(cell).gates) * hidden_size
    check_allocation(
        width * numbers * (dtype or torch.get_default_dtype()).itemsize,
        f"the parameters of input_size={input_size}, hidden_size={hidden_size}, num_layers={num_layers}",
    )
