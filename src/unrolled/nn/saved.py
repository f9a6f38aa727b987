"""Outputs that the backward pass needs and that whoever gets them may change in place, as torch's layers allow.

Nothing is copied for that: if an output was changed, the backward pass computes it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from torch import Tensor

__all__ = ["allow_changes", "is_lost"]


def allow_changes(node: Any, places: Iterable[int]) -> None:
    """Let what a node of the graph has saved at some places be changed; it is then :func:`is_lost`."""
    for place in places:
        with suppress(RuntimeError):  # somebody else's hooks keep it already
            node._raw_saved_tensors[place].register_hooks(_with_version, _if_unchanged)


def is_lost(saved: Tensor | None) -> bool:
    """Whether a saved output is not what it was any more."""
    return saved is not None and saved.dim() == 0


def _with_version(tensor: Tensor) -> tuple[Tensor, int]:
    return tensor, tensor._version


def _if_unchanged(saved: tuple[Tensor, int]) -> Tensor:
    tensor, version = saved
    return tensor if tensor._version == version else tensor.new_empty(())
