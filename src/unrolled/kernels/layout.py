"""How a batch of sequences lies in packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.kernels.admission import whole_number, whole_numbers
from unrolled.kernels.memory import check_allocation

__all__ = ["Layout"]


class Layout:
    """Rows of all time steps one after the other: step ``t`` holds rows ``offsets[t]`` to ``offsets[t + 1]``.

    The longest sequences come first, so the rows alive at a step are the first of the batch, and batch row ``b`` of
    step ``t`` is packed row ``offsets[t] + b``. This is the order of ``torch.nn.utils.rnn.PackedSequence``; a
    padded ``[T, B]`` batch without lengths is the case of equal steps.

    Args:
        batch_sizes: the number of sequences alive at each step, at most ``batch`` and never growing; 0 at the end is a
            step that no sequence has.
        batch: all sequences, empty ones included.

    Raises:
        InputError: sizes that do not fit, or that no memory holds.
    """

    __slots__ = ("address", "batch", "offsets", "rows", "steps", "uniform")

    def __init__(self, batch_sizes: Sequence[int] | NDArray[np.int64], batch: int) -> None:
        sizes = whole_numbers("batch_sizes", batch_sizes)
        _check_rows(len(sizes), batch)
        if (np.diff(sizes, prepend=batch) > 0).any() or (sizes < 0).any():
            raise InputError(f"batch_sizes must fall from at most {batch} to at least 0: sort the longest first")
        self.steps = len(sizes)
        self.batch = int(batch)
        self.offsets = np.zeros(self.steps + 1, np.int64)
        np.cumsum(sizes, out=self.offsets[1:])
        self.offsets.flags.writeable = False
        self.rows = int(self.offsets[-1])
        self.uniform = self.rows == self.steps * batch
        self.address = self.offsets.ctypes.data

    @staticmethod
    @lru_cache(maxsize=256)
    def padded(steps: int, batch: int) -> Layout:
        """All ``batch`` sequences have ``steps`` steps."""
        _check_rows(steps, batch)
        return Layout(np.full(steps, batch, np.int64), batch)

    @staticmethod
    def packed(batch_sizes: Sequence[int] | NDArray[np.int64], batch: int | None = None) -> Layout:
        """From the number of sequences alive at each step; ``batch`` counts empty sequences too.

        Raises:
            InputError: they are no whole numbers, grow, are not positive, or exceed ``batch``.
        """
        sizes = whole_numbers("batch_sizes", batch_sizes)
        if sizes.size and (sizes[-1] < 1 or (np.diff(sizes) > 0).any()):
            raise InputError("batch_sizes must be positive and never grow: sort the sequences by length, longest first")
        first = int(sizes[0]) if sizes.size else 0
        if batch is not None and batch < first:
            raise InputError(f"batch_sizes starts with {first} sequences, but the batch has {batch}")
        return Layout(sizes, first if batch is None else batch)

    @staticmethod
    def of_lengths(lengths: Sequence[int] | NDArray[np.integer[Any]]) -> Layout:
        """From the lengths of the sequences in falling order; zeros are empty sequences.

        Raises:
            InputError: they are no whole numbers, grow, or are negative.

        >>> Layout.of_lengths(np.array([3, 1, 0])).offsets
        array([0, 2, 3, 4])
        """
        given = whole_numbers("lengths", lengths)
        if (np.diff(given) > 0).any() or (given < 0).any():
            raise InputError("lengths must be at least 0 and never grow: sort the sequences, longest first")
        steps = int(given[0]) if len(given) else 0
        _check_rows(steps, len(given))
        return Layout(np.searchsorted(-given, -np.arange(steps), side="left"), len(given))

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


def _check_rows(steps: object, batch: object) -> None:
    """Refuse sizes whose rows cannot be counted, or whose steps no memory holds."""
    T, B = whole_number("steps", steps), whole_number("batch", batch)
    if np.iinfo(np.int64).max < T * B:
        raise InputError(f"{T} steps of {B} sequences are more rows than can be counted")
    check_allocation(3 * 8 * T, "the places of all steps")
