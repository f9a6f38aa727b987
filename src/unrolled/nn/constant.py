"""Functions whose results ``torch.compile`` takes for constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["constant_result"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def constant_result(function: _Function) -> _Function:
    """Mark a function as ``torch.compiler.assume_constant_result`` does, without loading the compiler for that: it takes as long
    as torch itself."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return function
