r"""What the loss would be without reading anything: that of the best answer which is always the same.

.. math::
    L_0 = -\sum_k p_k \log p_k, \qquad L_0 = \overline{(y - \bar y)^2}

of classes, tags and symbols that come with shares :math:`p_k`, and of numbers. A loss :math:`L` of Laplace's density
amounts to a mean error of :math:`e^{L} / 2e`, which is compared with that of the median. A network whose loss is no lower
has learned nothing from what it reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from unrolled.aliases import Values
from unrolled.errors import InputError

__all__ = ["CLASSES", "Learned", "entropy", "learned_by", "of_shares", "of_targets"]

ENOUGH = 0.5
"""The share of the loss of who reads nothing, up to which a network has learned."""
BETTER = 0.95
"""The same share of an error that is hard to beat: that of a seasonal-naive forecast, or of a median."""
LEAST = 1e-12
CLASSES = "always saying how often each class comes"


@dataclass(frozen=True)
class Learned:
    """A loss, or an error, beside that of somebody who reads nothing."""

    own: float
    other: float
    what: str
    """What the other one is."""
    enough: float = ENOUGH
    """The largest share that counts as learned."""
    name: str = "loss"
    """What both are."""

    @property
    def share(self) -> float:
        """Of the other's: 1 is as bad, 0 perfect; NaN where the other has none, for then it is no yardstick."""
        return self.own / self.other if self.other > 0 else math.nan

    @property
    def has(self) -> bool:
        """Whether it counts as learned."""
        return self.share <= self.enough

    def __str__(self) -> str:
        if not math.isfinite(self.share):
            return f"its {self.name} is {self.own:.3g}"
        return f"its {self.name} is {self.own:.3g}, {self.share:.0%} of the {self.other:.3g} of {self.what}"


def entropy(places: Sequence[Any] | Values) -> float:
    """In nats, of what comes as often as it does among these.

    >>> round(entropy(["a", "b", "a", "b"]), 4)  # log 2
    0.6931
    """
    _, counts = np.unique(np.asarray(places), return_counts=True)
    p = counts / counts.sum()
    return max(0.0, float(-(p * np.log(p)).sum()))  # not -0


def of_shares(y: Any) -> float:
    """The binary cross entropy, in nats, of always saying how often each of several classes is there, of ``y`` ``[N, ...]``.

    >>> round(of_shares([0.0, 1.0]), 4), of_shares([1.0, 1.0])
    (0.6931, 0.0)
    """
    p = np.asarray(y, np.float64).mean(axis=0)
    p, q = np.maximum(p, 0.0), np.maximum(1 - p, 0.0)
    return max(0.0, float(np.mean(-p * np.log(np.maximum(p, LEAST)) - q * np.log(np.maximum(q, LEAST)))))


def of_targets(loss: float, y: Any) -> Learned:
    """The cross entropy of whole numbers, or the squared error of others, beside that of an answer that is always the same."""
    values = np.asarray(y)
    if values.dtype.kind in "biu":
        return Learned(loss, entropy(values.ravel()), CLASSES)
    values = np.atleast_1d(values)
    return Learned(loss, _spread(values.reshape(len(values), -1)), "always saying the mean")


def learned_by(model: Any, data: tuple[Any, ...], loss: float) -> Learned | None:
    """The loss of a fitted estimator on data beside that of somebody who reads nothing; None where that is not known.

    The network of a forecaster is compared with the seasonal-naive forecast, on steps that its fit kept back.
    """
    kind, config = type(model).__name__, model._fitted()  # pyright: ignore[reportPrivateUsage], one library
    if kind == "Forecaster":
        return _forecasts(model)
    if kind == "AnomalyDetector":
        z = model.model_.scaled(model.read(data[0]).values)
        spread = float(np.exp(np.mean(np.log(np.maximum(np.abs(z - np.median(z, axis=0)).mean(axis=0), LEAST)))))
        return Learned(math.exp(loss) / (2 * math.e), spread, "always saying the median", BETTER, "error")
    if kind == "SequenceGenerator":
        symbols = getattr(config.said, "codec", None) if model.step_kind_ == "symbols" else None
        if symbols is None:
            return None
        steps = [config.said.encode(piece) for piece in _pieces(data[0])]
        ends = [] if model.carried_ else [np.array([-1])] * len(steps)
        return Learned(loss, entropy(np.concatenate([*steps, *ends])), "always saying how often each symbol comes")
    if len(data) < 2 or data[1] is None or kind == "CTCTranscriber":
        return None
    if kind == "Seq2Seq":
        said = [config.targets.encode(target) for target in data[1]]
        return Learned(
            loss, entropy(np.concatenate([*said, [-1] * len(said)])), "always saying how often each symbol comes"
        )
    if kind == "SequenceTagger":
        return Learned(
            loss, entropy([tag for tags in data[1] for tag in tags]), "always saying how often each tag comes"
        )
    if config.targets:
        y = np.asarray(data[1], np.float64).reshape(len(data[1]), -1).T
        z = [target.transform(column) for target, column in zip(config.targets, y, strict=True)]
        return Learned(loss, _spread(np.stack(z, axis=1)), "always saying the mean")
    if getattr(model, "multilabel_", False):
        return Learned(loss, of_shares(data[1]), CLASSES)
    return Learned(loss, entropy(data[1]), CLASSES)


def _spread(columns: Values) -> float:
    """The mean variance of columns; exactly 0 where each is one number over and over, however it is rounded."""
    return 0.0 if (columns == columns[:1]).all() else float(np.mean(np.var(columns, axis=0)))


def _pieces(X: Any) -> list[Any]:
    if isinstance(X, str):
        return [X]
    if not isinstance(X, Sequence):
        raise InputError(f"X is a {type(X).__name__}, expected a text or a list of pieces")
    return list(cast("Sequence[Any]", X))


def _forecasts(model: Any) -> Learned | None:
    if model.validation_ is None:
        return None
    errors = model.validation_.accuracy
    naive = next((name for name in ("seasonal naive", "naive") if name in errors), None)
    if naive is None or not errors[naive].mae:
        return None
    what = f"the {naive} forecast on the part its training kept back"
    own = errors["network"] if "network" in errors else errors["forecast"]  # others may be better, and hide it
    return Learned(own.mae, errors[naive].mae, what, BETTER, "error")
