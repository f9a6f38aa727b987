"""Outputs that the backward pass needs and that whoever gets them may change in place, as torch's layers allow.

Nothing is copied for that: if an output was changed, the backward pass computes it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["NO_CHANGES", "Changes", "uncounted"]


class Changes(NamedTuple):
    """What tells later whether outputs were changed; it holds none of their memory."""

    counters: Sequence[Tensor]
    """A tensor for each output that shares its count of changes, and is empty otherwise."""
    before: Sequence[int]

    @staticmethod
    def of(outputs: Sequence[Tensor]) -> Changes:
        """Of outputs as they are now."""
        counters: list[Tensor] = []
        for output in outputs:
            counter = output.detach()
            counter.data = _NO_NUMBERS[output.dtype]
            counters.append(counter)
        return Changes(counters, [counter._version for counter in counters])

    @property
    def any(self) -> bool:
        """Whether one is not what it was any more."""
        for counter, before in zip(self.counters, self.before, strict=True):  # noqa: SIM110 - asked in every backward pass
            if counter._version != before:
                return True
        return False


NO_CHANGES = Changes((), ())
_NO_NUMBERS = {dtype: torch.empty(0, dtype=dtype, device="cpu") for dtype in (torch.float32, torch.float64)}


def uncounted(output: Tensor) -> Tensor:
    """The same memory to be saved for the backward pass, where autograd does not refuse it after a change."""
    return output.data
