"""Data: scales, labels, answers among the inputs, and sequences that are in both parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.insight.watcher.records import LossCall, Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["ConstantLabels", "DuplicateRows", "InputsNotScaled", "TargetShifted"]

ENOUGH_BITS = 24
"""Of a sequence, so that two of many thousands are hardly ever the same by chance."""


class InputsNotScaled:
    r"""Measured: numbers that are far from 0 or far from 1 in size go into a recurrent layer.

    Its parameters start within :math:`\pm 1/\sqrt H`, so that inputs of size 1 move gates within their slope (LeCun et al.
    1998, Efficient BackProp). Far: a feature with a root mean square above 15, or a mean above 2 that is over 20 deviations
    from 0, or all features below 1e-3. Where the recurrent layer reads something else than the model does, both must be large,
    or nothing must normalise.
    """

    cause = "inputs_not_scaled"

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the numbers that are read."""
        if not seen.close or seen.tokens or seen.values is None or run.step > 20:
            return None
        values = seen.values.reshape(-1, seen.values.shape[-1])
        first = next(iter(seen.layers), None)
        if first is not None:
            x = first.x.detach().float()
            if x.numel() and not x.is_meta:
                read = np.asarray(x.reshape(-1, x.shape[-1]).double())
                if read.shape[-1] != values.shape[-1] and not self._why(read):
                    return None
                if read.shape[-1] == values.shape[-1]:
                    values = read
        elif seen.main is not None and any("Norm" in type(module).__name__ for module in seen.main.module.modules()):
            return None
        why = self._why(values)
        if why is None:
            return None
        return Found(
            "the inputs of " + (seen.main.name if seen.main else "the model"),
            why,
            "subtract the mean and divide by the deviation of each feature in the training data",
        )

    @staticmethod
    def _why(values: NDArray[np.float64]) -> str | None:
        if not np.isfinite(values).all():
            return None
        size, mean, spread = np.sqrt((values**2).mean(0)), np.abs(values.mean(0)), values.std(0)
        big = int(size.argmax())
        if size[big] > 15:
            return f"feature {big} has a root mean square of {size[big]:.4g}, where about 1 is expected"
        off = np.flatnonzero((spread > 0) & (mean > 2) & (mean > 20 * spread))
        if len(off):
            k = int(off[0])
            return f"feature {k} varies by {spread[k]:.3g} around {mean[k]:.4g}"
        if 0 < size.max() < 1e-3:
            return f"the largest feature has a root mean square of {size.max():.2g}, where about 1 is expected"
        return None


class ConstantLabels:
    r"""A fact: batches hold one label each, although there are several.

    The mean entropy of labels within batches is below a fifth of that of all labels together,
    :math:`H = -\sum_k p_k \log p_k`, over 8 batches of 4 sequences or more; for numbers, the variance within batches below a
    twentieth of the variance of all.
    """

    cause = "constant_labels"

    def __init__(self) -> None:
        self._all: dict[int, int] = {}
        self._within: list[float] = []
        self._moments: list[tuple[float, float]] = []

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the targets of a batch."""
        loss = next((loss for loss in seen.losses if loss.target.numel() >= 4), None)
        rows = seen.rows
        if not seen.eager or loss is None or rows is None or len(rows) < 4 or loss.target.numel() % len(rows):
            return None
        target = loss.target.reshape(-1)
        if loss.of_classes or bool(((target == 0) | (target == 1)).all()):
            return self._classes(np.asarray(target).astype(np.int64), loss.options.get("ignore_index", -100))
        if loss.target.numel() != len(rows):
            return None
        self._moments.append((float(target.double().mean()), float(target.double().var())))
        means, within = np.array(self._moments[-64:]).T
        if len(means) < 8 or not means.var() > 0 or within.mean() > 0.05 * (within.mean() + means.var()):
            return None
        share = within.mean() / (within.mean() + means.var())
        return self._found(
            f"targets within a batch have {share:.0%} of the variance of all targets, over {len(means)} batches"
        )

    def _classes(self, target: NDArray[np.int64], ignored: int) -> Found | None:
        labels, counts = np.unique(target[target != ignored], return_counts=True)
        if not len(labels):
            return None
        self._within.append(_entropy(counts))
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True):
            self._all[label] = self._all.get(label, 0) + count
        whole, recent = _entropy(np.array(list(self._all.values()))), float(np.mean(self._within[-64:]))
        if len(self._within) < 8 or whole < 0.3 or recent > 0.2 * whole:
            return None
        one = np.mean(np.array(self._within) < 1e-9)
        return self._found(
            f"{one:.0%} of {len(self._within)} batches hold one label only, although there are {len(self._all)}"
        )

    @staticmethod
    def _found(why: str) -> Found:
        return Found(
            "the batches", f"the data are sorted by label: {why}", "shuffle them: DataLoader(..., shuffle=True)"
        )


def _entropy(counts: NDArray[Any]) -> float:
    p = counts / counts.sum()
    return float(-(p * np.log(p)).sum())


class DuplicateRows:
    """A fact: sequences that were learned from are in evaluation, too.

    A pass of evaluation mixes known sequences with unknown ones; one in which all are known may measure the training part, and
    counts only if the same ones come again, no others were ever evaluated, and they are fewer than 60 % of those that were
    learned from. More than 2 % of at least 16; of whole numbers and of short sequences only those count that hold more than 24
    bits, and five times as many as equal pairs within batches would bring about by chance. Windows of a stream, which
    begin in given states, are no sequences.
    """

    cause = "duplicate_rows"

    def __init__(self) -> None:
        self._learned: dict[int, int] = {}
        self._pairs = self._equal = 0
        self._known = self._new = 0
        self._all_known: set[int] = set()
        self._once: set[int] = set()

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Remember sequences."""
        if not seen.eager or seen.keys is None or len(self._learned) > 200_000:
            return None
        keys = seen.keys.ordered
        self._pairs += len(keys) * (len(keys) - 1) // 2
        self._equal += sum(count * (count - 1) // 2 for count in _multiplicities(keys))
        for key in keys:
            self._learned[key] = self._learned.get(key, 0) + 1
        return None

    def evaluated(self, seen: Pass, run: Run) -> Found | None:
        """Look for them."""
        rows = seen.rows
        if (
            seen.keys is None
            or rows is None
            or not self._learned
            or any(layer.hx for layer in seen.layers if not layer.single)
        ):
            return None
        places = {key: place for place, key in enumerate(seen.keys.ordered) if key not in self._once}
        fresh = list(places)
        self._once.update(fresh)
        known = [key for key in fresh if key in self._learned]
        if fresh and len(known) == len(fresh):  # the training part, or too little to tell
            self._all_known.update(fresh)
            return None
        if not fresh:
            return self._only_known(run)
        if not self._certain(seen):
            known = [key for key in known if _bits(rows[places[key]]) > ENOUGH_BITS]
        self._known, self._new = self._known + len(known), self._new + len(fresh) - len(known)
        expected = (self._equal + 0.5 * (self._equal > 0)) / max(self._pairs, 1) * len(self._learned)
        expected = 0.0 if self._certain(seen) else expected
        total = self._known + self._new
        share = self._known / total
        if total < 16 or self._known < 3 or share < 0.02 + 5 * expected:
            return None
        return self._found(f"{self._known} of {total} sequences in evaluation ({share:.0%}) were learned from")

    def _only_known(self, run: Run) -> Found | None:
        """The same sequences are evaluated again: are they a part of those that were learned from, and there are no others?"""
        count = len(self._all_known)
        if self._new or self._known or count < 16 or count != len(self._once) or count > 0.6 * len(self._learned):
            return None
        return self._found(f"all {count} sequences in evaluation were learned from")

    @staticmethod
    def _certain(seen: Pass) -> bool:
        return not seen.tokens and seen.values is not None and _various(seen.values)

    @staticmethod
    def _found(why: str) -> Found:
        return Found("the data", why, "remove duplicates before splitting, and split by what belongs together")


def _various(values: NDArray[np.float64]) -> bool:
    """Whether sequences are of real numbers, so that no two are the same by chance: eight in each, not all whole."""
    few = values[:4].reshape(min(4, len(values)), -1)
    return bool((few != np.round(few)).any()) and all(len(np.unique(row)) >= 8 for row in few)


def _bits(row: Tensor) -> float:
    """How many bits a sequence holds if its steps are drawn from those it has: length times their entropy."""
    _, counts = np.unique(np.asarray(row.reshape(len(row), -1)), axis=0, return_counts=True)
    return len(row) * _entropy(counts) / np.log(2)


def _multiplicities(keys: list[int]) -> list[int]:
    counts: dict[int, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return [count for count in counts.values() if count > 1]


class TargetShifted:
    """A fact: the answer is among what the model has read when it has to answer.

    The target of a step is the input of that very step, in every place, or a linear function of one of its features; the target
    of a sequence is its last input likewise; or the target is the next input and the model reads backwards, too. Five batches,
    values that vary. Targets that are earlier inputs (an echo) are a task. An autoencoder, whose decoder does not read what it
    has to say, is none of it: some recurrent layer there reads what does not change along time, or is given a state.
    """

    cause = "target_shifted"

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Compare targets with inputs."""
        if (run.passes > 12 and not seen.close) or seen.values is None or self._rebuilds(seen):
            return None
        whys = {why for loss in seen.losses for why in _leaks(loss, seen)}
        self._count = {why: self._count.get(why, 0) + 1 for why in whys}
        for why, count in self._count.items():
            if count >= 5:
                return Found(
                    "the targets",
                    f"{why}, in {count} batches: the model reads the answer",
                    "shift the targets by one step: x[:, :-1] and y = x[:, 1:], and leave the answer out of the features",
                )
        return None

    @staticmethod
    def _rebuilds(seen: Pass) -> bool:
        whole = [layer for layer in seen.layers if not layer.single and not layer.packed]
        for layer in whole[1:]:
            given = bool(layer.hx) and not layer.earlier
            if given or (layer.steps > 1 and bool((layer.x[1:] == layer.x[:1]).all())):
                return True
        return any(layer.packed for layer in seen.layers) and len(seen.layers) > 1


def _leaks(loss: LossCall, seen: Pass) -> list[str]:
    """How a target can be read off the inputs of its own step."""
    values = seen.values
    B, T, F = values.shape
    target = loss.target
    found: list[str] = []
    if target.numel() == B:
        y = np.asarray(target.double()).reshape(B)
        if not (seen.tokens and loss.of_classes) and B < 8:
            return []
        if _read_off(values[:, -1], y):
            found.append("the target of each sequence is what its last step shows")
        return found
    if target.numel() % B == 0 and target.shape[0] == B and target.numel() < B * T:
        first = np.asarray(target.double()).reshape(B, -1)[:, 0]
        if B >= 8 and first.std() > 0 and any(np.array_equal(first, feature) for feature in values[:, -1].T):
            found.append("the first target of each sequence is its last step")
    if target.numel() not in (B * T, B * T * F):
        return found
    y = np.asarray(target.double())
    turned = target.shape[:2] == (T, B) if T != B else not seen.batch_first
    turned = turned or (target.dim() == 1 and not seen.batch_first)
    y = y.reshape(T, B, -1).swapaxes(0, 1) if turned else y.reshape(B, T, -1)  # [B, T, O]
    if _all_read_off(values, y):
        found.append("the target of each step is what this step shows")
    backwards = any(layer.module.bidirectional for layer in seen.layers if not layer.single)
    if backwards and T > 2 and _all_read_off(values[:, 1:], y[:, :-1]):
        found.append("the target of each step is the next step, and the model also reads backwards")
    return found


def _all_read_off(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    if y.shape[2] > 1:
        return bool(y.std() > 0) and np.array_equal(x, y)
    return _read_off(x.reshape(-1, x.shape[2]), y.reshape(-1))


def _read_off(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether ``y [N]`` is a feature of ``x [N, F]``, or a linear function of one."""
    if len(y) < 8 or y.std() == 0 or not np.isfinite(y).all():
        return False
    varied = x[:, x.std(0) > 0]
    varied, y = varied - varied.mean(0), y - y.mean()
    alike = varied.T @ y / np.sqrt((varied**2).sum(0) * (y @ y))
    return bool((np.abs(alike) > 1 - 1e-6).any())
