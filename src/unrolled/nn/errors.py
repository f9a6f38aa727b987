"""Exceptions of the torch modules: the library's own, and also of the type torch raises for the same fault."""

from __future__ import annotations

from unrolled.errors import InputError

__all__ = ["ArgumentTypeError", "TensorError"]


class TensorError(InputError, RuntimeError):
    """A tensor whose size, type or device does not fit, or that could not be allocated."""


class ArgumentTypeError(InputError, TypeError):
    """An argument of a type the module does not take."""
