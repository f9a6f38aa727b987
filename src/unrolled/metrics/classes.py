"""What predicted classes are measured by: accuracy, F1, precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "class_measures", "macro_f1"]


def accuracy(y: NDArray[Any], predicted: NDArray[Any]) -> float:
    """The share of rows that are right as a whole, of ``[N]`` or ``[N, K]``.

    >>> accuracy(np.array([1, 2, 2]), np.array([1, 2, 1])).__round__(3)
    0.667
    """
    right = np.asarray(y == predicted)
    return float(right.reshape(len(right), -1).all(1).mean())


def macro_f1(y: NDArray[Any], predicted: NDArray[Any]) -> float:
    """The mean over classes of ``2 TP / (2 TP + FP + FN)``, of classes in ``y [N]`` or ``predicted``, or columns of ``[N, K]``.

    >>> macro_f1(np.array(["a", "a", "b"]), np.array(["a", "b", "b"])).__round__(3)
    0.667
    """
    if y.ndim == 2:
        pairs = [(y[:, k] == 1, predicted[:, k] == 1) for k in range(y.shape[1])]
    else:
        pairs = [(y == each, predicted == each) for each in np.union1d(y, predicted)]
    scores = [2 * (true & positive).sum() / max(1, true.sum() + positive.sum()) for true, positive in pairs]
    return float(np.mean(scores))


def class_measures(y: NDArray[Any], predicted: NDArray[Any]) -> dict[Any, dict[str, float]]:
    """Precision, recall, F1 and number (``support``) of each class in ``y [N]`` or ``predicted``; 0 for 0 / 0.

    >>> class_measures(np.array(["a", "a", "b"]), np.array(["a", "b", "b"]))["b"]
    {'precision': 0.5, 'recall': 1.0, 'f1': 0.6666666666666666, 'support': 1}
    """
    found: dict[Any, dict[str, float]] = {}
    for each in np.union1d(y, predicted).tolist():
        support, positives = int((y == each).sum()), int((predicted == each).sum())
        right = int(((y == each) & (predicted == each)).sum())
        precision, recall, f1 = right / max(1, positives), right / max(1, support), 2 * right / (support + positives)
        found[each] = {"precision": precision, "recall": recall, "f1": f1, "support": support}
    return found
