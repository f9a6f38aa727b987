"""What all estimators are: parameters that can be read, changed and shown; a fit that can be resumed; a model file."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, cast, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Size
from unrolled.errors import InputError, MissingExtraError
from unrolled.parameters.declaration import (
    Parameter,
    Parameters,
    bare_type,
    checked,
    declared,
    described,
    parameter_values,
    require,
    search_space,
    shared_values,
)
from unrolled.progress import TrainingBar, person_watches
from unrolled.runtime.engine import Storage, stores_halves
from unrolled.runtime.kept_file import KeptFile
from unrolled.runtime.model_file import ModelFile, decode_config, fitting, write_model
from unrolled.runtime.place import refuse_inputs
from unrolled.tasks import task_of
from unrolled.tasks.scikit_learn import ForScikitLearn
from unrolled.tasks.weights_loss import Told, WeightsLoss, weights_loss

if TYPE_CHECKING:
    from unrolled.parameters.training import TrainingParameters
    from unrolled.training.checkpoint import Checkpoint
    from unrolled.training.options import TrainingOptions
    from unrolled.training.progress import Progress
    from unrolled.training.taught import Taught
else:
    Checkpoint = Progress = Taught = Any

__all__ = ["Estimator", "FitContext", "FittedConfig"]

Self = TypeVar("Self", bound="Estimator")


class FittedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every fitted estimator knows of itself beside its arrays; a family adds its own."""

    settings: dict[str, Any]
    """The parameters."""
    seed: Size
    inferred: list[str]
    """One sentence for each thing inferred from the data."""
    losses: list[float]


@dataclass(frozen=True)
class FitContext:
    """A training under way: with which parameters, where it is kept, whom it reports to."""

    settings: dict[str, Any]
    """The parameters as a model file has them."""
    checkpoint: Checkpoint
    callback: Callable[[Progress], object] | None

    @property
    def seed(self) -> int:
        """The seed of this fit, or of the one that is resumed."""
        return self.checkpoint.seed

    def options(self, parameters: TrainingParameters, member: int = 0) -> TrainingOptions:
        """How one network of the ensemble is trained."""
        from unrolled.training.options import TrainingOptions

        return TrainingOptions(
            **shared_values(parameters, TrainingOptions),
            seed=self.seed + member,
            callback=self.callback,
            checkpoint=self.checkpoint,
        )


class Estimator(ForScikitLearn, Parameters, repr=False, eq=False):
    """Base of all estimators.

    A subclass inherits its groups of parameters (:mod:`unrolled.parameters`), names the class of its parameters and that of its
    configuration, and says how it reads, learns, predicts and is restored.
    """

    _parameters: ClassVar[type[Parameters]]
    """The group that holds all parameters a model file keeps."""
    _config_type: ClassVar[type[FittedConfig]]
    _fit_call: ClassVar[str] = "fit(data)"

    _title = "Progress"
    _files = frozenset[Path]()
    """Those that were read, which ``save`` must not replace."""
    _checkpoint = cast("KeptFile | None", None)
    """What the fit kept; it goes when the model has been saved."""

    verbose: Annotated[
        bool | None,
        Parameter(
            "Whether the progress of training is shown on stderr.",
            unset="in a terminal or notebook, unless there is a callback",
            flag=None,
        ),
    ] = None
    callback: Annotated[
        Callable[[Progress], object] | None,
        Parameter(
            "Called with an unrolled.training.progress.Progress after every training step; a context manager, such as"
            " an insight.Watcher, is entered for as long as the fit runs.",
            unset="nothing",
            flag=None,
        ),
    ] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(repr=False, eq=False)
        hints = get_type_hints(cls, include_extras=True)
        init: Any = cls.__init__
        init.__annotations__ = {name: bare_type(hints.get(name, None)) for name in init.__annotations__}
        if cls.__doc__ and "    Attributes:" in cls.__doc__:
            arguments = "\n".join(f"    {line}".rstrip() for line in described(cls).splitlines())
            cls.__doc__ = cls.__doc__.replace("    Attributes:", f"{arguments}\n\n    Attributes:", 1)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; ``deep`` exists because scikit-learn passes it, but no parameter is an estimator."""
        return {name: getattr(self, name) for name in declared(type(self))}

    def set_params(self: Self, **params: Any) -> Self:
        """Change parameters and return self; the fitted model stays until the next ``fit``.

        Raises:
            InputError: there is no such parameter; the message lists the known ones.
        """
        known = declared(type(self))
        for name in params:
            if name not in known:
                raise InputError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    @abstractmethod
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train on data and return self; a previous model is replaced only after the training has succeeded."""

    @abstractmethod
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predictions for data like those of ``fit``."""

    @abstractmethod
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measures of the predictions compared with what is true."""

    def network_loss(self, X: Any, y: Any = None, member: int = 0) -> Taught:
        """One network of the fitted estimator as a torch module in evaluation mode, and what computes the loss of its fit over
        all of the data at once; for who looks inside (:mod:`unrolled.insight`).

        It is the loss by which epochs are compared: without weights of classes, smoothed labels, or symbols of the network's own.

        Args:
            X: the data, as :meth:`evaluate` takes them.
            y: what is true of them, where there is such: for a generator what its pieces are to be, for forecasters and detectors
                nothing.
            member: the number of the network, from 0.

        Raises:
            InputError: not fitted, there is no such network, or the data do not fit.
            MissingExtraError: torch is not installed.
        """
        self._fitted()
        try:
            import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
        except ImportError:
            raise MissingExtraError(f"insight into a {type(self).__name__}", "torch", "train") from None
        count = self._networks_apart()
        one = "0 to " * (count > 1) + str(count - 1)
        require("member", member, member in range(count), one)
        return self._taught(X, y, member)

    def with_weights(self: Self, weights: Storage | None) -> Self:
        """The same model with the matrices of its networks stored otherwise, to predict with; a file of it stays float32.

        Matrices of recurrent layers, and dense ones of at least 65,536 numbers, are rounded to the nearest bfloat16 once and
        widened in the product, which stays one of float32. They take half the memory, and where a few sequences meet large
        layers less time; :meth:`weights_loss` says what it costs.

        Args:
            weights: ``"bfloat16"``, or None: as they were learned.

        Raises:
            InputError: not fitted, there is no such storage, or the model has no network.

        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.normal(size=(20, 5, 1)), [0, 1] * 10
        >>> from unrolled import SequenceClassifier
        >>> exact = SequenceClassifier(members=1, max_epochs=1, random_state=0).fit(X, y)
        >>> print(exact.with_weights("bfloat16").weights_loss(X))
        weights as bfloat16 instead of float32: ...
        """
        self._fitted()
        stores_halves(weights, np.dtype(np.float32))
        other = copy(self)
        other.model_ = self._stored_as(weights)
        return other

    def weights_loss(self, X: Any = None, y: Any = None) -> WeightsLoss:
        """How far the answers to data are from those of float32 weights: both are computed.

        Args:
            X: the data, as :meth:`predict` takes them; a forecaster needs none to continue the series it learned from.
            y: of a generator the conditions of its pieces, of a forecaster the columns known in advance, where there are
                such; otherwise nothing.

        Raises:
            InputError: not fitted, the weights are those of float32, or the data do not fit.
        """
        self._fitted()
        if self._stored() is None:
            raise InputError("the weights are those that were learned: with_weights('bfloat16') stores others")
        return weights_loss(self._numbers_and_answers(X, y), self.with_weights(None)._numbers_and_answers(X, y))

    @classmethod
    def search_space(cls) -> dict[str, list[Any]]:
        """Values worth trying of the parameters that are worth tuning, as scikit-learn's searches take them."""
        return search_space(cls)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all, and then remove the checkpoint of its training; ``callback`` is not
        saved.

        Raises:
            InputError: not fitted, or ``path`` is a folder, or a file that the data were read from.
            OSError: the system refused; an older file is intact.
        """
        config = self._fitted()
        refuse_inputs(path, self._files)
        write_model(path, task_of(type(self).__name__), config, self._tensors())
        if self._checkpoint is not None:
            self._checkpoint.remove()
            self._checkpoint = None

    @classmethod
    def from_model_file(cls: type[Self], model_file: ModelFile) -> Self:
        """The estimator in a model file that :func:`unrolled.load` has read."""
        config = decode_config(model_file, cls._config_type)
        with fitting(model_file):
            settings = _restored(cls._parameters, config.settings)
            model = cls._restore(model_file, config, settings)
        return cls(**cls._arguments(settings))._adopt(settings, config, model)

    def __repr__(self) -> str:
        given = self.get_params()
        known = declared(type(self)).values()
        shown = [f"{each.name}={given[each.name]!r}" for each in known if given[each.name] != each.default]
        plain = f"{type(self).__name__}({', '.join(shown)})"
        return f"<fitted {plain}: {self._learned()}>" if hasattr(self, "_config") else plain

    # What a family of estimators says.

    @abstractmethod
    def _learn(self, data: Any, settings: Any, context: FitContext) -> tuple[Any, Any]:
        """Train; returns the configuration and the model."""

    @classmethod
    @abstractmethod
    def _restore(cls, model_file: ModelFile, config: Any, settings: Any) -> Any:
        """The model in a file, whose configuration is checked against the parameters and against itself.

        Raises:
            InputError: naming what does not fit.
        """

    @abstractmethod
    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        """What :meth:`network_loss` returns, of an estimator that is fitted and has such a network."""

    def _networks_apart(self) -> int:
        """How many networks there are that learned apart from each other."""
        return len(self.model_.members)

    @abstractmethod
    def _learned(self) -> str:
        """What a fitted estimator knows, in a few words."""

    @classmethod
    def _arguments(cls, settings: Any) -> dict[str, Any]:
        """Parameters as the constructor takes them."""
        return parameter_values(settings)

    def _tensors(self) -> Mapping[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        return self.model_.tensors()

    @abstractmethod
    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        """What :meth:`weights_loss` compares."""

    def _stored(self) -> Storage | None:
        """What the matrices of the networks are stored as."""
        return self.model_.weights

    def _stored_as(self, weights: Storage | None) -> Any:
        """The model with them stored otherwise."""
        return replace(self.model_, weights=weights)

    # What follows from it.

    def _checked(self) -> Any:
        """The parameters, checked, as a group of their own."""
        verbose = self.verbose
        require("verbose", verbose, verbose in (None, False, True), "True, False or None")
        return checked(self._parameters, self.get_params())

    def _train(self: Self, data: Any, fingerprinted: Any, settings: Any, checkpoint: Any) -> Self:
        """Learn from data that were read, and become what was learned: what every ``fit`` ends in.

        Args:
            data: what :meth:`_learn` takes.
            fingerprinted: of it, what a checkpoint must have been begun with, too.
            settings: the parameters, checked.
            checkpoint: a path, or None.
        """
        try:
            import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
        except ImportError:
            raise MissingExtraError(f"fitting a {type(self).__name__}", "torch", "train") from None
        from unrolled.training.checkpoint import resumable

        drawn = int(np.random.SeedSequence().generate_state(1)[0])
        seed = drawn if settings.random_state is None else settings.random_state
        kept = msgspec.json.decode(msgspec.json.encode(settings))
        with (
            resumable(checkpoint, task_of(type(self).__name__), kept, fingerprinted, seed) as saved,
            self._watching() as callback,
        ):
            config, model = self._learn(data, settings, FitContext(kept, saved, callback))
        self._adopt(settings, config, model)
        self._checkpoint = saved.kept
        return self

    def _adopt(self: Self, settings: Any, config: Any, model: Any) -> Self:
        """Become a fitted estimator."""
        self._settings = settings
        self._config = config
        self.model_ = model
        self.inferred_ = config.inferred
        self.losses_ = config.losses
        self.seed_ = config.seed
        return self

    def _fitted(self) -> Any:
        """The configuration.

        Raises:
            InputError: there is none yet.
        """
        if not hasattr(self, "_config"):
            raise self._unfitted(self._fit_call)
        return self._config

    def _remember(self, data: Any) -> None:
        """Keep in mind what is read, if it is a file."""
        if isinstance(data, str | os.PathLike):
            self._files |= {Path(data).absolute()}

    @contextmanager
    def _watching(self) -> Generator[Callable[[Progress], object] | None, None, None]:
        """What a training calls after each step: the user's ``callback``, and a bar if somebody is to see one."""
        verbose, callback = self.verbose, self.callback
        entered: AbstractContextManager[Any] = (
            cast("Any", callback) if hasattr(callback, "__enter__") else nullcontext()
        )
        with (
            entered,
            TrainingBar(shown=callback is None and person_watches() if verbose is None else bool(verbose)) as bar,
        ):
            yield bar if callback is None else lambda progress: (callback(progress), bar(progress))

    @staticmethod
    def _log(inferred: Iterable[str]) -> None:
        """Tell what was inferred, to whom the logger ``unrolled`` tells it."""
        for sentence in inferred:
            logging.getLogger("unrolled").info(sentence)


def _restored(group: type[Parameters], stored: Mapping[str, Any]) -> Parameters:
    """Parameters from a model file; those it lacks have their defaults."""
    known = declared(group)
    for name in stored:
        require("settings", name, name in known, f"one of {', '.join(known)}")
    return checked(group, {name: stored.get(name, each.default) for name, each in known.items()})
