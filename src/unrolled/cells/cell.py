"""What a recurrent cell is: a name, gates, states, parameters, and one step forward and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Literal, NamedTuple

import numpy as np

from unrolled.cells.activation import Activation
from unrolled.cells.arrays import Arrays, FloatArray, States, check_dtypes, check_names, check_shapes
from unrolled.cells.masks import NO_MASKS, Masks
from unrolled.cells.unroll import Step, backpropagate, unroll
from unrolled.errors import InputError

__all__ = ["BIAS_IH", "GATE_PARAMETERS", "INPUT_PARAMETERS", "Cell", "Parameter", "Size"]


class Parameter(NamedTuple):
    """A parameter's name and its shape in symbols: ``G`` gates, ``H`` hidden size, ``I`` input size."""

    name: str
    shape: tuple[str, ...]


class Size(NamedTuple):
    """A size that only some cells have: the name of its argument, its symbol and its default."""

    name: str
    symbol: str
    default: Literal["hidden_size"] | int


BIAS_IH = Parameter("bias_ih", ("G*H",))
INPUT_PARAMETERS = (Parameter("weight_ih", ("G*H", "I")), BIAS_IH)
"""The parameters of a cell whose gates see the input only."""
GATE_PARAMETERS = (
    Parameter("weight_ih", ("G*H", "I")),
    Parameter("weight_hh", ("G*H", "H")),
    BIAS_IH,
    Parameter("bias_hh", ("G*H",)),
)
"""The parameters of ``torch.nn``."""


@dataclass(frozen=True)
class Cell:
    """The description of a recurrent cell, from which everything else about it is derived.

    Weights and biases hold one block of ``H`` rows per gate, in the order of :attr:`gates`, with the names, order and
    shapes of ``torch.nn``. ``W`` is ``weight_ih``, ``U`` is ``weight_hh``, and the equations'
    ``b`` is ``bias_ih + bias_hh`` unless the cell says otherwise.

    >>> from unrolled.cells import get_cell
    >>> cell = get_cell("gru")
    >>> cell.gates, cell.states, cell.recurrence
    (('r', 'z', 'n'), ('h',), 'one_product')
    >>> cell.parameter_shapes(input_size=2, hidden_size=5)
    {'weight_ih': (15, 2), 'weight_hh': (15, 5), 'bias_ih': (15,), 'bias_hh': (15,)}
    """

    name: str
    """Name in the registry and in saved models."""
    title: str
    """Name for display."""
    gates: tuple[str, ...]
    """The gates, in the order of their blocks in weights and biases."""
    states: tuple[str, ...]
    """``("h",)``, or ``("h", "c")`` for a cell with a cell state. The output is always ``h``; a cell that does not list
    it passes only its cell state to the next step."""
    recurrence: Literal["one_product", "two_product", "no_product"]
    """How a step uses ``U``: one product ``U h[t-1]`` for all gates, a second product that needs a gate first, or none,
    in which case the next state of a unit depends only on its own states and on ``x[t]``."""
    source: str
    """The paper the equations come from."""
    step: Callable[..., tuple[FloatArray, States, Arrays]]
    """``step(cell, params, x[t], *states[t-1], masks=masks)`` → ``h[t]``, the states at ``t``, and the gates by name."""
    step_backward: Callable[..., tuple[States, Arrays]]
    """``step_backward(cell, params, tape[t], δh[t], *δmemory[t])`` → ``δstates[t-1]``, and this step's gradients by name:
    of ``x``, of the parameters, and of states that the same step reads again, whole (``δc[t]`` of an LSTM)."""
    parameters: tuple[Parameter, ...] = GATE_PARAMETERS
    """The parameters in torch's order, with their shapes in symbols."""
    candidate: str | None = None
    """The gate that is the candidate for the new state, on which recurrent dropout acts; None for a cell without
    one."""
    activations: tuple[Activation, ...] = ()
    """The activation functions, if they can be chosen: of gates, candidate and cell state, or the only one."""
    clip: float | None = None
    """The pre-activations of gates and candidates are limited to ``-clip`` to ``clip``; forward pass only."""
    sizes: tuple[Size, ...] = ()
    """Sizes other than ``I`` and ``H``."""
    state_shapes: Mapping[str, str] = field(default_factory=dict[str, str])
    """The sizes of states, in symbols, where they are not ``H``."""
    initial: Mapping[str, float] = field(default_factory=dict[str, float])
    """Initial values of states, where they are not 0."""
    square: bool = False
    """Input and hidden size must be equal."""
    start: Literal["uniform", "identity"] = "uniform"
    """How the paper initialises the parameters: as torch does, or with ``U`` as the identity and biases of 0."""
    keeps: str = ""
    """The gate that keeps the state when it is near 1; with a minus sign, the gate that keeps it when it is near 0."""
    writes: str = ""
    """The gate that admits the candidate, if it is a different one."""
    elementwise: bool = False
    """Whether units meet in the product ``U h[t-1]`` alone, if there is one: all else is done with each by itself."""
    bias_gates: tuple[str, ...] | None = None
    """The gates to which the blocks of ``bias_ih`` belong; by default all of them."""

    @property
    def hands_on_h(self) -> bool:
        """Whether ``h`` is a state."""
        return "h" in self.states

    @property
    def memory(self) -> tuple[str, ...]:
        """The states other than ``h`` that hold one number per unit."""
        return tuple(name for name in self.states if name != "h" and name not in self.state_shapes)

    @property
    def biased(self) -> tuple[str, ...]:
        """The gates with a bias."""
        return self.gates if self.bias_gates is None else self.bias_gates

    @property
    def spec(self) -> str:
        """The name, with activation functions and clip if they differ from the cell's defaults; :func:`get_cell` reads
        it.

        >>> from unrolled.cells import Activation, get_cell
        >>> get_cell("gru").with_activations(Activation("relu"), Activation("affine", 2.0, 0.5), clip=3.0).spec
        'gru[relu;affine:2.0:0.5|3.0]'
        """
        if not self._changed:
            return self.name
        clip = "" if self.clip is None else f"|{self.clip}"
        return f"{self.name}[{';'.join(each.spec for each in self.activations)}{clip}]"

    _changed: bool = False

    def with_activations(self, *activations: Activation, clip: float | None = None) -> Cell:
        """The cell with other activation functions, one for each of :attr:`activations`.

        Args:
            clip: a positive limit for the pre-activations of gates and candidates; such a cell has no backward pass.

        Raises:
            InputError: the activation functions of the cell cannot be chosen, or their number is wrong.
        """
        if len(activations) != len(self.activations) or not self.activations:
            free = len(self.activations)
            raise InputError(f"{self.name} leaves {free} activation function(s) free, got {len(activations)}")
        if clip is not None and not clip > 0:
            raise InputError(f"clip must be above 0, got {clip}")
        if activations == self.activations and clip is None:
            return self
        return replace(self, activations=activations, clip=clip, _changed=True)

    @property
    def functions(self) -> tuple[Callable[[FloatArray], FloatArray], ...]:
        """:attr:`activations` as a step applies them: those of gates and candidate limit their argument by
        :attr:`clip`."""
        if self.clip is None:
            return self.activations
        gates_and_candidate, memory = self.activations[:2], self.activations[2:]
        return (*(lambda a, f=f: f(self.clipped(a)) for f in gates_and_candidate), *memory)

    def clipped(self, a: FloatArray) -> FloatArray:
        """Pre-activations of gates or of a candidate, limited by :attr:`clip`."""
        return a if self.clip is None else a.clip(-self.clip, self.clip)

    def parameter_shapes(self, *, input_size: int, hidden_size: int, **sizes: int) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter.

        Args:
            input_size: ``I``, at least 1.
            hidden_size: ``H``, at least 1.
            sizes: the sizes named in :attr:`sizes`, at least 1.

        Returns:
            Parameter name → shape, in the order of :attr:`parameters`.

        Raises:
            InputError: for a size below 1, a size that the cell does not have, or sizes that do not go together.
        """
        values = self._numbers(input_size, hidden_size, sizes)
        return {name: tuple(_product(dimension, values) for dimension in shape) for name, shape in self.parameters}

    def state_sizes(self, *, input_size: int, hidden_size: int, **sizes: int) -> dict[str, int]:
        """The size of each state of one sequence; arguments as for :meth:`parameter_shapes`."""
        values = self._numbers(input_size, hidden_size, sizes)
        return {name: _product(self.state_shapes.get(name, "H"), values) for name in self.states}

    def _numbers(self, input_size: int, hidden_size: int, sizes: Mapping[str, int]) -> dict[str, int]:
        """What the symbols stand for."""
        unknown = sizes.keys() - {size.name for size in self.sizes}
        if unknown:
            raise InputError(f"{self.name} has no {', '.join(sorted(unknown))}")
        own = {s.name: hidden_size if s.default == "hidden_size" else s.default for s in self.sizes}
        own.update(sizes)
        for name, size in {"input_size": input_size, "hidden_size": hidden_size, **own}.items():
            if size < 1:
                raise InputError(f"{name} must be at least 1, got {size}")
        if self.square and input_size != hidden_size:
            raise InputError(f"{self.name} needs input_size = hidden_size, got {input_size} and {hidden_size}")
        values = {"G": len(self.gates), "H": hidden_size, "I": input_size}
        for size in self.sizes:
            values[size.symbol] = own[size.name]
            values[f"{size.symbol}-1"] = own[size.name] - 1
        return values

    def forward(
        self,
        params: Mapping[str, FloatArray],
        x: FloatArray,
        states: States | None = None,
        masks: Masks = NO_MASKS,
    ) -> tuple[FloatArray, States, tuple[Step, ...]]:
        """Run the cell over whole sequences.

        Args:
            params: name → array, with the shapes of :meth:`parameter_shapes`.
            x: inputs, ``[T, B, I]``, at least one step; the batch may be empty.
            states: initial states, each ``[B, H]``, in the order of :attr:`states`; ``None`` means zeros.
            masks: masks of dropout and zoneout.

        Returns:
            ``h [T, B, H]``; the last states, each ``[B, H]``; and the tape, one :class:`~unrolled.cells.Step` per time
            step, which :meth:`backward` reads and never changes.

        Raises:
            InputError: for a missing or unknown name, a wrong shape or a mixed dtype, naming both sides.
        """
        widths = self._check_parameters(params, x)
        states = self._checked_states("initial", x, widths, states, self.initial)
        tape = unroll(self, params, x.copy(), states, masks)
        h = np.stack([now.h for now in tape])
        return h, tuple(state.copy() for state in tape[-1].after), tape

    def backward(
        self,
        params: Mapping[str, FloatArray],
        tape: tuple[Step, ...],
        grad_h: FloatArray,
        grad_last_states: States | None = None,
        *,
        grad_c: FloatArray | None = None,
        masks: Masks = NO_MASKS,
    ) -> Arrays:
        """Gradients of the loss, by backpropagation through time.

        Args:
            params: the parameters passed to :meth:`forward`.
            tape: the tape it returned.
            grad_h: gradient with respect to ``h``, ``[T, B, H]``.
            grad_last_states: gradients with respect to the last states, each ``[B, H]``; ``None`` means zeros.
            grad_c: gradient with respect to the memory of every step, ``[T, B, M*H]`` for the ``M`` states in
                :attr:`memory`; ``None`` means zeros and is required for a cell without a cell state.
            masks: the masks passed to :meth:`forward`.

        Returns:
            ``"x" [T, B, I]``, every parameter's name, and ``"h0"`` (and ``"c0"``) ``[B, H]``.

        Raises:
            InputError: for a wrong shape or a mixed dtype, naming both sides.
        """
        if not tape or not set(self.gates) <= tape[0].gates.keys():
            raise InputError(f"the tape is not one that {self.name}.forward returned: it lacks the gates {self.gates}")
        if self.clip is not None:
            raise InputError(f"{self.name} with clip={self.clip} has no backward pass: clip the gradients instead")
        x = np.stack([now.x for now in tape])
        widths = self._check_parameters(params, x)
        if grad_c is not None and not self.memory:
            raise InputError(f"{self.name} has the states {self.states}: grad_c must be None")
        T, (B, H) = len(tape), tape[0].gates[self.gates[0]].shape
        memory = np.zeros((T, B, len(self.memory) * H), x.dtype) if grad_c is None else grad_c
        check_dtypes({"x": x, "grad_h": grad_h, "grad_c": memory})
        shapes = {"grad_h": (T, *tape[0].h.shape), "grad_c": (T, B, len(self.memory) * H)}
        check_shapes({"grad_h": grad_h, "grad_c": memory}, shapes, "[T, B, H] of the tape")
        grad_last_states = self._checked_states("gradient of last", x, widths, grad_last_states, {})
        by_name = {name: memory[..., k * H : (k + 1) * H] for k, name in enumerate(self.memory)}
        others = [name for name in self.states if name != "h"]
        nothing = {name: np.zeros((T, B, widths[name]), x.dtype) for name in others if name not in by_name}
        grad_memory = tuple({**by_name, **nothing}[name] for name in others)
        grad_states, grads = backpropagate(self, params, tape, grad_h, grad_memory, grad_last_states, masks)
        initial = {f"{name}0": grad for name, grad in zip(self.states, grad_states, strict=True)}
        return {**grads, **initial}

    def sizes_of(self, shapes: Mapping[str, tuple[int, ...]], input_size: int) -> dict[str, int]:
        """The sizes that parameters of these shapes have, as arguments of :meth:`parameter_shapes`; 0 if undetermined."""
        values = {"G": len(self.gates), "I": input_size}
        wanted = {"H": "hidden_size", **{size.symbol: size.name for size in self.sizes}}
        for symbol in wanted:
            for name, shape in self.parameters:
                for dimension, length in zip(shape, shapes.get(name, ()), strict=False):
                    rest = dimension.split("*")
                    if symbol in rest and symbol not in values:
                        rest.remove(symbol)
                        known = [int(s) if s.isdigit() else values.get(s, 0) for s in rest]
                        if all(known):
                            values[symbol] = max(1, length // prod(known))
        return {"input_size": input_size, **{name: values.get(symbol, 0) for symbol, name in wanted.items()}}

    def _check_parameters(self, params: Mapping[str, FloatArray], x: FloatArray) -> dict[str, int]:
        """Names, dtypes and shapes of the parameters, and of ``x``; returns the widths of the states."""
        check_names(f"parameters of {self.name}", params, dict(self.parameters))
        check_dtypes({"x": x, **params})
        if x.ndim != 3 or len(x) == 0:
            raise InputError(f"x has shape {x.shape}, expected (T, B, I) with at least one time step T")
        for name, shape in self.parameters:
            if params[name].ndim != len(shape):
                raise InputError(f"{name} has shape {params[name].shape}, expected ({', '.join(shape)})")
        # U, where it is a matrix, determines H more surely than the rows of all gates do
        U = params.get("weight_hh")
        plain = U is not None and dict(self.parameters)["weight_hh"][-1] == "H"
        sizes = self.sizes_of({name: params[name].shape for name in params}, x.shape[2])
        if plain and U is not None:
            sizes["hidden_size"] = U.shape[-1]
        expected = self.parameter_shapes(**sizes)
        given = ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in sizes.items())
        check_shapes(params, expected, given)
        return self.state_sizes(**sizes)

    def _checked_states(
        self, kind: str, x: FloatArray, widths: Mapping[str, int], states: States | None, initial: Mapping[str, float]
    ) -> States:
        """The states after their checks, what they are by default for ``None``; copies, because the tape keeps them."""
        shapes = {name: (x.shape[1], width) for name, width in widths.items()}
        if states is None:
            return tuple(np.full(shape, initial.get(name, 0), x.dtype) for name, shape in shapes.items())
        if len(states) != len(self.states):
            raise InputError(f"{self.name} has {len(self.states)} state(s) {self.states}, got {len(states)}")
        named = {f"{kind} {name}": state for name, state in zip(self.states, states, strict=True)}
        check_dtypes({"x": x, **named})
        check_shapes(
            named, {f"{kind} {name}": shape for name, shape in shapes.items()}, "(B, H) of x and the parameters"
        )
        return tuple(state.copy() for state in states)


def _product(dimension: str, values: Mapping[str, int]) -> int:
    return prod(int(symbol) if symbol.isdigit() else values[symbol] for symbol in dimension.split("*"))
