"""The exceptions of this library. Each message says what was wrong, where, what was expected and what to do."""

from __future__ import annotations

__all__ = ["InputError", "MissingExtraError", "ModelFileError", "TrainingError", "UnrolledError"]


class UnrolledError(Exception):
    """Base class of all exceptions that this library raises on purpose."""


class InputError(UnrolledError, ValueError):
    """Data, arguments or files that the library does not accept; the message names the culprit.

    It derives from :class:`ValueError`, so code that already catches that keeps working.
    """


class ModelFileError(InputError):
    """A file that is damaged, is not a model file, or does not match the class that loads it."""


class TrainingError(UnrolledError, ArithmeticError):
    """Training cannot continue: a loss or gradient is not finite, or the loss has exploded."""


class MissingExtraError(UnrolledError, ImportError):
    """A feature needs an optional dependency that is not installed; the message contains the pip command."""

    def __init__(self, feature: str, module: str, extra: str) -> None:
        super().__init__(f"{feature} needs the package {module!r}; install it with: pip install 'unrolled[{extra}]'")
