"""A recurrent layer of a saved model, in one direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.kernels.arrays import Floats, PackedWeights, forward
from unrolled.kernels.layout import Layout

__all__ = ["RecurrentLayer"]


class RecurrentLayer:
    """A cell run over sequences, its weights arranged for the kernels once.

    A row's results are the same bits alone or in any batch, padded or not, whole or in chunks with the state carried
    from one to the next, and on any number of threads.

    Parameters
    ----------
    cell : str
        A name in :data:`unrolled.cells.CELLS`.
    parameters : mapping of str to ndarray
        The cell's parameters, float32 or float64, named and shaped as in torch without the layer's suffix.
    reverse : bool
        Run from each sequence's last step to its first.

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

    def __init__(self, cell: str, parameters: Mapping[str, Floats], *, reverse: bool = False) -> None:
        self._weights = PackedWeights(cell, parameters)
        self.reverse = reverse

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
            Initial ``(h,)`` or ``(h, c)``; zero by default.
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
        if x.ndim != 3 or x.shape[2] != self._weights.inputs or x.shape[0] == 0:
            raise InputError(f"x has shape {x.shape}, expected [T, B, {self._weights.inputs}] with T at least 1")
        T, B, I = x.shape
        H = self._weights.hidden
        if lengths is None:
            result = forward(self._weights, x.reshape(T * B, I), states, Layout.padded(T, B), reverse=self.reverse)
            return result.h.reshape(T, B, H), result.last
        order, layout, rows = _sorted_rows(lengths, T, B)
        sorted_states = None if states is None else tuple(s[order] for s in states)
        result = forward(self._weights, x.reshape(T * B, I)[rows], sorted_states, layout, reverse=self.reverse)
        y = np.zeros((T * B, H), result.h.dtype)
        y[rows] = result.h
        back = np.argsort(order)
        return y.reshape(T, B, H), tuple(s[back] for s in result.last)


def _sorted_rows(
    lengths: Sequence[int] | NDArray[np.int64], T: int, B: int
) -> tuple[NDArray[np.int64], Layout, NDArray[np.int64]]:
    """The batch in falling order of length, its layout, and the padded row of every packed one."""
    given = np.asarray(lengths)
    if given.shape != (B,) or not np.issubdtype(given.dtype, np.integer):
        raise InputError(f"lengths: expected {B} whole numbers, one a sequence, got {given.dtype} {given.shape}")
    if B and (given.min() < 0 or given.max() > T):
        wrong = int(np.flatnonzero((given < 0) | (given > T))[0])
        raise InputError(f"lengths[{wrong}] is {given[wrong]}, expected 0 to {T} (the time steps of x)")
    order = np.argsort(-given, kind="stable")
    layout = Layout.of_lengths(given[order].astype(np.int64))
    step = np.repeat(np.arange(layout.steps), np.diff(layout.offsets))
    return order, layout, step * B + order[np.arange(layout.rows) - layout.offsets[step]]
