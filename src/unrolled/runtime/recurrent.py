"""A recurrent layer of a saved model, in one direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.cells import Cell, Masks, get_cell
from unrolled.errors import InputError
from unrolled.kernels.admission import admitted, whole_number, whole_numbers
from unrolled.kernels.arrays import Floats, PackedWeights, forward
from unrolled.kernels.layout import Layout
from unrolled.kernels.tape import checked_shares
from unrolled.runtime.windows import windows

__all__ = ["RecurrentLayer", "sorted_rows"]


class RecurrentLayer:
    """A cell run over sequences; its weights are packed for the kernels once.

    The results for a sequence have the same bits alone or in any batch, padded or not, whole or in chunks with the
    state passed on, and on any number of threads.

    Parameters
    ----------
    cell : str
        A name in :data:`unrolled.cells.CELLS`, or the spec of a cell with other activation functions.
    parameters : mapping of str to ndarray
        The cell's parameters, float32 or float64, named and shaped as in torch without the layer's suffix; biases may
        be missing.
    reverse : bool
        Run backwards, from each sequence's last step to its first.
    zoneout : pair of float
        Zoneout probabilities of ``h`` and ``c``, for a layer trained with zoneout.
    kernel_width : int
        The number of inputs that a step of a QRNN sees; 1 for every other cell.

    Examples
    --------
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
    ) -> None:
        self.cell: Cell = get_cell(cell)
        self.reverse = reverse
        self._masks = Masks(zoneout=checked_shares(self.cell, zoneout))
        self._weights = PackedWeights(cell, _for_kernels(self.cell, parameters))
        kernel_width = whole_number("kernel_width", kernel_width, 1)
        if self._weights.inputs % kernel_width or (kernel_width > 1 and self.cell.name != "qrnn"):
            raise InputError(
                f"kernel_width {kernel_width} does not fit {cell} with weight_ih of {self._weights.inputs} columns"
            )
        self.input_size = self._weights.inputs // kernel_width
        self._window = self._weights.inputs - self.input_size  # earlier inputs that a step sees

    @property
    def state_sizes(self) -> dict[str, int]:
        """The size of each state of one sequence, in the order of ``states``."""
        own = {"h": self._weights.outputs, "window": self._window}
        return {name: own.get(name, self._weights.hidden) for name in self.cell.states}

    def __call__(
        self,
        x: Floats,
        states: tuple[Floats, ...] | None = None,
        lengths: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> tuple[Floats, tuple[Floats, ...]]:
        """Run over ``x [T, B, I]``.

        Parameters
        ----------
        x : ndarray ``[T, B, I]``
        states : tuple of ndarray ``[B, H]``, optional
            Initial states in the order of :attr:`unrolled.cells.Cell.states`, ``(h,)`` or ``(h, c)`` for most cells; by
            default what the cell starts from.
        lengths : ``B`` whole numbers from 0 to T, optional
            Steps of each sequence. Past its length a sequence's outputs are zero and its state stays.

        Returns
        -------
        y : ndarray ``[T, B, H]``
        states : tuple of ndarray ``[B, H]``
            The last states.

        Raises
        ------
        InputError
            Shapes, dtypes or lengths do not fit.
        """
        x = admitted("x", x, self._weights.dtype)
        if x.ndim != 3 or x.shape[2] != self.input_size or x.shape[0] == 0:
            raise InputError(f"x has shape {x.shape}, expected [T, B, {self.input_size}] with T at least 1")
        T, B, I = x.shape
        if states is not None:
            states = self._admitted_states(states, B)
        if lengths is None:
            y, last = self._run(x.reshape(T * B, I), states, Layout.padded(T, B))
            return y.reshape(T, B, y.shape[1]), last
        order, layout, rows = sorted_rows(lengths, T, B)
        sorted_states = None if states is None else tuple(s[order] for s in states)
        living, last = self._run(x.reshape(T * B, I)[rows], sorted_states, layout)
        y = np.zeros((T * B, living.shape[1]), living.dtype)
        y[rows] = living
        back = np.argsort(order)
        return y.reshape(T, B, y.shape[1]), tuple(s[back] for s in last)

    def _admitted_states(self, states: Sequence[Floats], batch: int) -> tuple[Floats, ...]:
        sizes = self.state_sizes
        if len(states) != len(sizes):
            raise InputError(f"cell {self.cell.name} has the states {', '.join(sizes)}, got {len(states)} arrays")
        named = zip(sizes.items(), states, strict=True)
        return tuple(admitted(name, state, self._weights.dtype, (batch, size)) for (name, size), state in named)

    def _run(
        self, rows: Floats, states: tuple[Floats, ...] | None, layout: Layout
    ) -> tuple[Floats, tuple[Floats, ...]]:
        """Over packed rows, with the states told apart."""
        sizes, window = self.state_sizes, None
        given = None
        if states is not None:
            named = dict(zip(sizes, states, strict=True))
            window = named.get("window")
            memory = [named[name] for name in self.cell.memory]
            h = (named["h"],) if self.cell.hands_on_h else ()
            given = (*h, *((np.concatenate(memory, 1) if len(memory) > 1 else memory[0],) if memory else ()))
        if "window" in sizes:
            if window is None:
                window = np.zeros((layout.batch, self._window), rows.dtype)
            rows, window = windows(rows, window, layout, reverse=self.reverse)
        result = forward(self._weights, rows, given, layout, masks=self._masks, reverse=self.reverse)
        h, memory = result.last[: self.cell.hands_on_h], result.last[self.cell.hands_on_h :]
        apart = (part for array in memory for part in np.split(array, len(self.cell.memory), 1))
        last = dict(zip((name for name in sizes if name != "window"), (*h, *apart), strict=True))
        if window is not None:
            last["window"] = window
        return result.h, tuple(last[name] for name in sizes)


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


def sorted_rows(
    lengths: Sequence[int] | NDArray[np.int64], T: int, B: int
) -> tuple[NDArray[np.int64], Layout, NDArray[np.int64]]:
    """The batch in falling order of length, its layout, and the padded row of every packed one."""
    given = whole_numbers("lengths", lengths, B)
    if B and (given.min() < 0 or given.max() > T):
        wrong = int(np.flatnonzero((given < 0) | (given > T))[0])
        raise InputError(f"lengths[{wrong}] is {given[wrong]}, expected 0 to {T} (the time steps of x)")
    order = np.argsort(-given, kind="stable")
    layout = Layout.of_lengths(given[order])
    step = np.repeat(np.arange(layout.steps), np.diff(layout.offsets))
    return order, layout, step * B + order[np.arange(layout.rows) - layout.offsets[step]]
