"""Sequences whose state is reset on the way, as episodes are that end in the middle: each episode is a row of its own.

So a batch with many short episodes runs faster than one without resets, not slower.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.nn.call import is_tracing
from unrolled.nn.dropout import Arranged
from unrolled.nn.errors import ArgumentTypeError, TensorError

__all__ = ["Episodes", "order_episodes"]


class Episodes(NamedTuple):
    """How ``T * B`` padded rows are arranged as ``E`` episodes of ``B`` sequences, the longest first."""

    arranged: Arranged
    """``[T']`` episodes alive at each step, and where each of the ``T' * E`` rows comes from."""
    living: Tensor
    """``[N]`` the padded row of each living arranged one."""
    places: Tensor
    """``[T * B]`` the arranged row of each padded one; ``N`` for rows past a sequence's length."""
    starts: tuple[Tensor, Tensor]
    """For each direction, ``[E]``: the sequence whose given state an episode starts from, or ``B`` for none."""
    ends: tuple[Tensor, Tensor]
    """For each direction, ``[B]``: the episode in which a sequence ends."""

    def arrange(self, rows: Tensor) -> Tensor:
        """``[T * B, W]`` as ``[T', E, W]``."""
        T, E = len(self.arranged.sizes), len(self.starts[0])  # type: ignore[arg-type]
        living = rows.index_select(0, self.living)
        return F.pad(living, (0, 0, 0, T * E - len(living))).view(T, E, rows.shape[1])

    def give_back(self, steps: Tensor) -> Tensor:
        """``[T', E, W]`` as ``[T * B, W]``."""
        living = steps.flatten(0, 1)[: len(self.living)]
        return F.pad(living, (0, 0, 0, 1)).index_select(0, self.places)

    def start_states(self, given: Tensor, default: Tensor, direction: int) -> Tensor:
        """The states ``[B, W]`` that were given where episodes start from them, and the ``default [1, W]`` elsewhere."""
        return torch.cat((given, default)).index_select(0, self.starts[direction])

    def end_states(self, states: Tensor, direction: int) -> Tensor:
        """Of the states ``[E, W]`` at the ends of episodes those of the sequences."""
        return states.index_select(0, self.ends[direction])


def order_episodes(resets: Any, lengths: Tensor | None, T: int, B: int, batch_first: bool) -> Episodes:
    """Cut sequences before every step with a reset; ``resets`` is shaped like the input, ``[T, B]`` or ``[B, T]``.

    Raises
    ------
    ArgumentTypeError
        ``resets`` are not truth values.
    TensorError
        Another shape, or a program is made of the call.
    """
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
    given = (flags if batch_first else flags.T).numpy()  # [B, T]
    steps = np.full(B, T) if lengths is None else lengths.numpy()
    cuts = given & (np.arange(T) < steps[:, None])
    fresh = cuts[:, 0].copy() if T else np.zeros(B, bool)
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
    return Episodes(
        Arranged(tensors(alive.sum(1)), tensors(rows), tensors(sequence[order]), (T, B)), tensors(living),
        tensors(places), (tensors(starts[0]), tensors(starts[1])),
        (tensors(place_of[last]), tensors(place_of[first])),
    )  # fmt: skip
