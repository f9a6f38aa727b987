"""Predict numbers from whole sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.scaling import Standardization
from unrolled.metrics.regression import regression_measures
from unrolled.runtime.encoder import EncoderConfig
from unrolled.runtime.reader import EmbeddingConfig
from unrolled.runtime.stack import StackConfig
from unrolled.tasks.checks import require
from unrolled.tasks.choices import Pooling, Schedule, SequenceCell, TextSplitting
from unrolled.tasks.sequences.answers import read_numbers, require_comparable
from unrolled.tasks.sequences.estimator import SequenceEstimator
from unrolled.tasks.sequences.fitting import Wanted
from unrolled.tasks.sequences.model import SequenceConfig
from unrolled.tasks.sequences.settings import SequenceSettings

if TYPE_CHECKING:
    from unrolled.training.loop import Progress

__all__ = ["SequenceRegressor"]


class SequenceRegressor(SequenceEstimator):
    """Predict one or more numbers for each sequence: recurrent layers, pooling over time, a linear layer.

    The networks are trained on the squared error of the standardised targets with Adam, and their predictions are
    averaged. Equations: :mod:`unrolled.runtime.encoder`. Arguments and attributes are those of
    :class:`unrolled.SequenceClassifier`, except for classes and their weights; ``validation_`` holds R², MAE and RMSE.

    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 1)) for n in rng.integers(5, 15, size=60)]
    >>> y = [x.mean() for x in X]
    >>> regressor = SequenceRegressor(hidden_size=8, members=1, pooling="mean", max_epochs=30, random_state=0).fit(X, y)
    >>> regressor.predict(X[:2]).shape
    (2,)
    """

    _task = "sequence_regressor"
    _estimator_type = "regressor"
    _noun = "number"

    def __init__(
        self,
        *,
        cell: SequenceCell = "gru",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: Pooling = "mean",
        members: int = 3,
        dropout: float = 0.1,
        max_epochs: int = 60,
        patience: int = 20,
        batch_size: int = 32,
        learning_rate: float = 0.005,
        clip_norm: float = 1.0,
        schedule: Schedule = "cosine",
        warmup: int = 0,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.1,
        tokens: TextSplitting = "words",
        min_count: int = 2,
        embedding_size: int = 64,
        character_size: int = 0,
        token_dropout: float = 0.1,
        audio: AudioFeatures | None = None,
        verbose: bool | None = None,
        callback: Callable[[Progress], object] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.members = members
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.clip_norm = clip_norm
        self.schedule = schedule
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.tokens = tokens
        self.min_count = min_count
        self.embedding_size = embedding_size
        self.character_size = character_size
        self.token_dropout = token_dropout
        self.audio = audio
        self.verbose = verbose
        self.callback = callback
        self.random_state = random_state

    def predict(self, X: Any) -> NDArray[Any]:
        """The predictions, ``[N]`` or ``[N, O]`` like ``y``."""
        config = self._fitted()
        scores = self.model_.answers(self._read(X).items, lambda scores: scores.astype(np.float64))
        columns = [target.inverse(scores[:, k]) for k, target in enumerate(config.targets)]
        return columns[0] if config.flat else np.stack(columns, axis=1)

    def score(self, X: Any, y: Any = None) -> float:
        """R²: 1 is perfect, 0 is as good as predicting the mean of ``y``."""
        return self.evaluate(X, y)["r2"]

    @staticmethod
    def _shape(
        stack: StackConfig, tokens: EmbeddingConfig | None, outputs: int, settings: SequenceSettings
    ) -> EncoderConfig:
        return EncoderConfig(stack, settings.pooling, outputs, tokens)

    @staticmethod
    def _outputs(config: SequenceConfig) -> int:
        require("labels", config.labels, config.labels is None, "none: a regressor predicts numbers")
        require("scheme", config.scheme, config.scheme == "none", "'none': only tags have a scheme")
        require("targets", config.targets, bool(config.targets), "the scale of each number that is predicted")
        require("flat", config.flat, not config.flat or len(config.targets) == 1, "false where several are predicted")
        return len(config.targets)

    def _read_y(self, y: Any, items: Sequence[Any]) -> NDArray[np.float64]:
        return read_numbers(y, len(items))

    def _wanted(self, y: NDArray[np.float64], settings: SequenceSettings) -> Wanted:
        columns = y.reshape(len(y), -1).T
        targets = [Standardization.fit(column) for column in columns]
        scaled = np.stack([target.transform(column) for target, column in zip(targets, columns, strict=True)], axis=1)
        return Wanted(y, "squares", scaled.astype(np.float32), len(columns), targets=targets, flat=y.ndim == 1)

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """R², mean absolute error and root mean squared error of the predictions for ``X`` against ``y``.

        A frame may have a column of what is true.
        """
        items, y = self._read_with_y(X, y)
        predicted = self.predict(items)
        return regression_measures(require_comparable(read_numbers(y), predicted), predicted)
