"""Estimators: one a task, from the user's data to an answer in the user's words."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from unrolled.errors import ModelFileError

__all__ = ["load"]

# task name in a model file -> the estimator that reads it back
_ESTIMATORS = {
    "forecaster": ("unrolled.tasks.forecaster", "Forecaster"),
    "anomaly_detector": ("unrolled.tasks.anomaly_detector", "AnomalyDetector"),
    "sequence_classifier": ("unrolled.tasks.sequence_classifier", "SequenceClassifier"),
    "sequence_regressor": ("unrolled.tasks.sequence_regressor", "SequenceRegressor"),
    "sequence_tagger": ("unrolled.tasks.sequence_tagger", "SequenceTagger"),
}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model file back as the estimator that saved it; torch is not needed.

    Raises:
        ModelFileError: the file is missing, damaged, no model, or of a task this version does not know.
    """
    from unrolled.runtime.model_file import read_model

    model_file = read_model(path)
    if model_file.task not in _ESTIMATORS:
        raise ModelFileError(
            f"{path} holds a model for the task {model_file.task!r}; this version knows {', '.join(_ESTIMATORS)}"
        )
    module, name = _ESTIMATORS[model_file.task]
    return getattr(import_module(module), name).from_model_file(model_file)
