"""A recurrent layer of a saved model, in one direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.cells import Cell, Masks, get_cell
from unrolled.errors import InputError
from unrolled.kernels.admission import admitted, whole_number, whole_numbers
from unrolled.kernels.arrays import PackedWeights, forward, forward_only
from unrolled.kernels.layout import Layout
from unrolled.kernels.steps import Steps
from unrolled.kernels.storage import Storage
from unrolled.kernels.tape import Forward, checked_shares
from unrolled.runtime.recent_inputs import recent_inputs

__all__ = ["Lengths", "RecurrentLayer", "sorted_rows"]

Lengths: TypeAlias = Sequence[int] | NDArray[np.int64]


class RecurrentLayer:
    """A cell run over sequences; its weights are packed for the kernels once.

    The results for a sequence have the same bits alone or in any batch, padded or not, whole or in chunks with the
    state passed on, and on any number of threads.

    Args:
        cell: a name in :data:`unrolled.cells.CELLS`, or the spec of a cell with other activation functions.
        parameters: the cell's parameters, float32 or float64, named and shaped as in torch without the layer's suffix;
            biases may be missing.
        reverse: run backwards, from each sequence's last step to its first.
        zoneout: zoneout probabilities of ``h`` and ``c``, for a layer trained with zoneout.
        kernel_width: the number of inputs that a step of a QRNN sees; 1 for every other cell.
        weights: ``"bfloat16"`` stores the matrices of float32 parameters in half the bytes, each number rounded to the nearest
            bfloat16; products are those of float32 with the rounded numbers. For small batches of large layers, which wait for
            their weights; biases and parameters of single units stay as they are. By default all do.

    >>> rng = np.random.default_rng(0)
    >>> shapes = {"weight_ih": (6, 3), "weight_hh": (6, 2), "bias_ih": (6,), "bias_hh": (6,)}
    >>> layer = RecurrentLayer("gru", {name: rng.normal(size=shape) for name, shape in shapes.items()})
    >>> x = rng.normal(size=(5, 4, 3))
    >>> y, (h,) = layer(x)
    >>> y.shape, h.shape
    ((5, 4, 2), (4, 2))
    >>> first, states = layer(x[:2])
    >>> rest, _ = layer(x[2:], states)
    >>> np.array_equal(np.concatenate([first, rest]), y)
    True
    """

    def __init__(
        self,
        cell: str,
        parameters: Mapping[str, Floats],
        *,
        reverse: bool = False,
        zoneout: tuple[float, float] = (0.0, 0.0),
        kernel_width: int = 1,
        weights: Storage | None = None,
    ) -> None:
        self.cell: Cell = get_cell(cell)
        self.reverse = reverse
        self.zoneout = checked_shares(self.cell, zoneout)
        self._masks = Masks(zoneout=self.zoneout) if any(self.zoneout) else None
        self.weights = PackedWeights(cell, _for_kernels(self.cell, parameters), weights=weights)
        kernel_width = whole_number("kernel_width", kernel_width, 1)
        if self.weights.inputs % kernel_width or (kernel_width > 1 and self.cell.name != "qrnn"):
            raise InputError(
                f"kernel_width {kernel_width} does not fit {cell} with weight_ih of {self.weights.inputs} columns"
            )
        self.input_size = self.weights.inputs // kernel_width
        self._window = self.weights.inputs - self.input_size  # earlier inputs that a step sees
        self._steps = Steps([self.weights], stacked=False, window=[self._window], zoneout=self.zoneout)
        # whether the states are those of the kernels, which know no window and one array of all values of the memory
        self._as_kernels = "window" not in self.cell.states and len(self.cell.memory) <= 1

    @property
    def plain_weights(self) -> PackedWeights | None:
        """The weights, where a step is what the kernels make of them and of the states; None where more belongs to it."""
        return self.weights if self._as_kernels and self._masks is None else None

    @cached_property
    def state_sizes(self) -> dict[str, int]:
        """The size of each state of one sequence, in the order of ``states``."""
        own = {"h": self.weights.outputs, "window": self._window}
        return {name: own.get(name, self.weights.hidden) for name in self.cell.states}

    @overload
    def __call__(
        self, x: Floats, states: tuple[Floats, ...] | None = None, lengths: Lengths | None = None, *,
        return_gates: Literal[False] = False,
    ) -> tuple[Floats, tuple[Floats, ...]]: ...  # fmt: skip
    @overload
    def __call__(
        self, x: Floats, states: tuple[Floats, ...] | None = None, lengths: Lengths | None = None, *,
        return_gates: Literal[True],
    ) -> tuple[Floats, tuple[Floats, ...], dict[str, Floats]]: ...  # fmt: skip
    def __call__(
        self,
        x: Floats,
        states: tuple[Floats, ...] | None = None,
        lengths: Lengths | None = None,
        *,
        return_gates: bool = False,
    ) -> tuple[Any, ...]:
        """Run over sequences.

        Args:
            x: ``[T, B, I]``.
            states: initial states in the order of :attr:`unrolled.cells.Cell.states`, ``(h,)`` or ``(h, c)`` for most
                cells, each ``[B, H]``; by default what the cell starts from.
            lengths: steps of each sequence, ``B`` whole numbers from 0 to T. Past its length a sequence's outputs are zero
                and its state stays.
            return_gates: also return the gates.

        Returns:
            Outputs ``[T, B, H]``; the last states, each ``[B, H]``; and if asked for the gates of every step by name, each
            ``[T, B, H]``, zero past the lengths.

        Raises:
            InputError: shapes, dtypes or lengths do not fit.
        """
        if lengths is None and not return_gates:
            made = self._steps.sequences(x, states)
            if made is not None:
                return made
        x = admitted("x", x, self.weights.dtype)
        if x.ndim != 3 or x.shape[2] != self.input_size or x.shape[0] == 0:
            raise InputError(f"x has shape {x.shape}, expected [T, B, {self.input_size}] with T at least 1")
        T, B, I = x.shape
        if states is not None:
            states = self._admitted_states(states, B)
        if lengths is None or _whole(lengths, T, B):
            living, last = self._run(x.reshape(T * B, I), states, Layout.padded(T, B), tape=return_gates)
            steps = [rows.reshape(T, B, rows.shape[1]) for rows in living]
        else:
            order, layout, rows = sorted_rows(lengths, T, B)
            sorted_states = None if states is None else tuple(s[order] for s in states)
            living, last = self._run(x.reshape(T * B, I)[rows], sorted_states, layout, tape=return_gates)
            back = np.argsort(order)
            steps, last = [_padded(each, rows, T, B) for each in living], tuple(s[back] for s in last)
        y, *gates = steps
        return (y, last, dict(zip(self.cell.gates, gates, strict=True))) if return_gates else (y, last)

    def step(self, x: Floats, states: tuple[Floats, ...] | None = None) -> tuple[Floats, tuple[Floats, ...]]:
        """Run one step.

        Args:
            x: ``[B, I]``.
            states: what the step before returned; by default what the cell starts from.

        Returns:
            The output ``[B, H]``, and the states after it. They are arrays of their own, which no later step touches.

        Raises:
            InputError: a shape or dtype does not fit, or the layer runs backwards.

        >>> layer = RecurrentLayer("rnn_tanh", {"weight_ih": np.ones((2, 3)), "weight_hh": np.eye(2)})
        >>> states = None
        >>> for x in np.eye(3):
        ...     y, states = layer.step(x[None], states)
        >>> y.round(3).tolist()
        [[0.96, 0.96]]
        """
        if self.reverse:
            raise InputError("the layer runs backwards, and begins at the end of a sequence: run whole sequences")
        made = self._steps.rows(x, states)
        if made is not None:
            return made
        y, states = self(np.asarray(x)[None], states)
        return y[0], states

    def _admitted_states(self, states: Sequence[Floats], batch: int) -> tuple[Floats, ...]:
        sizes = self.state_sizes
        if len(states) != len(sizes):
            raise InputError(f"cell {self.cell.name} has the states {', '.join(sizes)}, got {len(states)} arrays")
        named = zip(sizes.items(), states, strict=True)
        return tuple(admitted(name, state, self.weights.dtype, (batch, size)) for (name, size), state in named)

    def _run(
        self, rows: Floats, states: tuple[Floats, ...] | None, layout: Layout, *, tape: bool
    ) -> tuple[list[Floats], tuple[Floats, ...]]:
        """Over packed rows: the outputs and, with a tape, each gate; and each last state."""
        if self._as_kernels and self._masks is None and not tape:
            h, last = forward_only(self.weights, rows, states, layout, reverse=self.reverse)
            return [h], last
        sizes, window, given = self.state_sizes, None, states
        if states is not None and not self._as_kernels:
            named = dict(zip(sizes, states, strict=True))
            window = named.get("window")
            memory = [named[name] for name in self.cell.memory]
            h = (named["h"],) if self.cell.hands_on_h else ()
            given = (*h, *((np.concatenate(memory, 1) if len(memory) > 1 else memory[0],) if memory else ()))
        if "window" in sizes:
            if window is None:
                window = np.zeros((layout.batch, self._window), rows.dtype)
            rows, window = recent_inputs(rows, window, layout, reverse=self.reverse)
        result = forward(self.weights, rows, given, layout, masks=self._masks, reverse=self.reverse, tape=tape)
        shown = [result.h.copy(), *self._gates(result)] if tape else [result.h]
        if self._as_kernels:
            return shown, result.last
        h, memory = result.last[: self.cell.hands_on_h], result.last[self.cell.hands_on_h :]
        each = (np.ascontiguousarray(part) for array in memory for part in np.split(array, len(self.cell.memory), 1))
        last = dict(zip((name for name in sizes if name != "window"), (*h, *each), strict=True))
        if window is not None:
            last["window"] = window
        return shown, tuple(last[name] for name in sizes)

    def _gates(self, result: Forward) -> list[Floats]:
        """Copies of the gates on a tape, in the cell's order, each ``[N, H]``."""
        compiled, H, G = self.weights.kernel.compiled, self.weights.hidden, len(self.cell.gates)
        if not compiled.tape:  # the hidden state before zoneout is the only gate
            return [(result.h if result.new_h is None else result.new_h).copy()]
        assert result.gates is not None
        return [result.gates[:, (compiled.gates_at + k) * H :][:, :H].copy() for k in range(G)]


def _whole(lengths: Lengths, T: int, B: int) -> bool:
    """Whether all sequences have every step, so that nothing is to be put in order."""
    given = whole_numbers("lengths", lengths, B)
    return B > 0 and bool((given == T).all())


def _padded(rows: Floats, places: NDArray[np.int64], T: int, B: int) -> Floats:
    """Packed rows where they belong in ``[T, B, H]``, and zeros elsewhere."""
    steps = np.zeros((T * B, rows.shape[1]), rows.dtype)
    steps[places] = rows
    return steps.reshape(T, B, rows.shape[1])


def _for_kernels(cell: Cell, parameters: Mapping[str, Floats]) -> dict[str, Floats]:
    """With zeros for biases that are missing, and the blocks of an sLSTM's heads as one matrix."""
    whole = {name: admitted(name, parameter) for name, parameter in parameters.items()}
    for name, dimensions in cell.parameters:
        if name not in whole:
            if name in ("bias_ih", "bias_hh"):
                continue
            raise InputError(f"cell {cell.name}: the parameter {name} is missing")
        if whole[name].ndim != len(dimensions):
            raise InputError(f"{name} has shape {whole[name].shape}, expected ({', '.join(dimensions)})")
    W = whole["weight_ih"]
    sizes = cell.sizes_of({name: array.shape for name, array in whole.items()}, W.shape[1])
    shapes = cell.parameter_shapes(**sizes)
    for bias in ("bias_ih", "bias_hh"):
        if bias in shapes and bias not in whole:
            whole[bias] = np.zeros(shapes[bias], W.dtype)
    if cell.name == "slstm":
        U = admitted("weight_hh", whole["weight_hh"], W.dtype, shapes["weight_hh"])
        (rows, S), H = U.shape, sizes["hidden_size"]
        if H % S:
            raise InputError(f"weight_hh has {S} columns, expected a divisor of the {H} units: heads of equal size")
        heads = np.arange(H) // S
        same = heads == np.tile(heads, rows // H)[:, None]
        whole["weight_hh"] = np.where(same, np.tile(U, H // S), W.dtype.type(0))
    return whole


def sorted_rows(lengths: Lengths, T: int, B: int) -> tuple[NDArray[np.int64], Layout, NDArray[np.int64]]:
    """The batch in falling order of length, its layout, and the padded row of every packed one."""
    given = whole_numbers("lengths", lengths, B)
    if B and (given.min() < 0 or given.max() > T):
        wrong = int(np.flatnonzero((given < 0) | (given > T))[0])
        raise InputError(f"lengths[{wrong}] is {given[wrong]}, expected 0 to {T} (the time steps of x)")
    order = np.argsort(-given, kind="stable")
    layout = Layout.of_lengths(given[order])
    step = np.repeat(np.arange(layout.steps), np.diff(layout.offsets))
    return order, layout, step * B + order[np.arange(layout.rows) - layout.offsets[step]]
