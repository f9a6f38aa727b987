"""How stacked recurrent layers run: an input is arranged, goes through one layer after the other, and is put back in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Generic, Literal, NamedTuple, TypeVar, overload

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.kernels.compiled import get_compiled
from unrolled.nn.arrangement import Arrangement, Origin, Padded, Single
from unrolled.nn.call import check_strided
from unrolled.nn.composite import Watch, composite
from unrolled.nn.directions import each_direction
from unrolled.nn.dropout import draw, draw_masks, draw_steps, evaluation_masks
from unrolled.nn.episodes import Episodes
from unrolled.nn.errors import ArgumentTypeError, TensorError
from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.kind import initial_value
from unrolled.nn.layer import layer, layer_of_products
from unrolled.nn.lengths import Ordered, as_lengths
from unrolled.nn.onnx import is_exporting_to_onnx, onnx_layer
from unrolled.nn.packed import Packed
from unrolled.nn.plain import plain_call
from unrolled.nn.precision import as_parameters
from unrolled.nn.result import Result
from unrolled.nn.segments import segmented_layer
from unrolled.nn.stacked import StackedLayers
from unrolled.nn.states import States

__all__ = ["Gates", "Lengths", "Recurrent", "Steps"]

Lengths = Sequence[int] | Tensor
Steps = tuple[tuple[Tensor | PackedSequence, ...], ...]
"""For each layer ``(h,)``, ``(h, c)``, ... of every step, shaped as the outputs are."""
Gates = tuple[dict[str, "Tensor | PackedSequence"], ...]
"""For each layer its gates of every step by name, shaped as the outputs are."""
_Hx = TypeVar("_Hx")
"""The states of a call: a tensor for cells with a single state, otherwise a tuple of tensors."""


class _Wanted(NamedTuple):
    """What a call wants beside outputs and last states, and what its masks are drawn from."""

    states: bool
    gates: bool
    generator: torch.Generator | None


class _Shown(NamedTuple):
    """A layer's states and gates of every step, as far as they are wanted, with the directions side by side."""

    states: tuple[Tensor, ...]
    gates: dict[str, Tensor]


class Recurrent(StackedLayers, Generic[_Hx]):
    """Stacked recurrent layers with the constructor, parameters, initialisation and outputs of ``torch.nn``."""

    watch: Callable[[int, Tensor | None], Watch] | None = None
    """Of a layer's index, what is told of its steps. While it is set, steps are run one at a time in torch's own operations, and
    each state is a tensor of its own that gradients flow through."""

    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: _Hx | None = None, lengths: Lengths | None = None,
        return_states: Literal[False] = False, *, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor | PackedSequence, _Hx]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: _Hx | None = None, lengths: Lengths | None = None,
        *, return_states: Literal[True], resets: Tensor | None = None, generator: torch.Generator | None = None,
    ) -> tuple[Tensor | PackedSequence, _Hx, Steps]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: _Hx | None = None, lengths: Lengths | None = None,
        return_states: bool = False, *, return_gates: bool, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, ...]: ...  # fmt: skip
    def forward(
        self, input: Tensor | PackedSequence, hx: _Hx | None = None, lengths: Lengths | None = None,
        return_states: bool = False, return_gates: bool = False, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Args:
            input: a Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence.
            hx: the initial states, by default zero, or learned; each ``[L*D, B, H]``, for one sequence ``[L*D, H]``. A cell
                with a single state takes a Tensor, the others a tuple of one for each state: ``(h, c)`` for an LSTM,
                ``(h, c, n, m)`` for an sLSTM, ``c`` and a window for each layer for a QRNN.
            lengths: ``B`` whole numbers from 0 to ``T``, the steps of each sequence. Past its length a sequence's outputs
                are zero; its last state is that of its own last step, and the initial one if it has none.
            return_states: also return the states of every step of every layer.
            return_gates: also return the gates of every step of every layer; gradients do not flow through them.
            resets: a Tensor of bool ``[T, B]``, with ``batch_first`` ``[B, T]``: the steps before which the state is reset
                to the one sequences start from without ``hx``.
            generator: the random generator for the masks; torch's default one if not given.

        Returns:
            ``(output, last)``, with ``return_states`` and ``return_gates`` followed by ``states`` and ``gates``. The last
            layer's outputs of every step, ``output [T, B, D*H]``, with ``batch_first`` ``[B, T, D*H]``, for one sequence
            ``[T, D*H]``, or a PackedSequence. The last states of every layer and direction, like ``hx``. ``states``: for
            each layer a tuple, such as ``(h, c)``, of its states of every step, before dropout, shaped like ``output``;
            gradients flow through all of them. ``gates``: for each layer a dictionary of its gates, shaped like ``output``.

        Raises:
            InputError: sizes, dtypes, devices or lengths do not match; also of the type that torch raises.
        """
        if lengths is None and resets is None and not return_states and not return_gates and self._runs_plainly:
            found = plain_call(self, input, hx)
            if found is not None:
                return found
        given = () if hx is None else self._states.given(type(self).__name__, hx)
        if torch.is_autocast_enabled("cpu"):
            dtype = self._layer_weights(0)[0].dtype
            (input,), given = as_parameters((input,), dtype), as_parameters(given, dtype)
        draws = self.training and (self.settings.draws or (generator is not None and self.dropout > 0))
        arranged = self._arrange(input, lengths, resets, draws=draws)
        return self._run_arranged(arranged, given, input, _Wanted(return_states, return_gates, generator))

    @property
    def _runs_plainly(self) -> bool:
        """Whether a call may be nothing but the passes of the layers."""
        return (
            not torch.compiler.is_compiling()
            and not self.settings.acts
            and self.watch is None
            and not (self.dropout and self.training)
            and len(self._kind.memory) < 2
            and _has_usual_layers(type(self))
        )

    def _run_arranged(
        self,
        arranged: Arrangement,
        given: tuple[Tensor, ...],
        like: Tensor | PackedSequence,
        wanted: _Wanted,
        *,
        products: Tensor | None = None,
    ) -> tuple[Any, ...]:
        """All layers, and their results in the order of the input; with ``products`` of the first layer the input is
        their places."""
        layout = self._states
        if given:
            given = layout.checked(given, like.data, arranged.batch, batched=arranged.batched)
            given = arranged.start(given, partial(self._default_states, like.data))
        y, last, shown = self._run_layers(arranged, layout, given, wanted, products=products)
        output = arranged.output(y)
        last = tuple([arranged.last(state) for state in last])
        hx_last = last[0] if len(layout.names) == 1 else last
        if not shown:
            return output, hx_last
        placed = {id(y): output}  # one that stands twice is put in order once

        def place(steps: Tensor) -> Any:
            if id(steps) not in placed:
                placed[id(steps)] = arranged.output(steps)
            return placed[id(steps)]

        states: Steps = tuple(tuple([place(state) for state in own.states]) for own in shown)
        gates: Gates = tuple({name: place(gate) for name, gate in own.gates.items()} for own in shown)
        return output, hx_last, *(states,) * wanted.states, *(gates,) * wanted.gates

    def _arrange(
        self, input: Tensor | PackedSequence, lengths: Lengths | None, resets: Any, *, draws: bool
    ) -> Arrangement:
        """The input checked and arranged; ``draws`` says whether masks are drawn for sequences in the order they were given."""
        name = type(self).__name__
        if isinstance(input, PackedSequence):
            for what, given in (("lengths", lengths), ("resets", resets)):
                if given is not None:
                    raise ArgumentTypeError(f"{name}: a PackedSequence has its lengths, {what}= must be None")
            if is_exporting_to_onnx():
                raise TensorError(f"{name}: ONNX has no PackedSequence, give padded input and lengths=")
            if self._check_input(input.data) != 2:
                raise TensorError(f"{name}: Expected packed data to be 2D, got {input.data.dim()}D instead")
            return Packed(name, input, draws=draws)
        if self._check_input(input) == 3:
            return self._arrange_batch(input, lengths, resets, draws=draws)
        one = 0 if self.batch_first else 1
        resets = None if resets is None else torch.as_tensor(resets).unsqueeze(one)
        return Single(self._arrange_batch(input.unsqueeze(one), lengths, resets, draws=draws), one)

    def _arrange_batch(self, input: Tensor, lengths: Lengths | None, resets: Any, *, draws: bool) -> Arrangement:
        first = self.batch_first
        B, T = input.shape[:2] if first else (input.shape[1], input.shape[0])
        if T == 0:
            raise TensorError(f"{type(self).__name__}: the input {list(input.shape)} has no time steps")
        sizes = None if lengths is None else as_lengths(lengths, B)
        exporting = is_exporting_to_onnx()
        if resets is not None:
            if exporting:
                raise TensorError(f"{type(self).__name__}: ONNX has no resets")
            return Episodes(input, first, resets, sizes, directions=self._directions)
        if sizes is None or exporting:
            return Padded(input, first, sizes)
        return Ordered(input, first, sizes, draws=draws)

    def _check_input(self, input: Tensor) -> int:
        """Refuse what does not fit; return the number of dimensions."""
        name = type(self).__name__
        if not isinstance(input, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"{name}: expected a tensor as input, got {type(input).__name__}")
        dimensions = input.dim()
        if dimensions not in (2, 3):
            raise InputError(f"{name}: Expected input to be 2D or 3D, got {dimensions}D instead")
        if input.layout is not torch.strided:
            check_strided(f"{name}: the input", input)
        weight = self._layer_weights(0)[0]
        if input.device != weight.device:
            raise TensorError(f"{name}: the input is on {input.device}, the parameters are on {weight.device}")
        if not (input.is_cpu or input.is_meta):
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

    def _start_states(self, index: int, batch: int) -> tuple[Tensor | None, Tensor | None]:
        """What a layer starts from where nothing is given, as the kernels take it; none for what the cell starts from."""
        if self.settings.initial_state == "zero":
            return None, None
        kind = self._kind
        own = [suffix for k, suffix in self._suffixes() if k == index]

        def learned(name: str) -> Tensor:
            values = torch.stack([getattr(self, f"{name}_0{suffix}") for suffix in own])
            return values[:, None].expand(-1, batch, -1)

        return (learned("h") if kind.hands_on_h else None), (learned(kind.memory[0]) if kind.memory else None)

    def _default_states(self, like: Tensor) -> tuple[Tensor, ...]:
        """The states of one sequence that starts from nothing given, as a call takes them."""
        layout, kind = self._states, self._kind
        layers: list[tuple[Tensor, ...]] = []
        for index, widths in enumerate(layout.widths):
            h, c = self._start_states(index, 1)
            given = {"h": h, kind.memory[0] if kind.memory else "": c}
            own: list[Tensor] = []
            for name, width in zip(kind.states, widths, strict=True):
                start = given.get(name)
                if start is None:
                    start = like.new_full((layout.directions, 1, width), initial_value(self.cell, name))
                own.append(start)
            layers.append(tuple(own))
        return layout.joined(layers)

    def _run_layers(
        self,
        arranged: Arrangement,
        layout: States,
        states: tuple[Tensor, ...],
        wanted: _Wanted,
        *,
        products: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...], list[_Shown]]:
        """One layer after the other: the output, the last states, and what is wanted of each layer."""
        settings, outputs, origin = self.settings, arranged.x, arranged.origin
        shown: list[_Shown] = []
        ends: list[tuple[Tensor, ...]] = []
        for index in range(self.num_layers):
            inputs = outputs
            if index and self.dropout:
                outputs = self._drop(outputs, origin, wanted.generator)
            start = layout.of_layer(states, index) if states else self._start_states(index, outputs.shape[1])
            if products is not None and not index:
                result = self._run_of_products(outputs[..., 0], products, origin, *start)
            else:
                result = self._run_layer(index, outputs, origin, *start, wanted)
            outputs = result.y
            if settings.merge == "sum":
                forwards, backwards = outputs.chunk(2, 2)
                outputs = forwards + backwards
            if settings.residual and index:
                outputs = outputs + inputs
            if wanted.states or wanted.gates:
                shown.append(self._shown(result, wanted))
            ends.append(layout.apart(result.last, index))
        return outputs, layout.joined(ends), shown

    def _run_layer(
        self, index: int, x: Tensor, origin: Origin, h0: Tensor | None, c0: Tensor | None, wanted: _Wanted
    ) -> Result:
        """One layer over ``x [T, B, I]``."""
        settings, D = self.settings, self._directions
        masks = evaluation_masks(settings, self._kind)
        if settings.draws and self.training:
            on_input, masks = draw_masks(
                settings, self._kind, x, origin, D, self.hidden_size, self._size, wanted.generator
            )
            x = x if on_input is None else x * on_input
        weights = self._kernel_weights(index, x, origin)
        if settings.weight_drop and self.training:
            weights = self._dropped(weights, wanted.generator)
        cells = wanted.states and bool(self._kind.memory)
        plan = Plan(self.cell, D, origin.sizes, masks, cells, wanted.gates, origin.order)
        return self._pass(index, plan, Inputs(x, h0, c0, weights))

    @property
    def takes_rows(self) -> bool:
        """Whether :meth:`of_rows` can be called: all that the first layer does with its input is the product with W."""
        compiled, settings = get_compiled(get_cell(self.cell).name), self.settings
        other = settings.draws or settings.checkpoint or settings.truncate or compiled.skip
        other = other or self.watch is not None
        return not other and _has_usual_layers(type(self))

    def of_rows(
        self, table: Tensor, places: Tensor, hx: _Hx | None = None, lengths: Lengths | None = None
    ) -> tuple[Tensor, _Hx]:
        r"""As ``forward`` of the rows of a table that stand at some places, whose products with W are computed once each:

        .. math::
            W x_t = (W e)_{p_t}

        where :math:`e` is a row and :math:`p_t` the place at step t. The gradients of W and of the table come from sums of
        those at equal places. Of few rows and many places this takes half of the time.

        Args:
            table: ``[V, I]``.
            places: whole numbers from 0 to below V, ``[T, B]``; time-major whatever ``batch_first``.
            hx: as in ``forward``.
            lengths: likewise.

        Returns:
            The outputs ``[T, B, D*H]`` and the last states.

        Raises:
            InputError: sizes do not match, or the layers do more with an input (:attr:`takes_rows`).

        >>> from unrolled import nn
        >>> rnn, table, places = nn.GRU(2, 3), torch.randn(4, 2), torch.tensor([[0], [3], [3]])
        >>> torch.allclose(rnn.of_rows(table, places)[0], rnn(table[places])[0], atol=1e-6)
        True
        """
        name = type(self).__name__
        if not self.takes_rows or is_exporting_to_onnx():
            raise InputError(
                f"{name}: these layers do more with an input than the product with W: call them with the rows"
            )
        if self._check_input(table) != 2 or places.dim() != 2 or not len(places):
            raise InputError(f"{name}: expected a table [V, I] and places [T, B], got {table.shape} and {places.shape}")
        given = () if hx is None else self._states.given(name, hx)
        weights = self._layer_weights(0)
        W = torch.cat(weights[:: len(weights) // self._directions])
        x, sizes = places[..., None], None if lengths is None else as_lengths(lengths, places.shape[1])
        arranged = Padded(x, False, None) if sizes is None else Ordered(x, False, sizes, draws=False)
        products = F.linear(table, W)
        return self._run_arranged(arranged, given, table, _Wanted(False, False, None), products=products)

    def _run_of_products(
        self, places: Tensor, products: Tensor, origin: Origin, h0: Tensor | None, c0: Tensor | None
    ) -> Result:
        """The first layer, whose ``W x`` are the rows of ``products [V, D*G*H]`` at ``places [T, B]``."""
        plan = Plan(self.cell, self._directions, origin.sizes, evaluation_masks(self.settings, self._kind))
        weights = self._layer_weights(0)
        if self.settings.weight_drop and self.training:
            weights = self._dropped(weights, None)
        return layer_of_products(plan, places, products, h0, c0, weights)

    def _pass(self, index: int, plan: Plan, inputs: Inputs) -> Result:
        """One layer, with everything drawn."""
        settings = self.settings
        if self.watch is not None:
            if plan.gates:
                raise InputError(
                    f"{type(self).__name__}: return_gates=True while its steps are watched, who sees the gates"
                )
            return Result.of(composite(plan, inputs, self.watch(index, plan.order)), plan)
        if is_exporting_to_onnx():
            return onnx_layer(plan, inputs)
        if settings.checkpoint or settings.truncate:
            run = partial(segmented_layer, checkpoint=settings.checkpoint, truncate=settings.truncate)
            return each_direction(run, plan, inputs)
        return layer(plan, inputs)

    def _kernel_weights(self, index: int, x: Tensor, origin: Origin) -> list[Tensor]:
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

    def _drop(self, outputs: Tensor, origin: Origin, generator: torch.Generator | None) -> Tensor:
        """Dropout between layers, without a generator as torch draws it."""
        if generator is None or not self.training:
            return F.dropout(outputs, self.dropout, self.training)
        return outputs * draw_steps(outputs.shape[2], self.dropout, outputs, origin, generator)

    def _shown(self, result: Result, wanted: _Wanted) -> _Shown:
        D, kind = self._directions, self._kind
        states: list[Tensor] = [result.y] if wanted.states else []
        if result.cells is not None:
            count = len(kind.memory)
            parts = result.cells.chunk(D * count, 2)
            states += [torch.cat(parts[k::count], 2) for k in range(count)] if count > 1 else [result.cells]
        if not wanted.gates:
            return _Shown(tuple(states), {})
        directions = zip(*(gates.chunk(len(kind.gates), 2) for gates in result.gates), strict=True)
        gates = {name: torch.cat(gate, 2) for name, gate in zip(kind.gates, directions, strict=True)}
        return _Shown(tuple(states), gates)


@lru_cache(maxsize=64)
def _has_usual_layers(layers: type[Recurrent[Any]]) -> bool:
    """Whether each layer is a pass over its input with its parameters as they are."""
    return all(getattr(layers, name) is getattr(Recurrent, name) for name in ("_run_layer", "_kernel_weights", "_pass"))
