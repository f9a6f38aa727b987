"""Padding: what stands behind the end of short sequences, found by its shape alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.insight.watcher.records import Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["Padding", "PaddingInLoss", "PaddingReadBackwards", "padding_of"]


class Padding(NamedTuple):
    """Of a batch."""

    lengths: NDArray[np.int64]
    """``[B]``, without the padding."""
    steps: int

    @property
    def share(self) -> float:
        """Of all steps."""
        return 1 - float(self.lengths.mean()) / self.steps


def padding_of(values: Any) -> Padding | None:
    """The padding at the end of ``values [B, T, F]``; None if that is no padding.

    It is padding if rows end in a run of the same step, the value is the same in all rows that do, lengths differ, and the
    value is rare in front of the runs (at most 1 % of steps), as a symbol of its own is and a signal's zero is not.

    >>> padding_of(np.array([[1, 2, 0, 0], [3, 1, 2, 4], [2, 0, 0, 0], [4, 3, 1, 0]])[..., None]).lengths
    array([2, 4, 1, 3])
    """
    if values is None or len(values) < 4:
        return None
    T = values.shape[1]
    last = values[:, -1:]
    same = (values == last).all(2)[:, ::-1]
    runs = np.where(same.all(1), T, same.argmin(1))
    padded = runs >= 2
    if not padded.any():
        return None
    pad = values[padded][0, -1]
    is_pad = (values == pad).all(2)
    runs = np.where(is_pad[:, -1], runs, 0)
    lengths = T - runs
    inside = np.arange(T) < lengths[:, None]
    if (runs >= 1).mean() < 0.25 or len(np.unique(lengths)) < 3 or not inside.any():
        return None
    if (is_pad & inside).sum() > 0.01 * inside.sum():
        return None
    return Padding(lengths, T)


def padding_left_out(seen: Pass) -> Padding | None:
    """The padding that a loss leaves out: behind the last step of each row at which it has a gradient all inputs are the same.

    Lengths must differ, and a tenth of the steps be left out; inputs may be what they are in front of that, too.
    """
    values = seen.values
    if values is None or len(values) < 4:
        return None
    B, T = values.shape[:2]
    for call in seen.calls:
        for _, grad in call.upstream:
            each = _by_row(grad, B, T, seen.batch_first)
            if each is None or not each.any(1).all():
                continue
            lengths = T - (each[:, ::-1] > 0).argmax(1)
            behind = values[np.arange(T) >= lengths[:, None]]
            found = Padding(lengths, T)
            if len(np.unique(lengths)) >= 3 and found.share > 0.1 and bool((behind == behind[0]).all()):
                return found
    return None


class PaddingInLoss:
    """A fact: the gradient of the loss with respect to the model's output is not zero at steps that are padding.

    Whether by a mask, an ``ignore_index`` or a selection, a loss that leaves padding out has no gradient there. Outputs for every
    step, at least a tenth of the steps padding.
    """

    cause = "padding_in_loss"

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the gradient at padded steps."""
        if not seen.close or (padding := padding_of(seen.values)) is None or padding.share < 0.1:
            return None
        B, T = len(padding.lengths), padding.steps
        behind = np.arange(T) >= padding.lengths[:, None]
        for call in seen.calls:
            for _, grad in call.upstream:
                each = _by_row(grad, B, T, seen.batch_first)
                if each is None or not each[~behind].any():
                    continue
                counted = each[behind] > 0
                if counted.mean() > 0.5:
                    return Found(
                        call.name,
                        f"{padding.share:.0%} of the steps are padding, and {counted.mean():.0%} of these count in the loss",
                        "leave them out: ignore_index of cross_entropy, or loss with reduction='none' times a mask, over its"
                        " sum",
                    )
        return None


def _by_row(grad: Tensor, B: int, T: int, batch_first: bool) -> NDArray[np.float64] | None:
    """The size of a gradient at each step, ``[B, T]``; None if it is none of each step."""
    shape = tuple(grad.shape[:2])
    if shape == (B, T) and (batch_first or B != T):
        each = grad.reshape(B, T, -1)
    elif shape == (T, B):
        each = grad.reshape(T, B, -1).transpose(0, 1)
    elif len(grad) == B * T:
        each = grad.reshape(B, T, -1) if batch_first else grad.reshape(T, B, -1).transpose(0, 1)
    else:
        return None
    return np.asarray(each.abs().amax(2).double())


class PaddingReadBackwards:
    """A fact: a layer reads padded sequences from the end, and was told no lengths, so that it begins in the padding.

    A bidirectional layer, or one whose input is the flipped input of another in the same pass. Padding is seen by its shape, or
    by a loss that leaves it out.
    """

    cause = "padding_read_backwards"

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at layers that know no lengths."""
        loose = [layer for layer in seen.layers if not layer.packed and not layer.single]
        if not seen.close or not loose or seen.values is None:
            return None
        padding = padding_of(seen.values) or padding_left_out(seen)
        if padding is None:
            return None
        backwards = next((layer for layer in loose if layer.module.bidirectional), None)
        backwards = backwards or next((layer for layer in loose if self._flipped(layer.x, loose)), None)
        if backwards is None or backwards.steps != padding.steps:
            return None
        return Found(
            backwards.place,
            f"its backward direction begins in the padding, {padding.share:.0%} of the steps, and knows no lengths",
            "give it pack_padded_sequence(x, lengths, enforce_sorted=False), or lengths= of unrolled.nn",
        )

    @staticmethod
    def _flipped(x: Tensor, loose: list[Any]) -> bool:
        return any(
            layer.x.shape == x.shape and not bool((layer.x == x).all()) and bool((layer.x.flip(0) == x).all())
            for layer in loose
        )
