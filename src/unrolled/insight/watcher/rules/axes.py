"""Axes: sequences that are taken for steps, losses along the wrong axis, and time in the wrong order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.insight.watcher.records import LossCall, Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["AxesSwapped", "TimeShuffled", "WrongAxisLoss"]

MOST_NODES = 24
"""Of the graph of a loss, between it and the outputs it compares."""


class AxesSwapped:
    """A fact: what a layer takes for time are the sequences of the batch.

    Three signs. There are as many targets, one a sequence, as the layer sees steps, and another number than it sees
    sequences (three batches). Or the layer's steps come back whole in later batches, at other places, while its sequences
    never do, as after shuffling: then the steps are the sequences. Or neighbours along its batch are alike (correlation above
    0.5 more than along its time, which is below 0.2) in five batches.
    """

    cause = "axes_swapped"

    def __init__(self) -> None:
        self._labels = self._alike = 0
        self._steps: set[int] = set()
        self._rows: set[int] = set()
        self._again = [0, 0]

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the first recurrent layer that reads whole sequences."""
        layer = next((layer for layer in seen.layers if not layer.packed and not layer.single), None)
        if not seen.eager or layer is None or seen.raw is None or layer.steps < 2 or layer.batch < 2:
            return None
        T, B = layer.steps, layer.batch
        counts = {len(loss.target) for loss in seen.losses if loss.target.numel() < 2 * len(loss.target)}
        self._labels = self._labels + 1 if T in counts and B not in counts else 0
        why = None
        if self._labels >= 3:
            why = f"there are {T} targets, and it sees {T} steps of {B} sequences"
        elif self._come_back(seen):
            why = f"{self._again[1]} of its steps were whole sequences that came again elsewhere in a batch"
        elif seen.close and self._neighbours(seen):
            why = "neighbours in its batch are alike, and neighbours in its time are not"
        if why is None:
            return None
        right = not getattr(layer.module, "batch_first", False)
        return Found(
            layer.place,
            f"it takes the sequences of the batch for steps of time: {why}",
            f"make it with batch_first={right}, or transpose its input",
        )

    def _come_back(self, seen: Pass) -> bool:
        if self._again[0] or len(self._rows) > 200_000:  # sequences come back: they are sequences
            return False
        keys, across = seen.keys, seen.across
        if keys is None or across is None:
            return False
        again = sum(key in self._steps for key in across.ordered if key)
        self._again[0] += sum(key in self._rows for key in keys.ordered)
        self._again[1] += again if again > 0.9 * len(across.ordered) and len(keys.ordered) >= 4 else 0
        self._rows.update(keys.ordered)
        self._steps.update(across.ordered)
        return self._again[1] >= 32 and self._again[0] == 0

    def _neighbours(self, seen: Pass) -> bool:
        values = seen.values
        if values is None or seen.tokens or min(values.shape[:2]) < 8:
            return False
        along_time, along_batch = _alike(values), _alike(values.swapaxes(0, 1))
        self._alike = self._alike + 1 if along_time < 0.2 and along_batch > along_time + 0.5 else 0
        return self._alike >= 5


def _alike(values: NDArray[np.float64]) -> float:
    """The correlation of neighbours along the second axis."""
    centred = values - values.mean((0, 1), keepdims=True)
    spread = (centred**2).mean()
    return float((centred[:, 1:] * centred[:, :-1]).mean() / spread) if spread > 0 else 0.0


class WrongAxisLoss:
    """A fact: the loss does not compare each output with its own target.

    Its input and target have different shapes and were broadcast against each other; or probabilities do not sum to 1 over the
    classes, but over another axis; or the axis of classes came about by a ``view`` where a transposition was needed; or outputs
    of the model have the same gradient in every sequence of the batch, because they were averaged before they were compared.
    """

    cause = "wrong_axis_loss"

    def __init__(self) -> None:
        self._equal = 0

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the losses of a pass."""
        if not seen.close:
            return None
        for loss in seen.losses:
            why = _broadcast(loss) or _sums(loss) or self._viewed(loss, seen)
            if why is not None:
                return self._found(loss.name, why)
        spread = _spread(seen)
        if spread is not None:
            return self._found("the loss", spread)
        shared = self._shared(seen)
        self._equal = self._equal + 1 if shared else 0
        if self._equal >= 3 and shared:
            return self._found(
                shared,
                "the gradient of its output is the same in every sequence: the batch was averaged before the comparison",
            )
        return None

    @staticmethod
    def _found(place: str, why: str) -> Found:
        return Found(
            place,
            f"the loss runs along the wrong axis: {why}",
            "compare outputs [B, T, C] as output.flatten(0, 1) with targets [B, T] as target.flatten(), or output.transpose(1, 2)"
            " with the targets; average over all",
        )

    @staticmethod
    def _viewed(loss: LossCall, seen: Pass) -> str | None:
        """Whether a reshape has mixed steps, sequences and classes."""
        x = loss.input
        for call in seen.calls:
            for output, _ in call.upstream:
                if output.data_ptr() != x.data_ptr() or output.numel() != x.numel() or output.dim() != 3:
                    continue
                C = output.shape[2]
                if (
                    x.dim() == 3
                    and x.shape[1] == C
                    and x.stride() == (C * x.shape[2], x.shape[2], 1)
                    and x.shape[2] > 1
                ):
                    return f"an output {list(output.shape)} was taken as {list(x.shape)} by a view, which mixes classes and steps"
                of = loss.target if loss.target._base is None else loss.target._base
                flat = x.dim() == 2 and x.shape[1] == C and loss.target.dim() == 1 and of.numel() == loss.target.numel()
                if flat and of.dim() == 2 and of.shape == (output.shape[1], output.shape[0]) != output.shape[:2]:
                    return (
                        f"outputs {list(output.shape)} and targets {list(of.shape)} were flattened in different orders"
                    )
        return None

    @staticmethod
    def _shared(seen: Pass) -> str | None:
        rows = seen.rows
        if rows is None or len(rows) < 4:
            return None
        for call in seen.calls:
            for output, grad in call.upstream:
                axis = (
                    0
                    if output.shape[0] == len(rows)
                    else 1
                    if output.dim() > 2 and output.shape[1] == len(rows)
                    else None
                )
                if axis is None or (grad.numel() < 2 * len(rows) and not _varies(seen)):
                    continue
                first = grad.select(axis, 0).unsqueeze(axis)
                size = float(grad.abs().max())
                if (
                    size > 0
                    and float((grad - first).abs().max()) <= 1e-6 * size
                    and len(_distinct(grad.select(axis, 0))) > 2
                ):
                    return call.name
        return None


def _varies(seen: Pass) -> bool:
    return any(loss.name in ("mse_loss", "cross_entropy") for loss in seen.losses)


def _distinct(values: Tensor) -> Any:
    return values.flatten().unique()


def _broadcast(loss: LossCall) -> str | None:
    if loss.of_classes or loss.name in ("cross_entropy", "nll_loss") or loss.input.shape == loss.target.shape:
        return None
    if loss.input.numel() == loss.target.numel() == 1 or loss.target.numel() == 1:
        return None
    return (
        f"an output {list(loss.input.shape)} and a target {list(loss.target.shape)} were broadcast against each other"
    )


def _spread(seen: Pass) -> str | None:
    """Whether a difference with a constant has made B times as many numbers of an output ``[B, 1]`` or ``[B]``."""
    waiting, known = list(seen.roots), 0
    rows = seen.rows
    while waiting and rows is not None and known < MOST_NODES:
        node = waiting.pop(0)
        if node is None:
            continue
        known += 1
        if "unrolled_output" in node.metadata:
            continue
        following = [edge for edge, _ in node.next_functions if edge is not None]
        shape = tuple(node._input_metadata[0].shape) if node._input_metadata else ()
        if node.name() in ("SubBackward0", "RsubBackward1") and len(following) == 1 and shape == (len(rows), len(rows)):
            below = _output_below(following[0])
            if below is not None and math.prod(below) == len(rows) > 1:
                return (
                    f"the difference of an output {list(below)} and its targets is {list(shape)}: they were broadcast"
                )
        waiting += following
    return None


def _output_below(node: Any) -> tuple[int, ...] | None:
    """The shape of the output of a model that a node's input comes from, through changes of shape only."""
    for _ in range(4):
        if node is None:
            return None
        if "unrolled_output" in node.metadata:
            return node.metadata["unrolled_output"]
        node = node.next_functions[0][0] if len(node.next_functions) == 1 else None
    return None


def _sums(loss: LossCall) -> str | None:
    """Whether probabilities, or their logarithms, are none over the classes but over another axis."""
    if loss.name not in ("nll_loss", "cross_entropy") or loss.input.dim() < 2 or loss.input.shape[0] < 2:
        return None
    scores = loss.input.double()
    for probabilities in (scores.exp(), scores):
        if bool((probabilities < 0).any()):
            continue
        ones = [axis for axis in range(scores.dim()) if bool(((probabilities.sum(axis) - 1).abs() < 1e-3).all())]
        if ones and 1 not in ones:
            return f"probabilities {list(scores.shape)} sum to 1 along axis {ones[0]}, not over classes"
    return None


class TimeShuffled:
    """A fact, or a measured difference: the steps of sequences come in an order that is not theirs.

    A sequence that comes again has the same steps in another order: 16 times if no two steps are the same by chance; if they
    may be, in nine tenths of a batch, after batches in which hardly any sequence was known. Or neighbouring steps are alike in
    evaluation and not in training (correlations 0.3 apart over 64 sequences each), or the other way round. Or steps that are
    nearly the same stand far apart, at distances that follow no season. Or what comes next is most like the first step and less
    and less like the later ones: time runs backwards.
    """

    cause = "time_shuffled"

    def __init__(self) -> None:
        self._orders: dict[int, int] = {}
        self._other = 0
        self._certain: bool | None = None
        self._gradual = False
        self._counts: dict[bool, NDArray[np.float64]] = {}
        self._kept: dict[bool, list[NDArray[np.float64]]] = {True: [], False: []}
        self._next: list[NDArray[np.float64]] = []

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the order of steps."""
        return (self._reordered(seen) or self._compared(seen, run, True)) if seen.eager else None

    def evaluated(self, seen: Pass, run: Run) -> Found | None:
        """Look at the order of steps, and compare it with that in training."""
        return (self._reordered(seen) or self._compared(seen, run, False)) if run.step else None

    def _reordered(self, seen: Pass) -> Found | None:
        keys, rows = seen.keys, seen.rows
        if keys is None or rows is None or rows.shape[1] < 6 or len(self._orders) > 200_000:
            return None
        if any(layer.hx for layer in seen.layers if not layer.single):  # windows of a stream
            return None
        other = 0
        for ordered, unordered in zip(keys.ordered, keys.unordered, strict=True):
            first = self._orders.setdefault(unordered, ordered)
            other += first != ordered
        return self._judged(seen, other, len(keys.ordered))

    def _judged(self, seen: Pass, other: int, count: int) -> Found | None:
        if not other:
            return None
        if self._certain is None:
            self._certain = not seen.tokens and seen.values is not None and _various(seen.values)
        jump = other > 0.9 * count and count >= 8
        self._gradual = self._gradual or (0.1 * count < other <= 0.9 * count and count >= 8)
        self._other = self._other + other if self._certain or (jump and not self._gradual) else 0
        if self._other >= 16 and len(self._orders) >= 16:
            return self._found(seen, f"{self._other} times a sequence came again with its steps in another order")
        return None

    def _compared(self, seen: Pass, run: Run, training: bool) -> Found | None:
        values, kept = seen.read, self._kept[training]
        if seen.tokens:
            return self._in_pairs(seen, training)
        if values is None or values.shape[1] < 8 or sum(map(len, kept)) >= 256:
            return None
        if kept and kept[0].shape[1:] != values.shape[1:]:
            return None
        kept.append(values[:64].copy())
        if training:
            self._remember_next(seen, values)
        a, b = (np.concatenate(rows) if rows else np.empty((0, 1, 1)) for rows in (self._kept[True], self._kept[False]))
        if min(len(a), len(b)) >= 64:
            ours, theirs = _neighbours(a), _neighbours(b)
            if abs(ours - theirs) > 0.3 and min(ours, theirs) < 0.5 * max(ours, theirs):
                return self._found(
                    seen, f"neighbouring steps are alike by {ours:.2f} in training and by {theirs:.2f} in evaluation"
                )
            if a.shape[1] == b.shape[1] and (_mirrored(a, b) or _mirrored(a**2, b**2) or _turned(a, b)):
                return self._found(seen, "the course of values in training is that in evaluation backwards")
        if training and len(a) >= 64:
            far = _scattered(a)
            if far:
                return self._found(
                    seen, f"the step most like another stands {far:.0f} steps away on average, at irregular distances"
                )
            if self._backwards(a):
                return self._found(seen, "the target continues the first step, not the last one: time runs backwards")
        return None

    def _in_pairs(self, seen: Pass, training: bool) -> Found | None:
        """Compare which symbol follows which."""
        values = seen.values
        if values is None or values.shape[2] != 1 or values.shape[1] < 4 or not 0 <= values.min() <= values.max() < 64:
            return None
        counts = self._counts.setdefault(training, np.zeros((64, 64)))
        if counts.sum() < 20_000:
            pairs = values[..., 0].astype(np.int64)
            np.add.at(counts, (pairs[:, :-1], pairs[:, 1:]), 1)
        if len(self._counts) < 2 or min(each.sum() for each in self._counts.values()) < 2_000:
            return None
        a, b = self._counts[True] / self._counts[True].sum(), self._counts[False] / self._counts[False].sum()
        same, mirror = np.abs(a - b).sum(), np.abs(a.T - b).sum()
        if same > 0.5 and mirror < 0.4 * same:
            return self._found(seen, "symbols follow each other in training as they precede each other in evaluation")
        alone = np.abs(np.outer(a.sum(1), a.sum(0)) - a).sum()
        if same > 0.5 and alone < 0.4 * same:
            return self._found(seen, "which symbol follows which is chance in training and a rule in evaluation")
        return None

    def _remember_next(self, seen: Pass, values: NDArray[np.float64]) -> None:
        target = next(
            (loss.target for loss in seen.losses if loss.target.numel() == len(values) and not loss.of_classes), None
        )
        self._next.append(
            np.full(len(values[:64]), np.nan) if target is None else np.asarray(target.double()).reshape(-1)[:64]
        )

    def _backwards(self, values: NDArray[np.float64]) -> bool:
        target = np.concatenate(self._next)
        if not np.isfinite(target).all() or target.std() == 0:
            return False
        for feature in np.moveaxis(values, 2, 0):
            with np.errstate(invalid="ignore", divide="ignore"):
                like = np.array([np.corrcoef(step, target)[0, 1] for step in feature.T])
            gaps = np.abs(feature - target[:, None]).mean(0)
            if (
                np.isfinite(like).all()
                and like[0] > 0.8
                and like[0] > like[1] > like[2] > like[-1] + 0.1
                and gaps.argmin() == 0
            ):
                return True
        return False

    @staticmethod
    def _found(seen: Pass, why: str) -> Found:
        main = seen.main
        return Found(
            "the inputs of " + (main.name if main else "the model"),
            f"the steps come in a wrong order: {why}",
            "shuffle sequences, not their steps; look for flip, randperm, view or reshape along time",
        )


def _various(values: Any) -> bool:
    """Whether steps are of real numbers of which no two are the same by chance."""
    few = values[:4]
    return bool((few != np.round(few)).any()) and all(len(np.unique(row, axis=0)) >= 0.6 * len(row) for row in few)


def _neighbours(values: NDArray[np.float64]) -> float:
    """The correlation of neighbouring steps within sequences: of the feature in which it is largest."""
    a, b = values[:, 1:] - values.mean(1, keepdims=True), values[:, :-1] - values.mean(1, keepdims=True)
    spread = (values - values.mean(1, keepdims=True)).var((0, 1)) + 1e-12
    return float(((a * b).mean((0, 1)) / spread).max())


def _mirrored(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether mean courses are each other's mirror image, and are no mirror images of themselves."""
    for k in range(a.shape[2]):
        x, y = a[:, :, k], b[:, :, k]
        noise = x.std(0).mean() / len(x) ** 0.5 + y.std(0).mean() / len(y) ** 0.5
        ours, theirs = x.mean(0), y.mean(0)
        same, mirror = np.abs(ours - theirs).mean(), np.abs(ours[::-1] - theirs).mean()
        if noise > 0 and same > 5 * noise and mirror < 0.3 * same:
            return True
    return False


def _turned(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether values rise fast and fall slowly in one and the other way round in the other."""
    for k in range(a.shape[2]):
        one, other = (np.diff(x[:, :, k], axis=1) for x in (a, b))
        skews = [float((d**3).mean() / max((np.abs(d) ** 3).mean(), 1e-30)) for d in (one, other)]
        if (
            min(map(abs, skews)) > 0.2
            and skews[0] * skews[1] < 0
            and abs(skews[0] + skews[1]) < 0.5 * max(map(abs, skews))
        ):
            return True
    return False


def _scattered(values: NDArray[np.float64]) -> float:
    """How far apart the most similar steps stand, if that is no neighbourhood and no season; else 0."""
    T = values.shape[1]
    for k in range(values.shape[2]):
        x = values[:, :, k]
        if (x.std(0) < 1e-9).any():
            continue
        like = np.abs(np.corrcoef(x.T))
        np.fill_diagonal(like, 0)
        best = like.argmax(1)
        near = np.diagonal(like, 1).mean()
        distances = np.abs(best - np.arange(T))
        common = np.bincount(distances).max() / T
        if like.max(1).mean() > 0.8 and near < 0.6 * like.max(1).mean() and common < 0.4:
            return float(distances.mean())
    return 0.0
