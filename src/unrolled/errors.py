"""The exceptions of this library: every one says what was wrong, where, what was expected and what to do."""

from __future__ import annotations

__all__ = ["InputError", "MissingExtraError", "ModelFileError", "TrainingError", "UnrolledError"]


class UnrolledError(Exception):
    """Base class of every exception this library raises on purpose."""


class InputError(UnrolledError, ValueError):
    """Bad input: data, arguments or files that the library refuses, with the culprit named.

    It derives from :class:`ValueError`, so code that already catches that keeps working.
    """


class ModelFileError(InputError):
    """A model file that is damaged, not a model file, or does not fit what is loading it."""


class TrainingError(UnrolledError, ArithmeticError):
    """Training that cannot go on: a loss or gradient that is not finite, or a loss that exploded."""


class MissingExtraError(UnrolledError, ImportError):
    """A feature whose optional dependency is not installed; the message holds the pip command."""

    def __init__(self, feature: str, module: str, extra: str) -> None:
        super().__init__(f"{feature} needs the package {module!r}; install it with: pip install 'unrolled[{extra}]'")
