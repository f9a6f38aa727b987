"""How many classes were told right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "macro_f1"]


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
    scores = [2 * (is_so & said).sum() / max(1, is_so.sum() + said.sum()) for is_so, said in pairs]
    return float(np.mean(scores))
