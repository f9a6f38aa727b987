"""Layers for tools that read a model instead of running it: ``torch.fx`` and ``torch.jit.script``."""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Proxy

__all__ = ["Leaf"]


class Leaf(torch.nn.Module):
    """A module that is one piece, as those of ``torch.nn`` are."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, or stand as one call in a graph that ``torch.fx`` records."""
        proxy = _first_proxy((*args, *kwargs.values()))
        if proxy is None:
            return super().__call__(*args, **kwargs)
        return proxy.tracer.create_proxy("call_module", proxy.tracer.path_of_module(self), args, kwargs)

    def __prepare_scriptable__(self) -> torch.nn.Module:
        """What ``torch.jit.script`` compiles: torch's own layer with the same parameters.

        Raises:
            InputError: torch has no such layer.
        """
        from unrolled.nn.accelerate import as_torchs  # which knows all that derive from this class

        return as_torchs(self)


def _first_proxy(values: tuple[Any, ...]) -> Any:
    for value in values:
        if isinstance(value, Proxy):
            return value
        if isinstance(value, (tuple, list)):
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                if isinstance(each, Proxy):
                    return each
    return None
