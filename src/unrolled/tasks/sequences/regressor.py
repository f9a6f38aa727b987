"""Predict numbers from whole sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.scaling import Standardization
from unrolled.metrics.regression import regression_measures
from unrolled.parameters.declaration import require
from unrolled.tasks.sequences.estimator import SequenceEstimator
from unrolled.tasks.sequences.fitting import EncodedTargets
from unrolled.tasks.sequences.model import SequenceConfig
from unrolled.tasks.sequences.parameters import RegressorParameters
from unrolled.tasks.sequences.targets import read_numbers, require_comparable
from unrolled.tasks.weights_loss import Told

__all__ = ["SequenceRegressor"]


class SequenceRegressor(SequenceEstimator, RegressorParameters):
    """Predict one or more numbers for each sequence: recurrent layers, pooling over time, a linear layer.

    The networks are trained on the squared error of the standardised targets with Adam, and their predictions are
    averaged. Equations: :mod:`unrolled.networks.encoder`.

    Attributes:
        validation_: R², mean absolute error and root mean squared error on the validation sequences, or on those that
            networks have left out, or None. The others are those of :class:`unrolled.SequenceClassifier`, except for
            classes.

    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 1)) for n in rng.integers(5, 15, size=60)]
    >>> y = [x.mean() for x in X]
    >>> regressor = SequenceRegressor(hidden_size=8, members=1, pooling="mean", max_epochs=30, random_state=0).fit(X, y)
    >>> regressor.predict(X[:2]).shape
    (2,)
    """

    _parameters = RegressorParameters
    _estimator_type = "regressor"
    _noun = "number"

    def predict(self, X: Any) -> NDArray[Any]:
        """The predictions, ``[N]`` or ``[N, O]`` like ``y``."""
        self._fitted()
        return self._predictions(self.model_.mean_output(self._read(X).items, lambda scores: scores.astype(np.float64)))

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        return Told("numbers", self.predict(X))

    def _predictions(self, outputs: Values) -> NDArray[Any]:
        config = self._fitted()
        columns = [target.inverse(outputs[:, k]) for k, target in enumerate(config.targets)]
        return columns[0] if config.flat else np.stack(columns, axis=1)

    def score(self, X: Any, y: Any = None) -> float:
        """R²: 1 is perfect, 0 is as good as predicting the mean of ``y``."""
        return self.evaluate(X, y)["r2"]

    @staticmethod
    def _loss(encoded: EncodedTargets) -> Any:
        from unrolled.training.target_loss import target_loss

        return target_loss("squares")

    @staticmethod
    def _outputs(config: SequenceConfig, settings: RegressorParameters) -> int:
        require("labels", config.labels, config.labels is None, "none: a regressor predicts numbers")
        require("scheme", config.scheme, config.scheme == "none", "'none': only tags have a scheme")
        require("targets", config.targets, bool(config.targets), "the scale of each number that is predicted")
        require("flat", config.flat, not config.flat or len(config.targets) == 1, "false where several are predicted")
        return len(config.targets)

    def _read_y(self, y: Any, items: Sequence[Any]) -> NDArray[np.float64]:
        return read_numbers(y, len(items))

    def _encode_targets(self, y: NDArray[np.float64], settings: RegressorParameters) -> EncodedTargets:
        columns = y.reshape(len(y), -1).T
        targets = [Standardization.fit(column) for column in columns]
        scaled = np.stack([target.transform(column) for target, column in zip(targets, columns, strict=True)], axis=1)
        return EncodedTargets(y, scaled.astype(np.float32), len(columns), targets=targets, flat=y.ndim == 1)

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """R², mean absolute error and root mean squared error of the predictions for ``X`` against ``y``.

        A frame may have a column of what is true.
        """
        items, y = self._read_with_y(X, y)
        return self._measures(y, self.predict(items))

    def _measures(self, y: Any, predicted: NDArray[Any]) -> dict[str, float]:
        return regression_measures(require_comparable(read_numbers(y), predicted), predicted)
