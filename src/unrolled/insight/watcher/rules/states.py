"""States: carried, lost or cut off between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrolled.insight.watcher.records import LayerCall, Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["StateCarried", "StateNotCarried", "StateNotDetached", "follows"]


class StateNotDetached:
    """A fact: the state given to a layer leads into the graphs of earlier backward passes, which each pass goes through again.

    Three generations deep, or torch's own complaint that a graph is used a second time or that a parameter in it has been
    changed, while a state led into an earlier one.
    """

    cause = "state_not_detached"

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the layers' given states."""
        deepest = max(seen.layers, key=lambda layer: layer.ancestors, default=None)
        if deepest is None or deepest.ancestors < 3:
            return None
        return self._found(deepest, f"a backward pass runs through the graphs of {deepest.ancestors} passes before it")

    def failed(self, seen: Pass, error: BaseException, run: Run) -> Found | None:
        """Look at what torch says."""
        deepest = max(seen.layers, key=lambda layer: layer.ancestors, default=None)
        words = ("second time", "modified by an inplace operation")
        if deepest is None or not deepest.ancestors or not any(word in str(error) for word in words):
            return None
        return self._found(deepest, "the backward pass failed in the graph of the pass before it")

    @staticmethod
    def _found(layer: LayerCall, what: str) -> Found:
        return Found(
            layer.place,
            f"the carried state is not detached: {what}, and the graph grows with every batch",
            "carry h.detach(), for an LSTM (h.detach(), c.detach()), and leave out retain_graph",
        )


class StateCarried:
    """A fact: a batch starts from the states the last one ended in, although its sequences do not go on from those before.

    They do not if most sequences of a batch have had other predecessors before, as after shuffling (three batches), or if each
    sequence has one target of its own (five batches) and no row is continued exactly.
    """

    cause = "state_carried"

    def __init__(self) -> None:
        self._before: dict[int, int] = {}
        self._last: Pass | None = None
        self._changed = self._kept = self._single = 0

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at who follows whom."""
        last, self._last = self._last, seen if seen.eager else None
        carried = next((layer for layer in seen.layers if layer.earlier), None)
        if not seen.eager or carried is None or last is None or seen.keys is None or last.keys is None:
            return None
        if len(seen.keys.ordered) != len(last.keys.ordered):
            return None
        changed = 0
        for key, before in zip(seen.keys.ordered, last.keys.ordered, strict=True):
            known = self._before.setdefault(key, before) if len(self._before) < 100_000 else before
            changed += known != before
        often = changed > 0.5 * len(seen.keys.ordered)
        self._changed, self._kept = self._changed + often, self._kept + (not often)
        one_target = any(loss.target.numel() == carried.batch > 1 for loss in seen.losses) and carried.steps > 1
        self._single += one_target and not follows(last, seen)
        if self._changed >= 3 and self._changed > 0.1 * self._kept:
            why = f"in {self._changed} batches most sequences followed others than they had before"
        elif self._single >= 5:
            why = f"in {self._single} batches each sequence had a target of its own"
        else:
            return None
        return Found(
            carried.place,
            f"batches begin in the states that the last one ended in, but their sequences do not go on from those: {why}",
            "begin each batch without a state (hx=None), or read one stream in order, a row for each place in the batch",
        )


class StateNotCarried:
    """A fact: each batch goes on exactly where the last one ended, every row, and begins without a state.

    It goes on if its inputs lie in memory right behind the last ones along time, or if the last targets of all rows are the first
    inputs. Targets at every step, ten batches in a row. Also: a layer that is called for one step at a time, without a state.
    """

    cause = "state_not_carried"

    def __init__(self) -> None:
        self._last: Pass | None = None
        self._count = self._single = 0

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at how a batch begins."""
        last, self._last = self._last, seen if seen.eager else None
        bare = next((layer for layer in seen.layers if not _starts_with_state(layer)), None)
        if bare is None:
            return None
        alone = [layer for layer in seen.layers if layer.module is bare.module and layer.steps == 1 and not layer.hx]
        if len(alone) > 3:
            return self._found(bare, f"it is called {len(alone)} times for one step, each time without a state")
        if last is None:
            return None
        each_step = any(loss.target.numel() >= 2 * max(bare.batch, 1) for loss in seen.losses)
        goes_on = (each_step or not seen.losses) and bare.steps > 1 and follows(last, seen)
        self._count = self._count + 1 if goes_on else max(0, self._count - 3)
        if self._count < 10:
            return None
        return self._found(
            bare,
            f"in {self._count} batches every row went on where it had ended in the batch before, and began in zeros",
        )

    def evaluated(self, seen: Pass, run: Run) -> Found | None:
        """Look for single steps without a state."""
        bare = next((layer for layer in seen.layers if layer.steps == 1 and not layer.hx), None)
        self._single = 0 if bare is None or not run.step else self._single + 1
        if bare is None or self._single < 5:
            return None
        return self._found(bare, f"it is called {self._single} times in a row for one step, each time without a state")

    @staticmethod
    def _found(layer: LayerCall, what: str) -> Found:
        return Found(
            layer.place,
            f"the state is lost although the sequence goes on: {what}",
            "give the last call's state to the next, detached: out, state = rnn(x, state)",
        )


def _starts_with_state(layer: LayerCall) -> bool:
    return any(bool(state.any()) for state in layer.hx)


def follows(last: Pass, seen: Pass) -> bool:
    """Whether every row of a pass goes on exactly where the same row of the last one ended."""
    a, b = last.rows, seen.rows
    if a is None or b is None or a.shape[0] != b.shape[0] or a.dtype != b.dtype:
        return False
    if _lies_behind(a, b):
        return True
    for loss in last.losses:
        target, first = _by_row(loss, last), b[:, 0].detach().reshape(len(b), -1)
        if target is None:
            continue
        if first.shape[1] > 1 and target.shape[1] == 1 and bool(((first == 0) | (first == 1)).all()):
            first = first.argmax(1, keepdim=True)  # one column for each symbol
        varied = len(b) == 1 or len(first.unique()) > 1
        if varied and target.shape == first.shape and bool((target == first.to(target.dtype)).all()):
            return True
    return False


def _by_row(loss: Any, seen: Pass) -> Tensor | None:
    """The target at the last step of each row."""
    assert seen.rows is not None
    B, T = seen.rows.shape[:2]
    target = loss.target.detach()
    if target.numel() % (B * T):
        return None
    if (target.shape[:2] == (T, B) and (T != B or not seen.batch_first)) or (
        target.dim() == 1 and not seen.batch_first
    ):
        return target.reshape(T, B, -1)[-1]
    return target.reshape(B, T, -1)[:, -1]


def _lies_behind(a: Tensor, b: Tensor) -> bool:
    """Whether ``b [B, T, ...]`` is the part of a longer stored tensor that comes right after ``a`` along time."""
    along, T = b.stride(1), b.shape[1]
    if a.stride() != b.stride() or b.data_ptr() - a.data_ptr() != a.shape[1] * along * b.element_size():
        return False
    if len(b) > 1:  # rows go on in memory, or steps lie side by side
        return b.stride(0) > T * along or b.stride(0) < along
    base = b._base
    return base is not None and any(
        size > T for size, stride in zip(base.shape, base.stride(), strict=True) if stride == along
    )
