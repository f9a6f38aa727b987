"""Sequences whose state is reset on the way, as episodes are that end in the middle: each episode is a row of its own.

So a batch with many short episodes runs faster than one without resets, not slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.nn.arrangement import Arrangement, Origin
from unrolled.nn.call import is_tracing
from unrolled.nn.errors import ArgumentTypeError, TensorError
from unrolled.nn.lengths import refuse_lengths

__all__ = ["Episodes"]


class Episodes(Arrangement):
    """``T * B`` padded rows as ``E`` episodes of ``B`` sequences, cut before every step with a reset, the longest first.

    ``resets`` is shaped like the input, ``[T, B]`` or ``[B, T]``.

    Raises:
        ArgumentTypeError: ``resets`` are not truth values.
        TensorError: they have another shape, or a program is made of the call.
        InputError: a length is negative or exceeds ``T``.
    """

    def __init__(
        self, input: Tensor, batch_first: bool, resets: Any, lengths: Tensor | None, *, directions: int
    ) -> None:
        B, T = input.shape[:2] if batch_first else (input.shape[1], input.shape[0])
        given = _checked(resets, T, B, batch_first)
        steps = np.full(B, T) if lengths is None else lengths.numpy()
        refuse_lengths(steps, T)
        cuts = given & (np.arange(T) < steps[:, None])
        fresh = cuts[:, 0].copy()
        cuts[:, 0] = True  # every sequence has an episode, an empty one too
        sequence, start = np.nonzero(cuts)
        last, first = np.diff(sequence, append=B) > 0, np.diff(sequence, prepend=-1) > 0
        length = np.where(last, steps[sequence], np.roll(start, -1)) - start
        order = np.argsort(-length, kind="stable")
        E, longest = len(order), int(length.max(initial=1))  # where all are empty, one step in which nothing lives
        alive = np.arange(longest)[:, None] < length[order]
        time = (np.arange(longest)[:, None] + start[order])[alive]
        of = np.broadcast_to(sequence[order], alive.shape)[alive]
        living = of * T + time if batch_first else time * B + of
        places = np.full(T * B, len(living))
        places[living] = np.arange(len(living))
        rows = np.zeros(longest * E, np.int64)
        rows[: len(living)] = time * B + of
        starts = (np.where(first & ~fresh[sequence], sequence, B)[order], np.where(last, sequence, B)[order])
        place_of = np.empty(E, np.int64)
        place_of[order] = np.arange(E)
        tensors = torch.from_numpy
        self._shape, self._directions = input.shape[:2], directions
        self._living, self._places = tensors(living), tensors(places)
        self._starts = tensors(starts[0]), tensors(starts[1])
        self._ends = tensors(place_of[last]), tensors(place_of[first])
        x = F.pad(input.flatten(0, 1).index_select(0, self._living), (0, 0, 0, longest * E - len(living)))
        origin = Origin(tensors(alive.sum(1)), tensors(rows), tensors(sequence[order]), (T, B))
        super().__init__(x.view(longest, E, input.shape[2]), B, origin)

    def start(self, states: tuple[Tensor, ...], default: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """The given states where episodes start from them, and the default ones elsewhere."""
        if not states:
            return states
        return tuple(
            self._each_direction(torch.cat((state, other), 1), self._starts)
            for state, other in zip(states, default(), strict=True)
        )

    def output(self, steps: Tensor) -> Tensor:
        """The episodes of each sequence one after the other again, and zeros past its length."""
        living = steps.flatten(0, 1)[: len(self._living)]
        rows = F.pad(living, (0, 0, 0, 1)).index_select(0, self._places)
        return rows.view(*self._shape, steps.shape[2])

    def last(self, state: Tensor) -> Tensor:
        """Of the states at the ends of episodes those of the sequences."""
        return self._each_direction(state, self._ends)

    def _each_direction(self, states: Tensor, chosen: tuple[Tensor, Tensor]) -> Tensor:
        """``[L*D, ..., W]`` with the rows that are chosen in each direction."""
        return torch.stack([state.index_select(0, chosen[k % self._directions]) for k, state in enumerate(states)])


def _checked(resets: Any, T: int, B: int, batch_first: bool) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The resets of each sequence, ``[B, T]``."""
    if is_tracing() or torch.compiler.is_compiling():
        raise TensorError(
            "resets: how many episodes there are no program that is compiled, exported or traced can know"
        )
    flags = torch.as_tensor(resets, device="cpu")
    if flags.dtype != torch.bool:
        raise ArgumentTypeError(f"resets must be truth values, got {flags.dtype}")
    expected = (B, T) if batch_first else (T, B)
    if flags.shape != expected:
        raise TensorError(
            f"resets has shape {list(flags.shape)}, expected {list(expected)}: one a step of each sequence"
        )
    return (flags if batch_first else flags.T).numpy()
