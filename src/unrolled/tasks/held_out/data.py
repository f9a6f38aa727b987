"""What all data of tasks are to whoever tries several models on them: a part to learn from, a part to be judged on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from unrolled.errors import InputError
from unrolled.parameters.declaration import require
from unrolled.tasks.estimator import Estimator

if TYPE_CHECKING:
    from unrolled.training.progress import Progress
else:
    Progress = Any

__all__ = ["LARGER_IS_BETTER", "MEASURED", "Data", "Split"]

LARGER_IS_BETTER = frozenset(
    {"accuracy", "macro_f1", "f1", "precision", "recall", "r2", "exact", "exact_kind", "bleu", "chrf"}
)
"""Measures that are larger the better a model is; all others are smaller."""

PREFERRED: dict[str, tuple[str, ...]] = {
    "Forecaster": ("mase",),
    "AnomalyDetector": ("f1",),
    "SequenceClassifier": ("accuracy",),
    "SequenceRegressor": ("rmse",),
    "SequenceTagger": ("f1", "accuracy"),
    "Seq2Seq": ("token_error_rate",),
    "SequenceGenerator": ("bits_per_character", "nats_per_frame", "nats_per_step", "nats"),
    "CTCTranscriber": ("character_error_rate", "token_error_rate"),
}
"""The measures by which models of each estimator are compared; the first that there is."""

MEASURED: dict[str, tuple[str, ...]] = {
    "Forecaster": ("mase", "mae", "rmse", "smape"),
    "AnomalyDetector": ("f1", "precision", "recall"),
    "SequenceClassifier": ("accuracy", "macro_f1"),
    "SequenceRegressor": ("rmse", "mae", "r2"),
    "SequenceTagger": ("f1", "accuracy", "macro_f1", "precision", "recall"),
    "Seq2Seq": ("token_error_rate", "exact", "perplexity"),
    "SequenceGenerator": (
        "bits_per_character", "nats_per_frame", "nats_per_piece", "nats_per_step", "nats", "perplexity",
    ),
    "CTCTranscriber": ("character_error_rate", "word_error_rate", "token_error_rate", "exact"),
}  # fmt: skip
"""All measures of each estimator; which of them there are depends on its data."""


class Split(NamedTuple):
    """Two parts of the same data, of which the second is kept from models that learn from the first."""

    learned: Any
    held_out: Any


@dataclass(frozen=True, kw_only=True)
class Data:
    """Data of a task, or a part of them, and the estimator that learns from them.

    Attributes:
        estimator: the class.
        values: parameters that the data or the user have settled, by name.
        source: what messages call the data.
        notes: a sentence for each thing that was inferred of them.
        preferred: the measures by which models are compared, the first that there is; empty for those of the estimator.
    """

    estimator: type[Estimator]
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    source: str = "the data"
    notes: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()

    @abstractmethod
    def test_split(self) -> Split:
        """Keep the same part back whenever it is asked for, for the last judgement.

        Raises:
            InputError: there is too little to keep some back.
        """

    @abstractmethod
    def validation_split(self, round: int) -> Split:
        """Keep a part back to compare models by; another one in each round, as far as the data has several."""

    @abstractmethod
    def scores(self, fitted: Any) -> dict[str, float]:
        """Measures of a fitted estimator on what is held out here, by name."""

    @abstractmethod
    def describe(self) -> str:
        """How much there is, in a few words."""

    @property
    @abstractmethod
    def identity(self) -> Any:
        """What :func:`unrolled.training.checkpoint.fingerprint` knows these data by."""

    @property
    def learned_from(self) -> str:
        """What of a file is learned from in the end, where that is not all of it."""
        return ""

    @property
    def idle(self) -> frozenset[str]:
        """Parameters of the estimator that mean nothing for such data."""
        return frozenset()

    @abstractmethod
    def _learn(self, estimator: Any) -> None:
        """Fit an estimator to all of it."""

    def fit(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        callback: Callable[[Progress], object] | None = None,
        verbose: bool | None = False,
    ) -> Any:
        """A new estimator, fitted to all of these data.

        Args:
            values: parameters by name, beside those of the data.
            seed: its ``random_state``.
            callback, verbose: as every estimator takes them.

        Raises:
            InputError: the data or a parameter is invalid.
            TrainingError: the loss is not finite or has exploded.
        """
        given = {**self.values, **(values or {})}
        make: Any = self.estimator
        estimator = make(**given, random_state=seed, callback=callback, verbose=verbose)
        self._learn(estimator)
        return estimator.set_params(callback=None, verbose=None)

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures by which models are compared, the first that there is."""
        return self.preferred or PREFERRED[self.estimator.__name__]

    def measure(self, scores: Mapping[str, float]) -> str:
        """The name of the measure by which models are compared, among those there are.

        Raises:
            InputError: there is none of the preferred ones.
        """
        preferred = self.measures
        found = next((name for name in preferred if name in scores), None)
        if found is None:
            raise InputError(f"measure is {preferred[0]!r}, expected one of {', '.join(scores)}")
        return found

    @property
    def measured(self) -> tuple[str, ...]:
        """All measures that there are of a model of these data."""
        return MEASURED[self.estimator.__name__]

    def by(self, *measures: str) -> Data:
        """The same data, whose models are compared by other measures: the first of them that there is.

        Raises:
            InputError: models of the estimator are never measured so, or none of the measures is one of these data.
        """
        known, here = MEASURED[self.estimator.__name__], self.measured
        for name in measures:
            require("measure", name, name in known, f"one of {', '.join(here)}")
        if measures and not set(measures) & set(here):
            raise InputError(
                f"measure is {measures[0]!r}, but {self.source} has none: expected one of {', '.join(here)}"
            )
        return replace(self, preferred=measures)
