"""Classify whole sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.labels import Labels
from unrolled.errors import InputError
from unrolled.metrics.classes import accuracy, macro_f1
from unrolled.parameters.declaration import require
from unrolled.runtime.probabilities import sigmoid, softmax
from unrolled.tasks.sequences.estimator import SequenceEstimator
from unrolled.tasks.sequences.fitting import EncodedTargets
from unrolled.tasks.sequences.model import SequenceConfig
from unrolled.tasks.sequences.parameters import ClassifierParameters
from unrolled.tasks.sequences.targets import read_labels, require_comparable
from unrolled.tasks.weights_loss import Told

__all__ = ["SequenceClassifier"]


class SequenceClassifier(SequenceEstimator, ClassifierParameters):
    r"""Classify sequences: recurrent layers, pooling over time, one score per class.

    The networks are trained on the cross entropy :math:`-\log \mathrm{softmax}(s)_y` with Adam, and their probabilities
    are averaged. Equations: :mod:`unrolled.networks.encoder`. If ``y`` is an array ``[N, K]`` of zeros and ones, the K
    classes are not exclusive (multi-label), and each has its own probability.

    Attributes:
        validation_: accuracy and macro F1 on the validation sequences, or those that networks have left out, or None.
        losses_, validation_losses_: losses by epoch, of one member after the other.
        epochs_: the best epoch of each member.
        n_channels_in_: number of input features.
        inferred_: one sentence for everything inferred from a frame.
        seed_: the value of ``random_state``, or the seed drawn instead.
        model_: the model, a :class:`unrolled.tasks.sequences.model.SequenceModel`.

    >>> rng = np.random.default_rng(0)
    >>> rising = [np.linspace(0, 1, n) + 0.1 * rng.normal(size=n) for n in (20, 30, 25, 22, 28, 24)]
    >>> X, y = [*rising, *(-x for x in rising)], ["up"] * 6 + ["down"] * 6
    >>> classifier = SequenceClassifier(hidden_size=8, members=1, max_epochs=20, random_state=0).fit(X, y)
    >>> classifier.predict([np.linspace(0, 1, 40)]).tolist()
    ['up']
    """

    _parameters = ClassifierParameters
    _estimator_type = "classifier"
    _noun, _plural = "class", "es"

    @classmethod
    def _arguments(cls, settings: ClassifierParameters) -> dict[str, Any]:
        found = super()._arguments(settings)
        pairs: Any = settings.class_weight
        if isinstance(pairs, list):  # as a model file has them
            found["class_weight"] = dict(cast("list[tuple[Any, float]]", pairs))
        return found

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes in order; for multi-label targets their indices."""
        config = self._fitted()
        return np.arange(config.shape.outputs) if config.labels is None else config.labels.classes

    @property
    def multilabel_(self) -> bool:
        """Whether the classes are not exclusive (multi-label)."""
        return self._fitted().labels is None

    def predict_proba(self, X: Any) -> Values:
        """Probability of each class, ``[N, K]`` in the order of ``classes_``."""
        probabilities = sigmoid if self._fitted().labels is None else softmax
        return self.model_.mean_output(self._read(X).items, probabilities)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each sequence, ``[N]``; for multi-label targets zeros and ones ``[N, K]``."""
        return self._predictions(self.predict_proba(X))

    def score(self, X: Any, y: Any = None) -> float:
        """Accuracy: the share of sequences for which the class, or all classes, are right."""
        return self.evaluate(X, y)["accuracy"]

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        outputs = self.predict_proba(X)
        return Told("probabilities", outputs, self._predictions(outputs).tolist())

    def _predictions(self, outputs: Values) -> NDArray[Any]:
        labels = self._fitted().labels
        return (outputs > 0.5).astype(np.int64) if labels is None else labels.decode(outputs.argmax(1))

    @staticmethod
    def _loss(encoded: EncodedTargets) -> Any:
        from unrolled.training.target_loss import target_loss

        return target_loss("one_of" if encoded.stratified else "any_of", encoded.weights)

    @staticmethod
    def _outputs(config: SequenceConfig, settings: ClassifierParameters) -> int:
        require("targets", config.targets, not config.targets, "none: a classifier predicts classes")
        require("scheme", config.scheme, config.scheme == "none", "'none': only tags have a scheme")
        if config.labels is None:  # any number of the classes can hold
            return config.shape.outputs
        require("labels.values", config.labels.values, len(config.labels.values) >= 2, "2 classes at least")
        return len(config.labels.values)

    def _read_y(self, y: Any, items: Sequence[Any]) -> NDArray[Any]:
        return read_labels(y, len(items))

    def _encode_targets(self, y: NDArray[Any], settings: ClassifierParameters) -> EncodedTargets:
        if y.ndim == 2:
            if not np.isin(y, (0, 1)).all():
                raise InputError("y of shape [N, K] says which of K classes hold: expected zeros and ones")
            if settings.class_weight is not None:
                raise InputError("class_weight is for one class a sequence; y of shape [N, K] has several")
            return EncodedTargets(y, y.astype(np.float32), y.shape[1])
        labels = Labels.fit(y)
        if len(labels.values) < 2:
            raise InputError(
                f"y holds one class, {labels.values[0]!r}: a classifier needs sequences of 2 classes at least"
            )
        places = labels.encode(y)
        weights = None
        if settings.class_weight == "balanced":
            weights = len(places) / (len(labels.values) * np.bincount(places))
        elif settings.class_weight is not None:
            weights = _weights_of(dict(settings.class_weight), labels)
        return EncodedTargets(y, places, len(labels.values), labels=labels, weights=weights, stratified=True)

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """Accuracy and macro F1 of the predictions for ``X`` against ``y``; a frame may have a column of what is true."""
        items, y = self._read_with_y(X, y)
        return self._measures(y, self.predict(items))

    def _measures(self, y: Any, predicted: NDArray[Any]) -> dict[str, float]:
        y = require_comparable(read_labels(y), predicted)
        return {"accuracy": accuracy(y, predicted), "macro_f1": macro_f1(y, predicted)}


def _weights_of(given: dict[Any, float], labels: Labels) -> Values:
    for label, weight in given.items():
        if label not in labels.values:
            raise InputError(f"class_weight: {label!r} is none of the classes {', '.join(map(repr, labels.values))}")
        if not (np.isfinite(weight) and weight >= 0):
            raise InputError(f"class_weight of {label!r} is {weight}, expected a number of at least 0")
    return np.array([given.get(label, 1.0) for label in labels.values], np.float64)
