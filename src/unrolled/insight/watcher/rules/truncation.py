"""Truncation: where gradients are cut off along time, and how far back what they are needed for lies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.insight.watcher.records import LossCall, Pass
from unrolled.insight.watcher.run import Found, Run

__all__ = ["ShortTruncation"]

MOST_COLUMNS = 360
"""Of a linear prediction from past inputs."""
ENOUGH = 12
"""Predicted numbers for each column."""


class _Cut(NamedTuple):
    """Where gradients end."""

    place: str
    steps: int
    """Between two cuts."""
    stream: bool
    """Whether the cuts are between passes."""


class ShortTruncation:
    r"""Measured: what targets need lies further back than gradients reach.

    A layer is cut every K steps if the states it is given are those that an earlier call ended in, without their graph, or by its
    ``truncate``. Targets are predicted linearly, by least squares on one half of the time and tested on the other, from the
    inputs of the last K steps and from those of up to 3K + 12. If the second explains at least 0.15 more of their variance, and a
    quarter more than the first, the span of the task is longer than K. Where a sequence has one target, the shares (adjusted)
    that follow from the inputs before and after the last cut are compared: 0.08 more, half as much again, and six deviations
    :math:`\sqrt{2p}/n` of what chance explains.
    """

    cause = "short_truncation"

    def __init__(self) -> None:
        self._x: list[NDArray[np.float64]] = []
        self._y: list[NDArray[np.float64]] = []
        self._rows = 0
        self._next = 400
        self._looks = self._batches = 0
        self._kept: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Collect inputs and targets of a model whose gradients are cut, and compare now and then."""
        cut = _cut_of(seen) if seen.eager else None
        if cut is None or self._looks >= 6 or seen.values is None or not seen.losses:
            return None
        x = _as_features(seen.values, seen.tokens)
        y = _targets(seen.losses[-1], x, seen)
        if (
            x is None
            or y is None
            or (self._x and (x.shape[0] != self._x[0].shape[0] or x.shape[2] != self._x[0].shape[2]))
        ):
            return None
        self._x.append(x)
        self._y.append(y)
        if y.shape[1] == 1:
            return self._per_sequence(cut, seen)
        self._rows += x.shape[0] * x.shape[1]
        if self._rows < self._next * max(1, x.shape[2] // 4):
            return None
        self._next, self._looks = 3 * self._next, self._looks + 1
        found = self._per_step(cut)
        if len(self._x) > 600:
            self._x, self._y = self._x[-300:], self._y[-300:]
        return found

    def _per_step(self, cut: _Cut) -> Found | None:
        axis = 1 if cut.stream else 0
        if not cut.stream and len({part.shape[1] for part in self._x}) > 1:
            return None
        x, y = np.concatenate(self._x, axis), np.concatenate(self._y, axis)
        K, F = cut.steps, x.shape[2]
        far = min(3 * K + 12, x.shape[1] // 3, max(K + 1, MOST_COLUMNS // F))
        if far <= K + 1:
            return None
        short, long = _explained(x, y, K, far), _explained(x, y, far, far)
        if short is None or long is None or long - short < 0.15 or long < 1.25 * short:
            return None
        return self._found(
            cut,
            f"gradients are cut every {K} steps, from whose inputs {max(short, 0):.0%} of the targets' variance follow; from"
            f" {far} steps {long:.0%} do",
        )

    def _per_sequence(self, cut: _Cut, seen: Pass) -> Found | None:
        """Sequences that are new are kept, and looked at when 20, 40, 80, ... batches have been seen."""
        x, y = self._x.pop(), self._y.pop()[:, 0]
        T, F = x.shape[1:]
        self._batches += 1
        last = (T - 1) // cut.steps * cut.steps
        if cut.steps >= T or F * last > MOST_COLUMNS or seen.keys is None:
            return None
        for key, own, answer in zip(seen.keys.ordered, x, y, strict=True):
            if len(self._kept) < 3000 and own.shape == next(iter(self._kept.values()), (own,))[0].shape:
                self._kept.setdefault(key, (own, answer))
        n, p = len(self._kept), F * last
        if self._batches not in (20, 40, 80, 160, 320) or n < max(3 * p, 200):
            return None
        inputs, answers = (np.stack(parts) for parts in zip(*self._kept.values(), strict=True))
        before, after = _adjusted(inputs[:, :last], answers), _adjusted(inputs[:, last:], answers)
        if before < 6 * (2 * p) ** 0.5 / n or before - after < 0.08 or before < 1.5 * after:
            return None
        return self._found(
            cut,
            f"gradients reach {T - last} steps back, but {before:.0%} of the targets' variance follow from the {last} steps"
            f" before that, and {max(after, 0):.0%} from those within reach",
        )

    @staticmethod
    def _found(cut: _Cut, what: str) -> Found:
        return Found(
            cut.place, what, "cut less often: longer chunks, or a larger truncate=, longer than the span of the task"
        )


def _cut_of(seen: Pass) -> _Cut | None:
    """Where gradients of a pass are cut, if they are."""
    for layer in seen.layers:
        own = int(getattr(getattr(layer.module, "settings", None), "truncate", 0) or 0)
        if own and layer.steps > own:
            return _Cut(layer.place, own, False)
    singles = [layer for layer in seen.layers if layer.single]
    first = singles[0] if singles else next(iter(seen.layers), None)
    if first is None:
        return None
    if not singles:
        pieces = [layer for layer in seen.layers if layer.module is first.module]
        if len(pieces) > 1 and any(layer.cut and not layer.earlier for layer in pieces[1:]):
            return _Cut(first.place, first.steps, False)
        return _Cut(first.place, first.steps, True) if first.cut and first.earlier and first.steps > 1 else None
    calls = [layer for layer in singles if layer.module is first.module]
    cuts = [t for t, layer in enumerate(calls) if layer.cut and t]
    if cuts:
        return _Cut(first.place, cuts[1] - cuts[0] if len(cuts) > 1 else cuts[0], False)
    return _Cut(first.place, len(calls), True) if first.cut and first.earlier and len(calls) > 1 else None


def _as_features(values: NDArray[np.float64], tokens: bool) -> NDArray[np.float64] | None:
    """``[B, T, F]``, whole numbers as one column for each of up to 16."""
    if not tokens:
        return values if values.shape[2] <= 16 else None
    if values.shape[2] != 1 or values.max() >= 16 or values.min() < 0:
        return None
    return np.eye(16)[values[..., 0].astype(np.int64)]


def _targets(loss: LossCall, x: Any, seen: Pass) -> NDArray[np.float64] | None:
    """``[B, T, O]``, or ``[B, 1, O]`` for one target a sequence; classes as a column each, up to 16."""
    if x is None:
        return None
    B, T = x.shape[:2]
    target = np.asarray(loss.target.detach().double())
    if target.size not in (B, B * T):
        return None
    if (target.size == B * T and target.shape[:2] == (T, B) and not seen.batch_first) or (
        target.ndim == 1 and not seen.batch_first and target.size == B * T
    ):
        target = target.reshape(T, B).T
    target = target.reshape(B, -1)
    if not loss.of_classes:
        return target[..., None]
    if target.max() >= 16 or target.min() < 0:
        return None
    return np.eye(16)[target.astype(np.int64)]


def _adjusted(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The adjusted share of the variance of ``y [N, O]`` that follows linearly from ``x [N, T, F]``."""
    design = np.concatenate([np.ones((len(x), 1)), x.reshape(len(x), -1)], 1)
    rank = np.linalg.matrix_rank(design)
    weights = np.linalg.lstsq(design, y, rcond=None)[0]
    left, whole = ((y - design @ weights) ** 2).sum(), ((y - y.mean(0)) ** 2).sum()
    return float(1 - left / whole * (len(x) - 1) / max(len(x) - rank, 1)) if whole > 0 else 0.0


def _explained(x: NDArray[np.float64], y: NDArray[np.float64], lags: int, start: int) -> float | None:
    """The share of the variance of ``y [B, L, O]`` that follows linearly from steps of ``x [B, L, F]``, on the later half."""
    B, L, F = x.shape
    columns = [x[:, start - k : L - k].reshape(-1, F) for k in range(lags)]
    design = np.concatenate([np.ones((len(columns[0]), 1)), *columns], 1)
    wanted = y[:, start:].reshape(-1, y.shape[2])
    along = np.tile(np.arange(L - start), B) if B * (L - start) == len(wanted) else np.arange(len(wanted))
    early = along < (L - start) // 2 if 4 * start < L else np.arange(len(wanted)) < len(wanted) // 2
    if early.sum() < 2 * design.shape[1]:
        return None
    gram = design[early].T @ design[early]
    gram[np.diag_indices_from(gram)] += 1e-3 * early.sum() * 0.01
    weights = np.linalg.solve(gram, design[early].T @ wanted[early])
    left = ((wanted[~early] - design[~early] @ weights) ** 2).sum()
    whole = ((wanted[~early] - wanted[early].mean(0)) ** 2).sum()
    return float(1 - left / whole) if whole > 0 else None
