"""Estimators: one a task, from the user's data to predictions in the user's words."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, TypeVar, overload

from unrolled.errors import ModelFileError

if TYPE_CHECKING:
    from unrolled.runtime.engine import Storage
    from unrolled.tasks.estimator import Estimator

    Expected = TypeVar("Expected", bound=Estimator)

__all__ = ["estimators", "load", "task_of"]


def estimators() -> dict[str, type[Estimator]]:
    """The estimators by the tasks of their model files: those of the names in ``unrolled.__all__``.

    >>> estimators()["forecaster"].__name__
    'Forecaster'
    """
    import unrolled
    from unrolled.tasks.estimator import Estimator

    classes = [getattr(unrolled, name) for name in unrolled.__all__ if name[0].isupper()]
    return {task_of(each.__name__): each for each in classes if issubclass(each, Estimator)}


def task_of(name: str) -> str:
    """The task of an estimator, by the name of its class.

    >>> task_of("AnomalyDetector"), task_of("CTCTranscriber")
    ('anomaly_detector', 'ctc_transcriber')
    """
    return re.sub(r"(?<=[^A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@overload
def load(path: str | os.PathLike[str], *, weights: Storage | None = None) -> Estimator: ...
@overload
def load(path: str | os.PathLike[str], expected: type[Expected], *, weights: Storage | None = None) -> Expected: ...
def load(path: str | os.PathLike[str], expected: type[Any] | None = None, *, weights: Storage | None = None) -> Any:
    """Read a model file back as the estimator that saved it; torch is not needed.

    Args:
        path: the file.
        expected: the class of estimator that the file must contain, if given; it is then also the type of the result.
        weights: ``"bfloat16"`` stores the matrices of its networks in half the memory, as the
            estimators' ``with_weights`` does; by default as in the file, as float32.

    Raises:
        InputError: there is no such storage, or the model has no network.
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
    import unrolled
    from unrolled.runtime.model_file import read_model
    from unrolled.tasks.estimator import Estimator

    model_file = read_model(path)
    name = next((each for each in unrolled.__all__ if each[0].isupper() and task_of(each) == model_file.task), None)
    kind = None if name is None else getattr(unrolled, name)
    if not (isinstance(kind, type) and issubclass(kind, Estimator)):
        known = ", ".join(sorted(estimators()))
        raise ModelFileError(f"{path} holds a model for the task {model_file.task!r}; this version knows {known}")
    if expected is not None and not issubclass(kind, expected):
        raise ModelFileError(
            f"{path} holds {_with_article(kind.__name__)}, expected {_with_article(expected.__name__)}"
        )
    estimator = kind.from_model_file(model_file)
    return estimator if weights is None else estimator.with_weights(weights)


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
