"""A call's input as the kernels take it, steps first and the longest sequences in front, and all results back in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

__all__ = ["Arrangement", "Origin", "Padded", "Single"]


class Origin(NamedTuple):
    """Where the rows of a layer's input come from; without tensors they lie as they were given, ``[T, B]``."""

    sizes: Tensor | None = None
    """``[T]`` sequences alive at each step; in an ONNX graph the lengths instead."""
    rows: Tensor | None = None
    """``[R]`` for each arranged row the one it was, ``t * B + b``."""
    sequences: Tensor | None = None
    """``[B']`` the sequence at each place of the batch."""
    given: tuple[int, int] | None = None
    """``T`` and ``B`` as they were given, where that is not what the layer sees."""
    order: Tensor | None = None
    """``[B]`` the sequence at each place of the batch, where whole sequences were put in order."""


class Arrangement:
    """An arranged input; a subclass for each form in which inputs are given."""

    batched = True
    """Whether the input has a dimension for sequences."""

    def __init__(self, x: Tensor, batch: int, origin: Origin) -> None:
        self.x = x
        """``[T', B', I]``: what the first layer sees."""
        self.batch = batch
        """``B``, the sequences that were given."""
        self.origin = origin

    def start(self, states: tuple[Tensor, ...], default: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """The given states ``[L*D, B, H]`` as ``[L*D, B', H]``; ``default()`` are those sequences start from without any."""
        return states

    def output(self, steps: Tensor) -> Any:
        """What a layer returned for every step, ``[T', B', W]``, shaped and ordered as the input was."""
        raise NotImplementedError

    def last(self, state: Tensor) -> Tensor:
        """A state after the last steps, ``[L*D, B', H]``, for the sequences as they were given."""
        return state


class Padded(Arrangement):
    """Sequences of one length, ``[T, B, I]`` or ``[B, T, I]``; or of any lengths in an ONNX graph, whose nodes take them so."""

    def __init__(self, input: Tensor, batch_first: bool, lengths: Tensor | None) -> None:
        x = input.transpose(0, 1) if batch_first else input
        super().__init__(x, x.shape[1], Origin(lengths))
        self._batch_first = batch_first

    def output(self, steps: Tensor) -> Tensor:
        """Steps first, or sequences first."""
        return steps.transpose(0, 1) if self._batch_first else steps


class Single(Arrangement):
    """One sequence ``[T, I]``, arranged as a batch of one; ``dim`` is the dimension it has not."""

    batched = False

    def __init__(self, arranged: Arrangement, dim: int) -> None:
        super().__init__(arranged.x, 1, arranged.origin)
        self._arranged, self._dim = arranged, dim

    def start(self, states: tuple[Tensor, ...], default: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """As for the batch."""
        return self._arranged.start(states, default)

    def output(self, steps: Tensor) -> Tensor:
        """Without the dimension of the batch."""
        return self._arranged.output(steps).squeeze(self._dim)

    def last(self, state: Tensor) -> Tensor:
        """``[L*D, H]``."""
        return self._arranged.last(state).squeeze(1)
