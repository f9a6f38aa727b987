"""What all recurrent layers share: torch's arguments and outputs, and the way through a stack of layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F
from torch.nn.modules.rnn import RNNBase
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.nn.call import Masks, check_strided
from unrolled.nn.directions import each_direction
from unrolled.nn.dropout import Arranged, draw, draw_masks, draw_steps, evaluation_masks
from unrolled.nn.episodes import Episodes, order_episodes
from unrolled.nn.errors import ArgumentTypeError, TensorError
from unrolled.nn.kind import Kind, initial_value, kind_of, state_widths
from unrolled.nn.layer import layer
from unrolled.nn.leaf import Leaf
from unrolled.nn.lengths import Order, as_lengths, order_rows, rearrange
from unrolled.nn.memory import check_allocation
from unrolled.nn.onnx import is_exporting_to_onnx, onnx_layer
from unrolled.nn.options import Settings
from unrolled.nn.packed import check_packed, unpacked
from unrolled.nn.precision import as_parameters
from unrolled.nn.result import Result
from unrolled.nn.segments import segmented_layer
from unrolled.nn.start import start_parameters

__all__ = ["MODULES", "Gates", "Lengths", "Outcome", "Recurrent", "Steps", "Wanted"]

Lengths = Sequence[int] | Tensor
Steps = tuple[tuple[Tensor | PackedSequence, ...], ...]
"""For each layer ``(h,)``, ``(h, c)``, ... of every step, shaped as the outputs are."""
Gates = tuple[dict[str, "Tensor | PackedSequence"], ...]
"""For each layer its gates of every step by name, shaped as the outputs are."""

_Kind = TypeVar("_Kind", Tensor, PackedSequence)


MODULES: dict[str, type[Recurrent]] = {}
"""The module of each cell in the registry."""


class Wanted(NamedTuple):
    """What a call wants beside outputs and last states, and what its masks are drawn from."""

    states: bool = False
    gates: bool = False
    generator: torch.Generator | None = None


class Outcome(NamedTuple):
    """What a call returns."""

    output: Any
    last: tuple[Tensor, ...]
    """Last states by kind, each ``[L*D, B, H]``."""
    states: Steps
    gates: Gates


class _Through(NamedTuple):
    """What went through the layers: the output, and of each layer what was asked for."""

    output: Any
    layers: tuple[tuple[Any, ...], ...]

    def each(self, arrange: Callable[[Any], Any]) -> _Through:
        """With every tensor arranged, one that stands twice once."""
        done: dict[int, Any] = {}

        def once(steps: Any) -> Any:
            if id(steps) not in done:
                done[id(steps)] = arrange(steps)
            return done[id(steps)]

        return _Through(once(self.output), tuple(tuple(map(once, steps)) for steps in self.layers))


class Recurrent(Leaf, RNNBase):
    """Stacked recurrent layers with the constructor, parameters, initialisation and outputs of ``torch.nn``."""

    cells: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """The cells of the registry that the class runs, and the constructor's arguments that choose each."""
    settings = Settings()
    cell: str
    sizes: Mapping[str, int] = {}
    """Sizes of the cell besides ``input_size`` and ``hidden_size``."""

    def __init__(
        self,
        cell: Cell,
        mode: str | None,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: Any,
        dtype: Any,
        options: dict[str, Any],
        proj_size: int = 0,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        name = type(self).__name__
        settings = Settings.of(name, options) if options else self.settings
        own = mode is None or settings.merge == "sum"  # torch has no such parameters
        _check_parameter_memory(cell, input_size, hidden_size, num_layers, bidirectional, device, dtype, sizes or {})
        super().__init__(
            mode or "RNN_TANH", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device="meta" if own else device, dtype=dtype,
        )  # fmt: skip
        settings.check(cell, name, bias=bias, bidirectional=bidirectional, num_layers=num_layers)
        self.cell = cell.spec if settings.activations is None else cell.with_activations(*settings.activations).spec
        if sizes:
            self.sizes = dict(sizes)
        if options:
            self.settings = settings
        if own:
            self._make_parameters(cell, {"device": device, "dtype": dtype})
        if settings.initial_state == "learned":
            self._make_initial_states({"device": device, "dtype": dtype})
        if (
            own
            or settings.start != "uniform"
            or cell.start != "uniform"
            or settings.forget_bias is not None
            or settings.chrono
        ):
            self._start()

    def __init_subclass__(cls, *, cells: Mapping[str, Mapping[str, Any]] | None = None, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if cells:
            cls.cells = cells
            MODULES.update(dict.fromkeys(cells, cls))

    @classmethod
    def arguments_for(cls, cell: Cell, hidden_size: int, **sizes: int) -> dict[str, Any]:
        """The constructor's arguments that make a layer of a cell with these :attr:`~unrolled.cells.Cell.sizes`."""
        changed = cell.activations != get_cell(cell.name).activations
        return {**cls.cells[cell.name], **sizes, **({"activations": cell.activations} if changed else {})}

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _width(self) -> int:
        """Numbers of an output."""
        return self._size * (1 if self.settings.merge == "sum" else self._directions)

    @property
    def _size(self) -> int:
        """Numbers of ``h``."""
        return self.sizes.get("proj_size", self.hidden_size)

    @property
    def _kind(self) -> Kind:
        return kind_of(self.cell)

    def _state_sizes(self, index: int) -> dict[str, int]:
        """Numbers of each state of one sequence in one layer and direction."""
        inputs = self.input_size if index == 0 else self._width
        return dict(state_widths(self.cell, inputs, self.hidden_size, tuple(self.sizes.items())))

    def _suffixes(self) -> list[tuple[int, str]]:
        """Layers and the endings of their parameters' names."""
        return [(k, f"_l{k}{end}") for k in range(self.num_layers) for end in ("", "_reverse")[: self._directions]]

    def _parameter_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters of a layer with so many inputs."""
        cell = get_cell(self.cell)
        shapes = cell.parameter_shapes(input_size=inputs, hidden_size=self.hidden_size, **self.sizes)
        return {name: shape for name, shape in shapes.items() if self.bias or name not in ("bias_ih", "bias_hh")}

    def _make_parameters(self, cell: Cell, factory: dict[str, Any]) -> None:
        """Parameters as the registry describes them, in place of those that torch's class made."""
        for name in self._flat_weights_names:
            del self._parameters[name]
        self._flat_weights_names: list[str] = []
        self._all_weights: list[list[str]] = []
        for k, suffix in self._suffixes():
            names: list[str] = []
            for stem, shape in self._parameter_shapes(self.input_size if k == 0 else self._width).items():
                self.register_parameter(stem + suffix, Parameter(torch.empty(shape, **factory)))
                names.append(stem + suffix)
            self._flat_weights_names += names
            self._all_weights.append(names)
        self._init_flat_weights()

    def _make_initial_states(self, factory: dict[str, Any]) -> None:
        """A learned state for each layer and direction, such as ``h_0_l0``, at first zero."""
        for k, suffix in self._suffixes():
            for name in self._kind.learned:
                start = torch.zeros(self._state_sizes(k)[name], **factory)
                self.register_parameter(f"{name}_0{suffix}", Parameter(start))

    def _start(self) -> None:
        cell = get_cell(self.cell)
        for (_, suffix), names in zip(self._suffixes(), self._all_weights, strict=True):
            named = {name.removesuffix(suffix): self._parameters[name] for name in names}
            start_parameters(cell, self.settings, named, self.hidden_size, self._size)  # type: ignore[arg-type]

    def reset_parameters(self) -> None:
        """Initialise all parameters again, as the constructor does."""
        if "cell" not in self.__dict__:  # torch's constructor
            super().reset_parameters()
            return
        self._start()
        for name, parameter in self.named_parameters():
            if name[:4] in ("h_0_", "c_0_"):
                torch.nn.init.zeros_(parameter)

    def inference_parameters(self) -> dict[str, Tensor]:
        """The parameters that the layers' cell has in evaluation, without gradients: what inference needs of the module.

        Returns:
            Of every layer and direction the parameters of :attr:`unrolled.cells.Cell.parameters`, named as in torch
            (``weight_ih_l0``, ``weight_ih_l0_reverse``); without biases if the module has none. They are the module's own,
            unless it computes the cell's from others.

        Example:
            >>> from unrolled.nn import GRU
            >>> {name: tuple(parameter.shape) for name, parameter in GRU(3, 2, bias=False).inference_parameters().items()}
            {'weight_ih_l0': (6, 3), 'weight_hh_l0': (6, 2)}
        """
        return {name: getattr(self, name).detach() for names in self._all_weights for name in names}

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return super().extra_repr() + self.settings.described()

    def _run(
        self, input: Tensor | PackedSequence, states: tuple[Tensor, ...] | None, lengths: Lengths | None, wanted: Wanted,
        resets: Any = None,
    ) -> Outcome:  # fmt: skip
        """Run over sequences; everything returned is shaped as the input is: batched or not, batch first or not."""
        if torch.is_autocast_enabled("cpu"):
            dtype = self._layer_weights(0)[0].dtype
            (input,) = as_parameters((input,), dtype)
            states = None if states is None else as_parameters(states, dtype)
        if isinstance(input, PackedSequence):
            for name, given in (("lengths", lengths), ("resets", resets)):
                if given is not None:
                    raise ArgumentTypeError(
                        f"{type(self).__name__}: a PackedSequence has its lengths, {name}= must be None"
                    )
            through, last = self._run_packed(input, states, wanted)
            return self._outcome(through, last, wanted)
        batched = self._check_input(input) == 3
        if not batched:
            input = input.unsqueeze(0 if self.batch_first else 1)
            resets = None if resets is None else torch.as_tensor(resets).unsqueeze(0 if self.batch_first else 1)
        B, T = input.shape[:2] if self.batch_first else (input.shape[1], input.shape[0])
        if T == 0:
            raise TensorError(f"{type(self).__name__}: the input {list(input.shape)} has no time steps")
        states = self._initial_states(input, states, B, batched)
        sizes = None if lengths is None else as_lengths(lengths, B)
        exporting = is_exporting_to_onnx()
        if resets is not None:
            if exporting:
                raise TensorError(f"{type(self).__name__}: ONNX has no resets")
            if sizes is not None:
                order_rows(sizes, T, self.batch_first)  # refuses lengths that do not fit
            through, last = self._run_episodes(
                input, states, order_episodes(resets, sizes, T, B, self.batch_first), wanted
            )
        elif sizes is None or exporting:  # its nodes take sequences in any order
            time_first = input.transpose(0, 1) if self.batch_first else input
            through, last = self._run_layers(time_first, states, Arranged(sizes), wanted)
            if self.batch_first:
                through = through.each(lambda steps: steps.transpose(0, 1))
        else:
            through, last = self._run_ordered(input, states, order_rows(sizes, T, self.batch_first), wanted)
        if not batched:
            one = 0 if self.batch_first else 1
            through, last = through.each(lambda steps: steps.squeeze(one)), tuple(end.squeeze(1) for end in last)
        return self._outcome(through, last, wanted)

    def _call(
        self, input: Tensor | PackedSequence, states: tuple[Tensor, ...] | None, lengths: Lengths | None,
        return_states: bool, return_gates: bool, resets: Any, generator: torch.Generator | None,
    ) -> tuple[Any, tuple[Tensor, ...], tuple[Any, ...]]:  # fmt: skip
        """Output, last states by kind, and what was asked for besides."""
        outcome = self._run(input, states, lengths, Wanted(return_states, return_gates, generator), resets)
        besides = (outcome.states,) * return_states + (outcome.gates,) * return_gates
        return outcome.output, outcome.last, besides

    def _outcome(self, through: _Through, last: tuple[Tensor, ...], wanted: Wanted) -> Outcome:
        """The states and gates of each layer told apart."""
        cell = self._kind
        kinds = 1 + len(cell.memory) if wanted.states else 0
        states = tuple(steps[:kinds] for steps in through.layers) if wanted.states else ()
        gates = (
            tuple(dict(zip(cell.gates, steps[kinds:], strict=True)) for steps in through.layers) if wanted.gates else ()
        )
        return Outcome(through.output, last, states, gates)

    def _run_packed(
        self, input: PackedSequence, states: tuple[Tensor, ...] | None, wanted: Wanted
    ) -> tuple[_Through, tuple[Tensor, ...]]:
        if is_exporting_to_onnx():
            raise TensorError(f"{type(self).__name__}: ONNX has no PackedSequence, give padded input and lengths=")
        data, sizes = input.data, input.batch_sizes
        if self._check_input(data) != 2:
            raise TensorError(f"{type(self).__name__}: Expected packed data to be 2D, got {data.dim()}D instead")
        check_packed(type(self).__name__, input)
        rows, N = unpacked(data, sizes), data.shape[0]
        B = rows.shape[1]
        states = self._initial_states(data, states, B, True)
        if input.sorted_indices is not None:
            states = tuple(state.index_select(1, input.sorted_indices) for state in states)
        through, last = self._run_layers(rows, states, self._packed_origin(input, wanted), wanted)
        if input.unsorted_indices is not None:
            last = tuple(end.index_select(1, input.unsorted_indices) for end in last)
        return through.each(lambda steps: PackedSequence(steps.flatten(0, 1)[:N], *input[1:])), last

    def _packed_origin(self, input: PackedSequence, wanted: Wanted) -> Arranged:
        """Where the rows of a packed sequence come from; only masks want to know."""
        sizes = input.batch_sizes
        if not self._draws(wanted):
            return Arranged(sizes)
        T, B = len(sizes), int(sizes[0])
        order = torch.arange(B) if input.sorted_indices is None else input.sorted_indices
        alive = torch.arange(B) < sizes[:, None]
        rows = (torch.arange(T)[:, None] * B + order)[alive]
        return Arranged(sizes, F.pad(rows, (0, T * B - len(rows))), order)

    def _run_ordered(
        self, input: Tensor, states: tuple[Tensor, ...], order: Order, wanted: Wanted
    ) -> tuple[_Through, tuple[Tensor, ...]]:
        T, B = order.batch_sizes.shape[0], order.sequences.shape[0]
        rows = rearrange(input.reshape(T * B, self.input_size), 0, order.rows, order.places)
        states = tuple(rearrange(state, 1, order.sequences, order.batch_places) for state in states)
        arranged = Arranged(order.batch_sizes)
        if self._draws(wanted):
            given = order.rows % T * B + order.rows // T if self.batch_first else order.rows
            arranged = Arranged(order.batch_sizes, given, order.sequences)
        through, last = self._run_layers(rows.view(T, B, self.input_size), states, arranged, wanted)

        def in_place(steps: Tensor) -> Tensor:
            width = steps.shape[2]
            return rearrange(steps.view(T * B, width), 0, order.places, order.rows).view(*input.shape[:2], width)

        return through.each(in_place), tuple(rearrange(end, 1, order.batch_places, order.sequences) for end in last)

    def _run_episodes(
        self, input: Tensor, states: tuple[Tensor, ...], episodes: Episodes, wanted: Wanted
    ) -> tuple[_Through, tuple[Tensor, ...]]:
        D = self._directions
        rows = episodes.arrange(input.flatten(0, 1))
        if states:
            defaults = self._default_states(input)
            states = tuple(
                torch.stack([
                    episodes.start_states(state[k], default[k], k % D) for k in range(len(state))
                ])
                for state, default in zip(states, defaults, strict=True)
            )  # fmt: skip
        through, last = self._run_layers(rows, states, episodes.arranged, wanted)
        last = tuple(torch.stack([episodes.end_states(end[k], k % D) for k in range(len(end))]) for end in last)
        return through.each(lambda steps: episodes.give_back(steps).view(*input.shape[:2], steps.shape[2])), last

    def _default_states(self, like: Tensor) -> tuple[Tensor, ...]:
        """The states sequences start from, each ``[L*D, 1, H]``."""
        return self._joined_states([self._start_states(k, 1, like) for k in range(self.num_layers)], like)

    def _start_states(self, index: int, batch: int, like: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """What a layer starts from where nothing is given, as the kernels take it; none for what the cell starts from."""
        if self.settings.initial_state == "zero":
            return None, None
        cell = self._kind
        own = [suffix for k, suffix in self._suffixes() if k == index]

        def learned(name: str) -> Tensor:
            values = torch.stack([getattr(self, f"{name}_0{suffix}") for suffix in own])
            return values[:, None].expand(-1, batch, -1)

        return (learned("h") if cell.hands_on_h else None), (learned(cell.memory[0]) if cell.memory else None)

    def _joined_states(self, layers: Sequence[tuple[Tensor | None, Tensor | None]], like: Tensor) -> tuple[Tensor, ...]:
        """Start states of all layers by kind, with what the cell starts from where a layer has none."""
        D = self._directions
        kinds: list[Tensor] = []
        for name in self._kind.learned:
            width, initial = self._state_sizes(0)[name], initial_value(self.cell, name)
            given = [h if name == "h" else c for h, c in layers]
            kinds.append(torch.cat([like.new_full((D, 1, width), initial) if s is None else s for s in given]))
        return tuple(kinds)

    def _run_layers(
        self, outputs: Tensor, states: tuple[Tensor, ...], arranged: Arranged, wanted: Wanted
    ) -> tuple[_Through, tuple[Tensor, ...]]:
        """One layer after the other over ``[T, B, I]``; ``arranged`` says what its rows are."""
        settings = self.settings
        shown: list[tuple[Tensor, ...]] = []
        ends: list[tuple[Tensor, ...]] = []
        for index in range(self.num_layers):
            inputs = outputs
            if index and self.dropout:
                outputs = self._drop(outputs, arranged, wanted.generator)
            if states:
                h0, c0 = self._for_kernel(self._of_layer(states, index))
            else:
                h0, c0 = self._start_states(index, outputs.shape[1], outputs)
            result = self._run_layer(index, outputs, arranged, h0, c0, wanted)
            outputs = result.y
            if settings.merge == "sum":
                forwards, backwards = outputs.chunk(2, 2)
                outputs = forwards + backwards
            if settings.residual and index:
                outputs = outputs + inputs
            if wanted.states or wanted.gates:
                shown.append(self._shown(result, wanted))
            ends.append(self._told_apart(result.last, index))
        return _Through(outputs, tuple(shown)), ends[0] if len(ends) == 1 else self._of_all(ends)

    def _run_layer(
        self, index: int, x: Tensor, arranged: Arranged, h0: Tensor | None, c0: Tensor | None, wanted: Wanted
    ) -> Result:
        """One layer over ``x [T, B, I]``."""
        settings, D = self.settings, self._directions
        masks = evaluation_masks(settings, self._kind)
        if settings.draws and self.training:
            on_input, masks = draw_masks(
                settings, self._kind, x, arranged, D, self.hidden_size, self._size, wanted.generator
            )
            x = x if on_input is None else x * on_input
        weights = self._kernel_weights(index, x, arranged)
        if settings.weight_drop and self.training:
            weights = self._dropped(weights, wanted.generator)
        return self._pass(index, x, arranged.sizes, h0, c0, weights, masks, wanted)

    def _pass(
        self, index: int, x: Tensor, sizes: Tensor | None, h0: Tensor | None, c0: Tensor | None,
        weights: Sequence[Tensor], masks: Masks, wanted: Wanted, directions: int | None = None,
    ) -> Result:  # fmt: skip
        """Both directions of one layer, or one forward, with everything drawn."""
        settings, D = self.settings, directions or self._directions
        asked: dict[str, Any] = {"cells": wanted.states, "gates": wanted.gates}
        if is_exporting_to_onnx():
            return onnx_layer(self.cell, D, sizes, x, h0, c0, weights, masks=masks, **asked)
        if settings.checkpoint or settings.truncate:

            def run(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor], masks: Masks) -> Result:
                return segmented_layer(
                    self.cell, sizes, x, h0, c0, weights, checkpoint=settings.checkpoint, truncate=settings.truncate,
                    masks=masks, **asked,
                )  # fmt: skip

            return each_direction(run, D, sizes, x, h0, c0, weights, masks)
        return layer(self.cell, D, sizes, x, h0, c0, weights, masks=masks, **asked)

    def _kernel_weights(self, index: int, x: Tensor, arranged: Arranged) -> list[Tensor]:
        """The parameters of one layer as the kernels take them."""
        return self._layer_weights(index)

    def _dropped(self, weights: Sequence[Tensor], generator: torch.Generator | None) -> list[Tensor]:
        """With a mask on ``U``, a new one in every call."""
        each, p = len(weights) // self._directions, self.settings.weight_drop
        place = list(self._parameter_shapes(self.input_size)).index("weight_hh")
        return [
            w * draw(tuple(w.shape), p, w.detach(), generator) if k % each == place else w
            for k, w in enumerate(weights)
        ]

    def _drop(self, outputs: Tensor, arranged: Arranged, generator: torch.Generator | None) -> Tensor:
        """Dropout between layers, without a generator as torch draws it."""
        if generator is None or not self.training:
            return F.dropout(outputs, self.dropout, self.training)
        return outputs * draw_steps(outputs.shape[2], self.dropout, outputs, arranged, generator)

    def _draws(self, wanted: Wanted) -> bool:
        """Whether masks are drawn for sequences in the order they were given."""
        return self.training and (self.settings.draws or (wanted.generator is not None and self.dropout > 0))

    def _of_layer(self, states: tuple[Tensor, ...], index: int) -> Sequence[Tensor]:
        """One layer's states by kind."""
        D = self._directions
        return states if self.num_layers == 1 else [s[index * D : index * D + D] for s in states]

    def _of_all(self, layers: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """All layers' states by kind, of each one's."""
        return tuple(map(torch.cat, zip(*layers, strict=True)))

    def _for_kernel(self, states: Sequence[Tensor]) -> tuple[Tensor | None, Tensor | None]:
        """``h``, and all the rest side by side, of one layer's states by kind."""
        h, rest = (states[0], states[1:]) if self._kind.hands_on_h else (None, states)
        return h, torch.cat(list(rest), 2) if len(rest) > 1 else rest[0] if rest else None

    def _told_apart(self, last: Sequence[Tensor], index: int) -> tuple[Tensor, ...]:
        """One layer's last states by kind."""
        widths = [width for name, width in self._state_sizes(index).items() if name != "h"]
        return tuple(last) if len(widths) < 2 else (*last[:-1], *last[-1].split(widths, 2))

    def _shown(self, result: Result, wanted: Wanted) -> tuple[Tensor, ...]:
        """The states of every step by kind, then its gates, each with the directions side by side."""
        D, cell = self._directions, self._kind
        shown: list[Tensor] = []
        if wanted.states:
            shown.append(result.y)
        if wanted.states and result.cells is not None:
            count = len(cell.memory)
            parts = result.cells.chunk(D * count, 2)
            shown += [torch.cat(parts[k::count], 2) for k in range(count)] if count > 1 else [result.cells]
        if wanted.gates:
            own = [gates.chunk(len(cell.gates), 2) for gates in result.gates]
            shown += [torch.cat(gate, 2) for gate in zip(*own, strict=True)]
        return tuple(shown)

    def _layer_weights(self, index: int) -> list[Tensor]:
        """The parameters of one layer as they are now: ones that were replaced or are computed count too."""
        D = self._directions
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
        check_strided(f"{name}: the input", input)
        weight = self._layer_weights(0)[0]
        if input.device != weight.device:
            raise TensorError(f"{name}: the input is on {input.device}, the parameters are on {weight.device}")
        if input.device.type not in ("cpu", "meta"):
            raise TensorError(f"{name} runs on cpu, input and parameters are on {input.device}: move both with .cpu()")
        if input.dtype != weight.dtype:
            raise InputError(
                f"{name} input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}): convert the input with"
                f" .to({weight.dtype}) or the module with .to({input.dtype})"
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
        layers, widths = self.num_layers * self._directions, self._state_sizes(0)
        if len(states) != len(widths):
            raise ArgumentTypeError(f"{type(self).__name__}: hx holds {', '.join(widths)}, got {len(states)} tensors")
        checked: list[Tensor] = []
        for (name, width), state in zip(widths.items(), states, strict=True):
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
            check_strided(f"{name}_0", state)
            state = state if batched else state.unsqueeze(1)
            expected = (layers, B, width)
            if state.shape != expected:
                raise TensorError(f"Expected {name}_0 of size {expected}, got {tuple(state.shape)}")
            checked.append(state)
        return tuple(checked)


def _check_parameter_memory(
    cell: Cell, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool, device: Any, dtype: Any,
    sizes: Mapping[str, int],
) -> None:  # fmt: skip
    """Refuse parameters that no memory could hold, before the first of them is allocated."""
    given: list[Any] = [input_size, hidden_size, num_layers, *sizes.values()]
    if not all(isinstance(size, int) and size > 0 for size in given):
        return  # torch says what is wrong with them
    device = torch.get_default_device() if device is None else torch.device(device)
    if device.type == "meta":
        return
    D = 2 if bidirectional else 1

    def numbers(inputs: int) -> int:
        shapes = cell.parameter_shapes(
            input_size=hidden_size if cell.square else inputs, hidden_size=hidden_size, **sizes
        )
        return D * sum(math.prod(shape) for shape in shapes.values())

    check_allocation(
        (numbers(input_size) + (num_layers - 1) * numbers(D * hidden_size))
        * (dtype or torch.get_default_dtype()).itemsize,
        f"the parameters of input_size={input_size}, hidden_size={hidden_size}, num_layers={num_layers}",
    )
