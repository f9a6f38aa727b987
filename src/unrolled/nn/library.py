"""The namespace of this library's torch operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["LIBRARY", "index_operator", "sized"]

LIBRARY = torch.library.Library("unrolled", "DEF")


def index_operator(schema: str, compute: Callable[..., Any], shapes: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that finds where rows go, from lengths that only a run knows.

    Programs that are compiled, exported or traced hold the operator itself, so nothing of one run's lengths is frozen into
    them: ``compute`` runs anew each time, and the shapes of what it returns depend on nothing but shapes.
    """
    name = schema.partition("(")[0]
    LIBRARY.define(schema)
    LIBRARY.impl(name, compute, "CPU")
    torch.library.register_fake(f"unrolled::{name}", shapes, lib=LIBRARY)
    operator: Callable[..., Any] = getattr(torch.ops.unrolled, name).default
    return operator


def sized(*sizes: int) -> Tensor:
    """What tells an operator sizes: a tensor of this shape in the memory of one element.

    ``torch.jit.trace`` follows tensors; a number given to an operator stays what it was when the trace was recorded.
    """
    return torch.zeros((), dtype=torch.bool).expand(sizes)
