"""What the estimators of whole sequences share: reading, keeping some back, saving."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import AudioCodec, NumberCodec
from unrolled.codecs.tokens import TokenCodec
from unrolled.data.items import Kind, kind_of, read_items
from unrolled.errors import InputError
from unrolled.runtime.encoder import EncoderShape
from unrolled.runtime.model_file import ModelFile, decode_config
from unrolled.runtime.reader import TokenShape
from unrolled.runtime.stack import StackShape
from unrolled.runtime.tagger import TaggerShape
from unrolled.tasks.checks import chosen_seed
from unrolled.tasks.estimator import Estimator
from unrolled.tasks.sequence_fitting import Wanted, fit_codec, fit_model, widths
from unrolled.tasks.sequence_model import SequenceConfig, SequenceModel
from unrolled.tasks.sequence_settings import SEQUENCE_CELLS, SequenceSettings

if TYPE_CHECKING:
    from unrolled.training.checkpoint import Checkpoint
    from unrolled.training.loop import Progress

__all__ = ["SequenceEstimator"]

Self = TypeVar("Self", bound="SequenceEstimator")


class SequenceEstimator(Estimator):
    """Base of :class:`unrolled.SequenceClassifier`, :class:`unrolled.SequenceRegressor` and :class:`unrolled.SequenceTagger`."""

    _task: str
    _estimator_type: str
    callback: Callable[[Progress], object] | None

    @abstractmethod
    def _read_y(self, y: Any, items: Sequence[Any], settings: SequenceSettings) -> Wanted:
        """Check ``y``, which is not None, and turn it into what the networks learn."""

    @abstractmethod
    def _shape(
        self, stack: StackShape, tokens: TokenShape | None, wanted: Wanted, settings: SequenceSettings
    ) -> EncoderShape | TaggerShape:
        """The network's sizes."""

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Predict for items."""

    @abstractmethod
    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Measures of the predictions for ``X`` against ``y``, by name."""

    def fit(
        self: Self,
        X: Any,
        y: Any,
        *,
        validation: tuple[Any, Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from items and what is wanted of each; what was learned before is replaced only when all has gone well.

        Args:
            X: a list of arrays ``[T_i, C]`` (steps, numbers a step), one array ``[N, T, C]``, or a flat one ``[N, T]``; a list of
                texts, or of texts in tokens; a list of recordings (:class:`unrolled.data.wav.Waveform`).
            y: what is wanted of each item.
            validation: items and what is wanted of them, that choose the epoch in place of ``validation_fraction``.
            checkpoint: a file that keeps the training after each epoch, or every ten seconds, until :meth:`save` has written
                the model. Where it is there already, the training goes on from it to the same bits as if it had never stopped.

        Raises:
            InputError: the data or a parameter will not do, or the checkpoint is of others; the message names the culprit.
            TrainingError: the loss is not finite or exploded.
            MissingExtraError: torch is not installed.
        """
        from unrolled.training.checkpoint import resumable

        settings = SequenceSettings.check(self.get_params())
        kind = kind_of(X)
        items = read_items(X, kind=kind)
        if y is None:
            raise InputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        learned = len(items)
        if validation is not None:
            items, y = _joined(items, y, validation, kind)
        wanted = self._read_y(y, items, settings)
        seed = chosen_seed(settings.random_state)
        data = (items, wanted.values) if validation is None else (items, wanted.values, learned)
        with resumable(checkpoint, self._task, settings, data, seed) as saved:
            if validation is None:
                kept_back = _keep_back(wanted, settings.validation_fraction, saved.seed)
            else:
                kept_back = np.arange(learned, len(items))
                _check_known(wanted, learned)
            self._learn(items, wanted, kept_back, kind, settings, saved)
        self._checkpoint = saved.kept
        return self

    def _learn(
        self,
        items: list[Any],
        wanted: Wanted,
        kept_back: NDArray[np.int64],
        kind: Kind,
        settings: SequenceSettings,
        checkpoint: Checkpoint,
    ) -> None:
        """Learn and become what was learned."""
        seed = checkpoint.seed
        used = np.setdiff1d(np.arange(len(items)), kept_back)
        codec = fit_codec([items[n] for n in used], kind, settings)
        inputs, tokens = widths(codec, settings)
        cell = SEQUENCE_CELLS[settings.cell]
        stack = StackShape(cell, inputs, settings.hidden_size, settings.num_layers, settings.bidirectional)
        shape = self._shape(stack, tokens, wanted, settings)
        fitting = fit_model(items, wanted, shape, codec, settings, checkpoint, self.callback, kept_back=kept_back)
        config = SequenceConfig(
            settings, seed, shape, codec, wanted.labels, wanted.targets, wanted.flat, wanted.scheme, None, fitting.losses,
            fitting.validation_losses, fitting.epochs,
        )  # fmt: skip
        self._adopt(config, fitting.model)
        if len(kept_back):
            found = self.evaluate([items[n] for n in kept_back], [wanted.given[n] for n in kept_back.tolist()])
            self._config = msgspec.structs.replace(config, validation=found)
            self.validation_ = found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all; ``callback`` is not in it."""
        config = msgspec.structs.replace(self._fitted(), columns=self.columns_)
        self._write(path, self._task, config, self.model_.tensors())

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
        if isinstance(config.inputs, NumberCodec):
            self.n_channels_in_ = config.shape.stack.inputs
        self.losses_ = config.losses
        self.validation_losses_ = config.validation_losses
        self.epochs_ = config.epochs
        self.validation_ = config.validation
        self.seed_ = config.seed
        self.columns_ = config.columns

    @property
    def item_kind_(self) -> Kind:
        """What items are: ``numbers``, ``text``, ``tokens`` or ``audio``."""
        codec = self._fitted().inputs
        if isinstance(codec, TokenCodec):
            return "tokens" if codec.splitting == "given" else "text"
        return "audio" if isinstance(codec, AudioCodec) else "numbers"

    def _fitted(self) -> SequenceConfig:
        if not hasattr(self, "_config"):
            raise InputError(f"this {type(self).__name__} is not fitted yet; call fit(X, y) first")
        return self._config

    def _read(self, X: Any) -> list[Any]:
        codec = self._fitted().inputs
        channels = len(codec.channels) if isinstance(codec, NumberCodec) else None
        return read_items(X, kind=self.item_kind_, channels=channels)


def _joined(items: list[Any], y: Any, validation: tuple[Any, Any], kind: Kind) -> tuple[list[Any], list[Any]]:
    """Items and answers, those that validate last."""
    channels = items[0].shape[1] if kind == "numbers" else None
    others = read_items(validation[0], kind=kind, channels=channels)
    if len(others) != len(validation[1]):
        raise InputError(f"validation has {len(others)} items and {len(validation[1])} answers: expected as many")
    return [*items, *others], [*y, *validation[1]]


def _check_known(wanted: Wanted, learned: int) -> None:
    """Check that what is validated could be learned."""
    if wanted.labels is None:
        return
    places = [np.unique(each) for each in wanted.values]
    unknown = set(np.concatenate(places[learned:])) - set(np.concatenate(places[:learned]))
    if unknown:
        label = wanted.labels.values[min(unknown)]
        raise InputError(f"validation holds {label!r}, which no item that is learned from has: leave it out")


def _keep_back(wanted: Wanted, fraction: float, seed: int) -> NDArray[np.int64]:
    """Items that choose the epoch: a share of all, of each class alike; none where there are too few."""
    N = len(wanted.values)
    if fraction == 0 or N < 10:
        return np.zeros(0, np.int64)
    generator = np.random.default_rng(seed)
    if wanted.loss != "one_of":
        return np.sort(generator.permutation(N)[: max(1, round(fraction * N))])
    chosen: list[int] = []
    for place in range(wanted.outputs):
        own = np.flatnonzero(np.asarray(wanted.values) == place)
        chosen += generator.permutation(own)[: int(fraction * len(own) + 0.5) if len(own) > 1 else 0].tolist()
    return np.sort(np.array(chosen, np.int64))
