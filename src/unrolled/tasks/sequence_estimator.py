"""What the estimators of whole sequences share: reading, keeping some back, saving."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.labels import Labels
from unrolled.codecs.scaling import Standardization
from unrolled.data.sequences import read_sequences
from unrolled.errors import InputError
from unrolled.runtime.encoder import EncoderShape
from unrolled.runtime.model_file import ModelFile, decode_config, write_model
from unrolled.runtime.stack import StackShape
from unrolled.tasks.checks import chosen_seed
from unrolled.tasks.estimator import Estimator
from unrolled.tasks.sequence_model import SequenceConfig, SequenceModel, fit_model
from unrolled.tasks.sequence_settings import SEQUENCE_CELLS, SequenceSettings

if TYPE_CHECKING:
    from unrolled.training.encode import Loss
    from unrolled.training.loop import Progress

__all__ = ["SequenceEstimator", "Wanted"]

Values = NDArray[np.float64]
Self = TypeVar("Self", bound="SequenceEstimator")


@dataclass(frozen=True)
class Wanted:
    """``y`` as a network is to learn it."""

    loss: Loss
    values: NDArray[Any]
    """Places of classes ``[N]``, or numbers ``[N, O]``."""
    outputs: int
    labels: Labels | None = None
    targets: list[Standardization] = field(default_factory=list[Standardization])
    weights: Values | None = None
    """Of each class."""
    flat: bool = True
    """Whether ``y`` is ``[N]``."""


class SequenceEstimator(Estimator):
    """Base of :class:`unrolled.SequenceClassifier` and :class:`unrolled.SequenceRegressor`."""

    _task: str
    _estimator_type: str
    callback: Callable[[Progress], object] | None

    @abstractmethod
    def _read_y(self, y: Any, settings: SequenceSettings) -> Wanted:
        """Check ``y`` and turn it into what the network learns."""

    @abstractmethod
    def _measure(self, y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
        """How good predictions are, by measure."""

    @abstractmethod
    def predict(self, X: Any) -> NDArray[Any]:
        """Predict for sequences."""

    def fit(self: Self, X: Any, y: Any) -> Self:
        """Learn from sequences and what is wanted of each; what was learned before is replaced only when all has gone well.

        Args:
            X: a list of arrays ``[T_i, C]`` (steps, numbers a step), one array ``[N, T, C]``, or a flat one ``[N, T]``.
            y: one answer a sequence.

        Raises:
            InputError: the data or a parameter will not do; the message names the culprit.
            TrainingError: the loss is not finite or exploded.
            MissingExtraError: torch is not installed.
        """
        settings = SequenceSettings.check(self.get_params())
        sequences = read_sequences(X)
        if y is None:
            raise InputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            warnings.warn("y is a column [N, 1]; it was read as [N]", UserWarning, stacklevel=2)
            y = y[:, 0]
        if y.ndim not in (1, 2):
            raise InputError(f"y has shape {list(y.shape)}, expected [N] or [N, O]: an answer for each sequence")
        if len(y) != len(sequences):
            raise InputError(
                f"there are {len(sequences)} sequences and {len(y)} answers (inconsistent numbers of samples)"
            )
        wanted = self._read_y(y, settings)
        seed = chosen_seed(settings.random_state)
        stack = StackShape(
            SEQUENCE_CELLS[settings.cell], sequences[0].shape[1], settings.hidden_size, settings.num_layers,
            settings.bidirectional,
        )  # fmt: skip
        shape = EncoderShape(stack, settings.pooling, wanted.outputs)
        kept_back = _keep_back(wanted, settings.validation_fraction, seed)
        fitting = fit_model(
            sequences, wanted.values, shape, wanted.loss, settings, seed, self.callback, kept_back=kept_back,
            class_weights=wanted.weights,
        )  # fmt: skip
        config = SequenceConfig(
            settings, seed, shape, fitting.model.channels, wanted.labels, wanted.targets, wanted.flat, None, fitting.losses,
            fitting.validation_losses, fitting.epochs,
        )  # fmt: skip
        self._adopt(config, fitting.model)
        if len(kept_back):
            found = self._measure(y[kept_back], self.predict([sequences[n] for n in kept_back]))
            self._config = msgspec.structs.replace(config, validation=found)
            self.validation_ = found
        return self

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Measures of the predictions for ``X`` against ``y``, by name."""
        predicted = self.predict(X)
        y = np.asarray(y)
        if y.ndim == 2 and predicted.ndim == y.shape[1] == 1:
            y = y[:, 0]
        if y.shape != predicted.shape:
            raise InputError(f"y has shape {list(y.shape)}, the predictions have {list(predicted.shape)}")
        return self._measure(y, predicted)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all; ``callback`` is not in it."""
        config = self._fitted()
        write_model(path, self._task, config, self.model_.tensors())

    @classmethod
    def from_model_file(cls: type[Self], model_file: ModelFile) -> Self:
        """The estimator a model file holds; :func:`unrolled.load` reads the file first."""
        config = decode_config(model_file, SequenceConfig)
        known = cls._defaults()
        given = {name: getattr(config.settings, name) for name in config.settings.__struct_fields__ if name in known}
        if isinstance(given.get("class_weight"), list):
            given["class_weight"] = dict(given["class_weight"])
        estimator = cls(**given)
        estimator._adopt(config, SequenceModel.restore(model_file, config))
        return estimator

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only it calls this."""
        utils = import_module("sklearn.utils")
        kind = self._estimator_type
        tags = {f"{kind}_tags": getattr(utils, f"{kind.capitalize()}Tags")()}
        target = utils.TargetTags(required=True, multi_output=True)
        return utils.Tags(kind, target, input_tags=utils.InputTags(three_d_array=True), **tags)

    def _adopt(self, config: SequenceConfig, model: SequenceModel) -> None:
        self._config = config
        self.model_ = model
        self.n_channels_in_ = config.shape.stack.inputs
        self.losses_ = config.losses
        self.validation_losses_ = config.validation_losses
        self.epochs_ = config.epochs
        self.validation_ = config.validation
        self.seed_ = config.seed

    def _fitted(self) -> SequenceConfig:
        if not hasattr(self, "_config"):
            raise InputError(f"this {type(self).__name__} is not fitted yet; call fit(X, y) first")
        return self._config

    def _read(self, X: Any) -> list[Values]:
        return read_sequences(X, channels=self._fitted().shape.stack.inputs)


def _keep_back(wanted: Wanted, fraction: float, seed: int) -> NDArray[np.int64]:
    """Sequences that choose the epoch: a share of all, of each class alike; none where there are too few."""
    N = len(wanted.values)
    if fraction == 0 or N < 10:
        return np.zeros(0, np.int64)
    generator = np.random.default_rng(seed)
    if wanted.loss != "one_of":
        return np.sort(generator.permutation(N)[: max(1, round(fraction * N))])
    chosen: list[int] = []
    for place in range(wanted.outputs):
        own = np.flatnonzero(wanted.values == place)
        chosen += generator.permutation(own)[: int(fraction * len(own) + 0.5) if len(own) > 1 else 0].tolist()
    return np.sort(np.array(chosen, np.int64))
