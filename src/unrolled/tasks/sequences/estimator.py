"""What the sequence estimators share: reading, validation data, saving."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import InputCodec, NumberCodec
from unrolled.data.containers import is_frame
from unrolled.data.example_file import ReadOptions, TargetLevel
from unrolled.errors import InputError
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder import EncoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.networks.tagger import TaggerConfig
from unrolled.parameters.amount import Amount
from unrolled.parameters.declaration import require
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.agreement import require_same
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.item_estimator import ItemEstimator
from unrolled.tasks.sequences.combination import folds, has_linear_part, with_linear_part
from unrolled.tasks.sequences.fitting import EncodedTargets, fit_codec, fit_model, known_targets, taught_by, widths
from unrolled.tasks.sequences.model import SequenceConfig, SequenceModel, check_inputs, check_linear_part
from unrolled.tasks.sequences.parameters import SequenceParameters, sequence_training
from unrolled.tasks.sequences.reading import Given, read_as_trained, read_to_learn
from unrolled.tasks.sequences.targets import join_targets, read_sample_weight

if TYPE_CHECKING:
    from unrolled.training.taught import Taught
else:
    Taught = Any

__all__ = ["SequenceEstimator"]

Self = TypeVar("Self", bound="SequenceEstimator")


class SequenceEstimator(ItemEstimator):
    """Base of :class:`unrolled.SequenceClassifier`, :class:`unrolled.SequenceRegressor` and :class:`unrolled.SequenceTagger`."""

    _config_type = SequenceConfig
    _target_level: ClassVar[Literal["sequence", "step"]] = "sequence"
    """Whether each item has a target, or each of its steps."""
    _noun: ClassVar[str]
    """What a target is, in one word."""
    _plural: ClassVar[str] = "s"

    @abstractmethod
    def _read_y(self, y: Any, items: Sequence[Any]) -> Any:
        """Check ``y``, which is not None: an array, or a list of tags for each item."""

    @abstractmethod
    def _encode_targets(self, y: Any, settings: Any) -> EncodedTargets:
        """Encode ``y``, once it is checked, as the networks learn it."""

    @staticmethod
    @abstractmethod
    def _loss(encoded: EncodedTargets) -> Any:
        """The mean loss of a batch of :class:`unrolled.training.examples.Examples`, given the module."""

    @staticmethod
    def _shape(
        stack: StackConfig, tokens: EmbeddingConfig | None, outputs: int, settings: Any
    ) -> EncoderConfig | TaggerConfig:
        """The network's sizes, unless a subclass says otherwise those of one that pools over time."""
        return EncoderConfig(stack, settings.pooling, outputs, tokens)

    @staticmethod
    @abstractmethod
    def _outputs(config: SequenceConfig, settings: Any) -> int:
        """How many numbers the network puts out to what the configuration says is predicted.

        Raises:
            InputError: it says what an estimator of this class does not predict.
        """

    def _predictions(self, outputs: Values) -> Any:
        """What the averaged outputs ``[N, O]`` of networks and linear part say; only estimators that have such call it."""
        raise NotImplementedError

    def _measures(self, y: Any, predicted: Any) -> dict[str, float]:
        """Measures of predictions compared with ``y``, by name; likewise."""
        raise NotImplementedError

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Predictions for the items."""

    @abstractmethod
    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """Measures of the predictions for ``X`` compared with ``y``, by name."""

    def fit(
        self: Self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        label: str | None = None,
        text: str | None = None,
        series: str | None = None,
        features: Sequence[str] = (),
        validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train on items and their targets. A previous model is replaced only after the training has succeeded.

        Args:
            X: a list of arrays ``[T_i, C]`` (steps, features) or of frames with one column per feature, one array
                ``[N, T, C]``, or an array ``[N, T]``; a list of texts or of tokenised texts; a list of recordings
                (:class:`unrolled.data.wav.Waveform`). Or a single pandas, polars or pyarrow frame with one text per
                row, one step per row, or one sequence per row with a column for each step; its columns are inferred if
                there is only one candidate, ``inferred_`` says so, and ``predict`` finds them by name.
            y: the target of each item; None if it is a column of the frame.
            sample_weight: how much each item counts in the training and in the validation loss, ``[N]``; measures such as
                the accuracy count all items alike.
            label: the target column of a frame.
            text: the text column of a frame.
            series: the column with the names of the sequences, for a frame whose rows are steps; if there is a time
                column, the steps are sorted by it.
            features: the numeric columns of a frame to use.
            validation: validation data ``(X, y)``, or a frame with the same columns, with which to choose the best
                epoch, instead of ``validation_fraction``.
            checkpoint: a file in which the training is saved after each epoch, at most every ten seconds, until
                :meth:`save` has written the model. If it already exists, the training resumes from it, and the result
                has the same bits as if it had never stopped.

        Raises:
            InputError: the data or a parameter is invalid, or the checkpoint belongs to others; the message names the
                culprit.
            TrainingError: the loss is not finite or has exploded.
            MissingExtraError: torch is not installed.
        """
        settings = self._checked()
        given = read_to_learn(X, y, ReadOptions(label, text, series, _names(features)), self._target_level)
        items, y = given.items, self._read_y(self._required_y(given), given.items)
        learned = len(items)
        if learned < 2 and self._target_level == "sequence":
            raise InputError(f"there is {learned} sequence ({learned} sample), need at least 2 to learn from")
        if validation is not None:
            others = self._validation(validation, given)
            items, y = [*items, *others.items], join_targets(y, self._read_y(self._required_y(others), others.items))
        encoded = self._encode_targets(y, settings)
        if sample_weight is not None:
            counts = read_sample_weight(sample_weight, learned)
            counts = np.concatenate([counts, np.ones(len(items) - learned, np.float32)])  # what validates counts alike
            encoded = replace(encoded, counts=counts)
        data = (items, encoded.values) if validation is None else (items, encoded.values, learned)
        data = data if encoded.counts is None else (*data, encoded.counts)
        return self._train(replace(given, items=items, y=encoded, learned=learned), data, settings, checkpoint)

    def _learn(self, data: Given, settings: Any, context: FitContext) -> tuple[SequenceConfig, SequenceModel]:
        items, encoded, learned = data.items, data.y, data.learned
        training = sequence_training(settings, learned)
        if len(items) == learned:
            kept_back = _keep_back(encoded, training.validation_fraction, context.seed)
        else:
            training = replace(training, validation_fraction=0.0)
            kept_back = np.arange(learned, len(items))
            _check_known(encoded, learned)
        used = np.setdiff1d(np.arange(len(items)), kept_back)
        for part, called in ((used, "learned from"), (kept_back, "kept back")):
            if encoded.counts is not None and len(part) and not encoded.counts[part].any():
                raise InputError(
                    f"sample_weight is zero for every sequence that is {called}; choose others with validation="
                )
        codec = fit_codec([items[n] for n in used], data.kind, settings)
        shape = self._network(codec, encoded.outputs, settings)
        inferred = [*data.inferred, str(Amount.of(training, learned))]
        self._log(inferred)
        combined = has_linear_part(settings, codec, encoded, len(used))
        left_open = settings.validation_fraction is None and not len(kept_back)
        left_out = folds(encoded, training.members, context.seed) if combined and left_open else []
        fitting = fit_model(
            items, encoded, shape, codec, training, context, self._loss(encoded), kept_back=kept_back, left_out=left_out
        )
        model, judged = fitting.model, None
        if combined:
            model, judged = with_linear_part(
                model, items, encoded, context.seed, kept_back=kept_back, left_out=left_out
            )
            inferred += [f"networks count {model.networks:.0%}, random convolutions {1 - model.networks:.0%}"]
            self._log(inferred[-1:])
        config = SequenceConfig(
            settings=context.settings, seed=context.seed, learned=learned, inferred=inferred, losses=fitting.losses, shape=shape,
            inputs=codec, labels=encoded.labels, targets=encoded.targets, flat=encoded.flat, scheme=encoded.scheme,
            validation_losses=fitting.validation_losses, epochs=fitting.epochs, columns=data.columns,
            convolutions=model.convolutions, networks=model.networks,
        )  # fmt: skip
        if not len(kept_back) and judged is None:
            return config, model
        self._adopt(settings, config, model)
        if judged is None:
            found = self.evaluate([items[n] for n in kept_back], [encoded.given[n] for n in kept_back.tolist()])
        else:
            true = [encoded.given[n] for n in judged.places.tolist()]
            found = self._measures(true, self._predictions(judged.outputs))
        return msgspec.structs.replace(config, validation=found), model

    @classmethod
    def _restore(cls, model_file: ModelFile, config: SequenceConfig, settings: SequenceParameters) -> SequenceModel:
        check_inputs(config.inputs, settings)
        require_same("shape", config.shape, cls._network(config.inputs, cls._outputs(config, settings), settings))
        check_linear_part(config, settings)
        networks = settings.members or len(config.epochs)
        require("epochs", config.epochs, networks > 0, "one number a network")
        training = sequence_training(replace(settings, members=networks), config.learned)
        return SequenceModel.restore(model_file, config, training)

    @classmethod
    def _network(cls, codec: InputCodec, outputs: int, settings: SequenceParameters) -> EncoderConfig | TaggerConfig:
        """The sizes that follow from what is read, what is predicted, and the parameters."""
        inputs, tokens = widths(codec, settings)
        stack = StackConfig.of(settings, inputs, bidirectional=settings.bidirectional)
        return cls._shape(stack, tokens, outputs, settings)

    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        items, given = self._read_with_y(X, y)
        encoded = known_targets(self._read_y(given, items), self._fitted())
        return taught_by(self.model_, member, items, encoded, self._settings, self._loss(encoded))

    def _feature_names(self) -> Sequence[str]:
        return self.columns_.features if self.columns_ is not None else ()

    def _learned(self) -> str:
        count = self._fitted().shape.outputs
        return f"from {self.item_kind_} to {count} {self._noun}" + ("" if count == 1 else self._plural)

    def _read(self, X: Any, y: Any = None, target_level: TargetLevel = "none") -> Given:
        codec = self._fitted().inputs
        channels = len(codec.channels) if isinstance(codec, NumberCodec) else None
        return read_as_trained(X, y, self.item_kind_, channels, self.columns_, target_level)

    def _read_with_y(self, X: Any, y: Any) -> tuple[list[Any], Any]:
        """Items and what is true of them as the user has it, which a column of a frame may say."""
        given = self._read(X, y, self._target_level)
        return given.items, self._required_y(given)

    def _required_y(self, given: Given) -> Any:
        if given.y is None:
            raise InputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        return given.y

    def _validation(self, validation: Any, learned: Given) -> Given:
        """What validates, read as what is learned from was."""
        pair: Any = (validation, None) if is_frame(validation) else validation
        if not isinstance(pair, tuple | list) or len(cast("list[Any]", pair)) != 2:
            raise InputError("validation is no pair of items and their targets: give (X, y), or a frame")
        X, y = cast("list[Any]", pair)
        channels = learned.items[0].shape[1] if learned.kind == "numbers" else None
        others = read_as_trained(X, y, learned.kind, channels, learned.columns, self._target_level)
        if hasattr(others.y, "__len__") and len(others.items) != len(others.y):
            raise InputError(f"validation has {len(others.items)} items and {len(others.y)} targets: expected as many")
        return others


def _names(features: Sequence[str]) -> tuple[str, ...]:
    return (features,) if isinstance(features, str) else tuple(features)


def _check_known(encoded: EncodedTargets, learned: int) -> None:
    """Check that what is validated could be learned."""
    if encoded.labels is None:
        return
    places = [np.unique(each) for each in encoded.values]
    unknown = set(np.concatenate(places[learned:])) - set(np.concatenate(places[:learned]))
    if unknown:
        label = encoded.labels.values[min(unknown)]
        raise InputError(f"validation holds {label!r}, which no item that is learned from has: leave it out")


def _keep_back(encoded: EncodedTargets, fraction: float, seed: int) -> NDArray[np.int64]:
    """Items that choose the epoch: a share of all, of each class alike; none where there are too few."""
    N = len(encoded.values)
    if fraction == 0 or N < 10:
        return np.zeros(0, np.int64)
    generator = np.random.default_rng(seed)
    if not encoded.stratified:
        return np.sort(generator.permutation(N)[: max(1, round(fraction * N))])
    chosen: list[int] = []
    for place in range(encoded.outputs):
        own = np.flatnonzero(np.asarray(encoded.values) == place)
        chosen += generator.permutation(own)[: int(fraction * len(own) + 0.5) if len(own) > 1 else 0].tolist()
    return np.sort(np.array(chosen, np.int64))
