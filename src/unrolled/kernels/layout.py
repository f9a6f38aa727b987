"""How a batch of sequences lies in packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["Layout"]


class Layout:
    """Rows of all time steps one after the other: step ``t`` holds rows ``offsets[t]`` to ``offsets[t + 1]``.

    The longest sequences come first, so the rows alive at a step are the first of the batch, and batch row ``b`` of
    step ``t`` is packed row ``offsets[t] + b``. This is the order of ``torch.nn.utils.rnn.PackedSequence``; a
    padded ``[T, B]`` batch without lengths is the case of equal steps.
    """

    __slots__ = ("address", "batch", "offsets", "rows", "steps", "uniform")

    def __init__(self, batch_sizes: NDArray[np.int64], batch: int) -> None:
        self.steps = len(batch_sizes)
        self.batch = batch
        self.offsets = np.zeros(self.steps + 1, np.int64)
        np.cumsum(batch_sizes, out=self.offsets[1:])
        self.offsets.flags.writeable = False
        self.rows = int(self.offsets[-1])
        self.uniform = self.rows == self.steps * batch
        self.address = self.offsets.ctypes.data

    @staticmethod
    @lru_cache(maxsize=256)
    def padded(steps: int, batch: int) -> Layout:
        """All ``batch`` sequences have ``steps`` steps."""
        return Layout(np.full(steps, batch, np.int64), batch)

    @staticmethod
    def packed(batch_sizes: Sequence[int] | NDArray[np.int64], batch: int | None = None) -> Layout:
        """From the number of sequences alive at each step; ``batch`` counts empty sequences too.

        Raises
        ------
        InputError
            The sizes grow, are not positive, or exceed ``batch``.
        """
        sizes = np.asarray(batch_sizes, np.int64)
        if sizes.ndim != 1:
            raise InputError(f"batch_sizes must be one-dimensional, got shape {sizes.shape}")
        if sizes.size and (sizes[-1] < 1 or (np.diff(sizes) > 0).any()):
            raise InputError("batch_sizes must be positive and never grow: sort the sequences by length, longest first")
        first = int(sizes[0]) if sizes.size else 0
        if batch is not None and batch < first:
            raise InputError(f"batch_sizes starts with {first} sequences, but the batch has {batch}")
        return Layout(sizes, first if batch is None else batch)

    @staticmethod
    def of_lengths(lengths: NDArray[np.int64]) -> Layout:
        """From the lengths of the sequences in falling order; zeros are empty sequences.

        >>> Layout.of_lengths(np.array([3, 1, 0])).offsets
        array([0, 2, 3, 4])
        """
        steps = int(lengths[0]) if len(lengths) else 0
        ends = np.searchsorted(-lengths, -np.arange(steps), side="left")
        return Layout(ends.astype(np.int64), len(lengths))

    def before(self, reverse: bool) -> NDArray[np.int64]:
        """For every packed row, where the state before it lies in all states followed by the initial ones."""
        step = np.repeat(np.arange(self.steps), np.diff(self.offsets))
        row = np.arange(self.rows) - self.offsets[step]
        neighbour = step + 1 if reverse else step - 1
        sizes = np.append(np.diff(self.offsets), 0)  # index -1 and index `steps` both find 0: no step there
        linked = row < sizes[neighbour]
        return np.where(linked, self.offsets[neighbour] + row, self.rows + row)

    def ends(self, reverse: bool) -> NDArray[np.int64]:
        """For every batch row where the recurrence leaves it, counted like :meth:`before`."""
        sizes = np.diff(self.offsets)
        lengths = (sizes[:, None] > np.arange(self.batch)).sum(0)
        last = np.zeros_like(lengths) if reverse else self.offsets[lengths - 1]
        return np.where(lengths > 0, last, self.rows) + np.arange(self.batch)
