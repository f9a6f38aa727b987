"""The conventions that estimators share with scikit-learn: parameters are the arguments of ``__init__``, and nothing
else."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.runtime.kept_file import KeptFile
from unrolled.runtime.model_file import write_model
from unrolled.runtime.place import refuse_inputs
from unrolled.tasks.scikit_learn import ForScikitLearn
from unrolled.tasks.training_bar import TrainingBar, person_watches

if TYPE_CHECKING:
    from unrolled.training.loop import Progress

__all__ = ["Estimator"]

Self = TypeVar("Self", bound="Estimator")


class Estimator(ForScikitLearn):
    """Base of all estimators: parameters can be read, changed and shown.

    A subclass stores every argument of ``__init__`` under its own name and does nothing more there.

    >>> class Sample(Estimator):
    ...     def __init__(self, size=3, name="a"):
    ...         self.size, self.name = size, name
    >>> Sample(size=4)
    Sample(size=4)
    >>> Sample().set_params(name="b").get_params()
    {'size': 3, 'name': 'b'}
    """

    verbose: bool | None = None
    callback: Callable[[Progress], object] | None = None
    _files: frozenset[Path] = frozenset()
    """Those that were read, which ``save`` must not replace."""
    _checkpoint: KeptFile | None = None
    """What the fit kept; it goes when the model has been saved."""

    def _write(
        self, path: str | os.PathLike[str], task: str, config: msgspec.Struct, tensors: Mapping[str, NDArray[Any]]
    ) -> None:
        """Write the model file, and then remove the checkpoint of its training."""
        refuse_inputs(path, self._files)
        write_model(path, task, config, tensors)
        if self._checkpoint is not None:
            self._checkpoint.remove()
            self._checkpoint = None

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        parameters = inspect.signature(cls.__init__).parameters
        return {name: parameter.default for name, parameter in parameters.items() if name != "self"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; ``deep`` exists because scikit-learn passes it, but no parameter is an estimator."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self: Self, **params: Any) -> Self:
        """Change parameters and return self; the fitted model stays until the next ``fit``.

        Raises:
            InputError: there is no such parameter; the message lists the known ones.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise InputError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def _remember(self, data: Any) -> None:
        """Keep in mind what is read, if it is a file."""
        if isinstance(data, str | os.PathLike):
            self._files |= {Path(data).absolute()}

    @contextmanager
    def _watching(self) -> Generator[Callable[[Progress], object] | None, None, None]:
        """What a training calls after each step: the user's ``callback``, and a bar if somebody is to see one."""
        verbose, callback = self.verbose, self.callback
        if verbose not in (None, False, True):
            raise InputError(f"verbose is {verbose!r}, expected True, False or None")
        with TrainingBar(shown=callback is None and person_watches() if verbose is None else bool(verbose)) as bar:
            yield bar if callback is None else lambda progress: (callback(progress), bar(progress))

    @staticmethod
    def _log(inferred: Iterable[str]) -> None:
        """Tell what the data told, to whom the logger ``unrolled`` tells it."""
        for sentence in inferred:
            logging.getLogger("unrolled").info(sentence)

    def _learned(self) -> str:
        """What a fitted estimator knows, in a few words."""
        return ""

    def __repr__(self) -> str:
        given = self.get_params()
        shown = [f"{name}={given[name]!r}" for name, default in self._defaults().items() if given[name] != default]
        plain = f"{type(self).__name__}({', '.join(shown)})"
        return f"<fitted {plain}: {self._learned()}>" if hasattr(self, "_config") else plain
