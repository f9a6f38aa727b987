"""The exceptions of this library. Each message says what was wrong, where, what was expected and what to do."""

from __future__ import annotations

__all__ = ["InputError", "InputTypeError", "MissingExtraError", "ModelFileError", "TrainingError", "UnrolledError"]


class UnrolledError(Exception):
    """Base class of all exceptions that this library raises on purpose."""


class InputError(UnrolledError, ValueError):
    """Data, arguments or files that the library does not accept; the message names the culprit.

    It derives from :class:`ValueError`, so code that already catches that keeps working.
    """


class InputTypeError(InputError, TypeError):
    """Bad input of a type that cannot be read at all, such as a dictionary in place of a number."""


class ModelFileError(InputError):
    """A file that is damaged, is not a model file, or does not match the class that loads it."""


class TrainingError(UnrolledError, ArithmeticError):
    """Training cannot continue: a loss or gradient is not finite, or the loss has exploded."""


CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch's builds without CUDA are; pip takes one of them if it is told to look there, too."""


class MissingExtraError(UnrolledError, ImportError):
    """A feature needs an optional dependency that is not installed; the message contains the pip command.

    >>> print(MissingExtraError("reading WAV files", "soundfile", "audio"))
    reading WAV files needs the package 'soundfile'; in a checkout of unrolled: pip install '.[audio]'
    """

    def __init__(self, feature: str, module: str, extra: str) -> None:
        command = f"pip install '.[{extra}]'"
        if extra == "train":  # unrolled runs on the CPU, and on Linux pip would take 5.8 GB for CUDA
            command += f" --extra-index-url {CPU_INDEX}"
        super().__init__(f"{feature} needs the package {module!r}; in a checkout of unrolled: {command}")
