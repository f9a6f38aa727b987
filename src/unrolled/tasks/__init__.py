"""Estimators: one a task, from the user's data to an answer in the user's words."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from unrolled.errors import ModelFileError

if TYPE_CHECKING:
    from unrolled.tasks.anomalies.detector import AnomalyDetector
    from unrolled.tasks.estimator import Estimator
    from unrolled.tasks.forecasting.forecaster import Forecaster
    from unrolled.tasks.sequences.classifier import SequenceClassifier
    from unrolled.tasks.sequences.regressor import SequenceRegressor
    from unrolled.tasks.sequences.tagger import SequenceTagger

    AnyEstimator: TypeAlias = AnomalyDetector | Forecaster | SequenceClassifier | SequenceRegressor | SequenceTagger
    Expected = TypeVar("Expected", bound=Estimator)

__all__ = ["load"]

# task name in a model file -> the estimator that reads it back
_ESTIMATORS = {
    "forecaster": ("unrolled.tasks.forecasting.forecaster", "Forecaster"),
    "anomaly_detector": ("unrolled.tasks.anomalies.detector", "AnomalyDetector"),
    "sequence_classifier": ("unrolled.tasks.sequences.classifier", "SequenceClassifier"),
    "sequence_regressor": ("unrolled.tasks.sequences.regressor", "SequenceRegressor"),
    "sequence_tagger": ("unrolled.tasks.sequences.tagger", "SequenceTagger"),
}


@overload
def load(path: str | os.PathLike[str]) -> AnyEstimator: ...
@overload
def load(path: str | os.PathLike[str], expected: type[Expected]) -> Expected: ...
def load(path: str | os.PathLike[str], expected: type[Any] | None = None) -> Any:
    """Read a model file back as the estimator that saved it; torch is not needed.

    Args:
        path: the file.
        expected: the class of estimator that the file must contain, if given; it is then also the type of the result.

    Raises:
        ModelFileError: the file is missing, damaged, no model, of a task this version does not know, or not the one expected.

    >>> import tempfile, numpy as np
    >>> from unrolled import AnomalyDetector, Forecaster
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Forecaster(members=1, max_epochs=1, random_state=0).fit(np.arange(40.0)).save(f"{folder}/model")
    ...     load(f"{folder}/model", Forecaster).horizon_
    ...     load(f"{folder}/model", AnomalyDetector)
    Traceback (most recent call last):
    unrolled.errors.ModelFileError: .../model holds a Forecaster, expected an AnomalyDetector
    """
    from unrolled.runtime.model_file import read_model

    model_file = read_model(path)
    if model_file.task not in _ESTIMATORS:
        raise ModelFileError(
            f"{path} holds a model for the task {model_file.task!r}; this version knows {', '.join(_ESTIMATORS)}"
        )
    module, name = _ESTIMATORS[model_file.task]
    kind = getattr(import_module(module), name)
    if expected is not None and not issubclass(kind, expected):
        raise ModelFileError(f"{path} holds {_with_article(name)}, expected {_with_article(expected.__name__)}")
    return kind.from_model_file(model_file)


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
