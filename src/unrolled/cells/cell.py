"""What a recurrent cell is: a name, gates, states, parameters, and one step forward and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

import numpy as np

from unrolled.cells.arrays import Arrays, FloatArray, States, check_dtypes, check_names, check_shapes
from unrolled.cells.unroll import Step, backpropagate, unroll
from unrolled.errors import InputError

__all__ = ["Cell", "Parameter"]


class Parameter(NamedTuple):
    """A parameter's name and its shape in symbols: ``G`` gates, ``H`` hidden size, ``I`` input size."""

    name: str
    shape: tuple[str, ...]


GATE_PARAMETERS = (
    Parameter("weight_ih", ("G*H", "I")),
    Parameter("weight_hh", ("G*H", "H")),
    Parameter("bias_ih", ("G*H",)),
    Parameter("bias_hh", ("G*H",)),
)


@dataclass(frozen=True)
class Cell:
    """The one description of a recurrent cell, from which everything else about it is derived.

    Weights and biases hold one block of ``H`` rows a gate, in the order of :attr:`gates`, with the names,
    order and shapes of ``torch.nn``. ``W`` is ``weight_ih``, ``U`` is ``weight_hh``, and the equations'
    ``b`` is ``bias_ih + bias_hh`` unless the cell says otherwise.

    >>> from unrolled.cells import get_cell
    >>> cell = get_cell("gru")
    >>> cell.gates, cell.states, cell.recurrence
    (('r', 'z', 'n'), ('h',), 'one_product')
    >>> cell.parameter_shapes(input_size=2, hidden_size=5)
    {'weight_ih': (15, 2), 'weight_hh': (15, 5), 'bias_ih': (15,), 'bias_hh': (15,)}
    """

    name: str
    """Name in the registry, and in saved models."""
    title: str
    """Name for people."""
    gates: tuple[str, ...]
    """The gates, in the order of their blocks in weights and biases."""
    states: tuple[str, ...]
    """``("h",)``, or ``("h", "c")`` for a cell with a memory; the output is always ``h``."""
    recurrence: Literal["one_product", "two_product"]
    """How a step uses ``U``: all gates from one product ``U h[t-1]``, or a second product that waits for a gate."""
    source: str
    """The paper the equations come from."""
    step: Callable[..., tuple[States, Arrays]]
    """``step(params, x[t], *states[t-1])`` → the states at ``t``, and the gates by name."""
    step_backward: Callable[..., tuple[States, Arrays]]
    """``step_backward(params, tape[t], *δstates[t])`` → ``δstates[t-1]``, and this step's gradients by name."""
    parameters: tuple[Parameter, ...] = GATE_PARAMETERS
    """The parameters in torch's order, with their shapes in symbols."""

    def parameter_shapes(self, *, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Each parameter's shape in numbers.

        :param input_size: ``I``, at least 1.
        :param hidden_size: ``H``, at least 1.
        :returns: parameter name → shape, in the order of :attr:`parameters`.
        :raises InputError: for a size below 1.
        """
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise InputError(f"{name} must be at least 1, got {size}")
        sizes = {"G": len(self.gates), "H": hidden_size, "I": input_size}
        return {
            name: tuple(prod(sizes[symbol] for symbol in dimension.split("*")) for dimension in shape)
            for name, shape in self.parameters
        }

    def forward(
        self,
        params: Mapping[str, FloatArray],
        x: FloatArray,
        states: States | None = None,
    ) -> tuple[FloatArray, States, tuple[Step, ...]]:
        """Run the cell over whole sequences.

        :param params: name → array, as :meth:`parameter_shapes` says.
        :param x: inputs, ``[T, B, I]``, at least one step; the batch may be empty.
        :param states: initial states, each ``[B, H]``, in the order of :attr:`states`; ``None`` means zeros.
        :returns: ``h [T, B, H]``; the last states, each ``[B, H]``; and the tape, one
            :class:`~unrolled.cells.Step` a time step, which :meth:`backward` reads and never changes.
        :raises InputError: for a missing or unknown name, a wrong shape or a mixed dtype, naming both sides.
        """
        self._check_parameters(params, x)
        states = self._checked_states("initial", params, x, states)
        tape = unroll(self.step, params, x.copy(), states)
        h = np.stack([now.after[0] for now in tape])
        return h, tuple(state.copy() for state in tape[-1].after), tape

    def backward(
        self,
        params: Mapping[str, FloatArray],
        tape: tuple[Step, ...],
        grad_h: FloatArray,
        grad_last_states: States | None = None,
        *,
        grad_c: FloatArray | None = None,
    ) -> Arrays:
        """Gradients of the loss, by backpropagation through time.

        :param params: the parameters :meth:`forward` was given.
        :param tape: the tape it returned.
        :param grad_h: gradient with respect to ``h``, ``[T, B, H]``.
        :param grad_last_states: gradients with respect to the last states, each ``[B, H]``; ``None`` means zeros.
        :param grad_c: gradient with respect to every step's ``c``, ``[T, B, H]``; ``None`` means zeros, and is all
            that a cell without ``c`` takes.
        :returns: ``"x" [T, B, I]``, every parameter's name, and ``"h0"`` (and ``"c0"``) ``[B, H]``.
        :raises InputError: for a wrong shape or a mixed dtype, naming both sides.
        """
        if not tape or not set(self.gates) <= tape[0].gates.keys():
            raise InputError(f"the tape is not one that {self.name}.forward returned: it lacks the gates {self.gates}")
        x = np.stack([now.x for now in tape])
        self._check_parameters(params, x)
        if grad_c is not None and "c" not in self.states:
            raise InputError(f"{self.name} has the states {self.states}: grad_c must be None")
        grad_steps = {"grad_h": grad_h}
        if "c" in self.states:
            grad_steps["grad_c"] = np.zeros_like(grad_h) if grad_c is None else grad_c
        check_dtypes({"x": x, **grad_steps})
        shape = (len(tape), *tape[0].after[0].shape)
        check_shapes(grad_steps, dict.fromkeys(grad_steps, shape), "[T, B, H] of the tape")
        grad_last_states = self._checked_states("gradient of last", params, x, grad_last_states)
        grad_states, grads = backpropagate(
            self.step_backward, params, tape, tuple(grad_steps.values()), grad_last_states
        )
        initial = {f"{name}0": grad for name, grad in zip(self.states, grad_states, strict=True)}
        return {**grads, **initial}

    def _check_parameters(self, params: Mapping[str, FloatArray], x: FloatArray) -> None:
        """Names, dtypes and shapes of the parameters, and of ``x``."""
        check_names(f"parameters of {self.name}", params, dict(self.parameters))
        check_dtypes({"x": x, **params})
        if x.ndim != 3 or len(x) == 0:
            raise InputError(f"x has shape {x.shape}, expected (T, B, I) with at least one time step T")
        for name, shape in self.parameters:
            if params[name].ndim != len(shape):
                raise InputError(f"{name} has shape {params[name].shape}, expected ({', '.join(shape)})")
        input_size, hidden_size = x.shape[2], params["weight_hh"].shape[-1]
        expected = self.parameter_shapes(input_size=input_size, hidden_size=hidden_size)
        check_shapes(params, expected, f"x has input size {input_size}, weight_hh has hidden size {hidden_size}")

    def _checked_states(
        self, kind: str, params: Mapping[str, FloatArray], x: FloatArray, states: States | None
    ) -> States:
        """The states after their checks, zeros for ``None``; copies, because the tape keeps them."""
        shape = (x.shape[1], params["weight_hh"].shape[-1])
        if states is None:
            return tuple(np.zeros(shape, x.dtype) for _ in self.states)
        if len(states) != len(self.states):
            raise InputError(f"{self.name} has {len(self.states)} state(s) {self.states}, got {len(states)}")
        named = {f"{kind} {name}": state for name, state in zip(self.states, states, strict=True)}
        check_dtypes({"x": x, **named})
        check_shapes(named, dict.fromkeys(named, shape), "(B, H) of x and weight_hh")
        return tuple(state.copy() for state in states)
