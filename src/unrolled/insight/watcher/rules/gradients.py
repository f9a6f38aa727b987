"""Gradients: how they change from step to step, and on their way back through time."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.insight.watcher.layers import ROWS, replayed
from unrolled.insight.watcher.records import LayerCall, Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["Exploding", "Float16Underflow", "Reach", "Vanishing", "reaches"]


class Reach(NamedTuple):
    """How the gradient of the last step's loss goes back through a layer."""

    place: str
    norms: NDArray[np.float64]
    r"""Of each step ``[T]``, :math:`\|\partial L / \partial a_t\|`, seen through W at the input or at the state itself."""

    @property
    def share(self) -> float:
        """The first step's norm relative to the last one's."""
        return float(self.norms[0] / self.norms[-1]) if self.norms[-1] > 0 else float("nan")


def reaches(seen: Pass) -> Iterator[Reach]:
    """For each recurrent layer that can be looked into: how far back the gradient at its last step reaches.

    The layer runs again on a few sequences, and the gradient that its last used output got is sent back to its inputs. Cells that
    take one step a call have their states' gradients as they are.
    """
    import torch

    singles: dict[int, list[LayerCall]] = {}
    for layer in seen.layers:
        if layer.single:
            singles.setdefault(id(layer.module), []).append(layer)
            continue
        grad = _last_gradient(layer) if layer.upstream and layer.steps >= 4 else None
        if grad is None or (layer.module.num_layers > 1 and layer.module.bidirectional):
            continue
        for place, x, y, _ in replayed(layer)[-1:]:
            (back,) = torch.autograd.grad(y[grad.end - 1], x, grad.values[:ROWS].to(y))
            yield Reach(place, np.asarray(back[: grad.end].norm(dim=2).mean(1).double()))
    for calls in singles.values():
        norms = [call.upstream.get("last0", call.upstream.get("y")) for call in calls]
        if len(calls) >= 4 and all(norm is not None for norm in norms):
            yield Reach(calls[0].place, np.array([float(norm.norm()) for norm in norms if norm is not None]))


class _LastGradient(NamedTuple):
    values: Tensor
    """``[B, H]``"""
    end: int
    """The step behind it."""


def _last_gradient(layer: LayerCall) -> _LastGradient | None:
    """The gradient at the last step of the first sequences' output that has one, or at the last state."""
    H = layer.module.hidden_size
    grad = layer.upstream.get("y")
    if grad is not None and grad.dim() == 3:
        sizes = grad[:, :ROWS, :H].abs().amax((1, 2))
        used = sizes.nonzero().flatten()
        if len(used) and int(used[-1]) >= layer.steps // 2:
            end = int(used[-1]) + 1
            return _LastGradient(grad[end - 1, :, :H], end)
    grad = layer.upstream.get("last0")
    if grad is not None and grad.dim() == 3 and bool(grad.any()):
        directions = 2 if layer.module.bidirectional else 1
        return _LastGradient(grad[-directions], layer.steps)
    return None


class Vanishing:
    """Measured, and the loss says so: the last step's gradient does not arrive at the first steps, and nothing is learned.

    Of a gradient below 1e-4 of what it was at the end, rounding and the other gradients leave nothing (Bengio et al. 1994;
    Pascanu et al. 2013). In many tasks the early steps do not matter, so that the loss must also have fallen by less than 2 %
    in at least 120 steps, and there are at least 20 steps of time.
    """

    cause = "vanishing"

    def steps(self, seen: Pass, run: Run) -> Found | None:
        """Before a step that is looked at closely."""
        found = [reach for reach in reaches(seen) if len(reach.norms) >= 20]
        for reach in found:
            if np.isfinite(reach.share):
                run.measured["reach"] = reach.share
        run.reach = found
        weak = [reach for reach in found if reach.share < 1e-4]
        if not weak or len(weak) < len(found) or run.step < 120 or run.improvement() > 0.02:
            return None
        reach = min(weak, key=lambda each: each.share)
        gone = np.flatnonzero(reach.norms[::-1] < 0.01 * reach.norms[-1])
        return Found(
            reach.place,
            f"the gradient is below 1 % after {int(gone[0])} of {len(reach.norms)} steps back and {reach.share:.0e} at the first,"
            f" and in {run.step} steps the loss has fallen by {max(run.improvement(), 0):.1%}",
            "an LSTM or GRU with a forget bias for the span (unrolled.nn.LSTM(chrono=T)), or an orthogonal U",
        )


class Exploding:
    """Measured: gradients grow by far more than training explains.

    The norm of all gradients, as the optimiser gets it, is 20 times the median so far and 40 times the loss, whatever its
    scale: single spikes of LSTMs that learn well stay at about 15 times the loss. Clipping hides it, as it should (Pascanu et
    al. 2013).
    """

    cause = "exploding"

    def stepped(self, seen: Pass, run: Run) -> Found | None:
        """After every step."""
        norms = run.norms
        if run.step < 4 or run.norm < 1 or run.norm < 40 * abs(run.loss):
            return None
        usual = median(list(norms)[:-1][-200:])
        if run.norm < 20 * usual:
            return None
        lowest = min(list(norms)[-4:-1])
        matrices = [place for place in run.each if "hh" in run.names[place]]
        return Found(
            run.names[max(matrices or run.each, key=run.each.__getitem__)],
            f"the gradient norm grew {run.norm / max(lowest, 1e-12):.0f}x in 3 steps to {run.norm:.3g},"
            f" {run.norm / max(usual, 1e-12):.0f} times its median",
            "clip it at 1.0 (torch.nn.utils.clip_grad_norm_), or start U orthogonal",
        )


def _on_grid(grad: Tensor) -> bool:
    """Whether all numbers are numbers of float16, and not all are zero."""
    return bool((grad.half().to(grad.dtype) == grad).all()) and bool(grad.any())


class Float16Underflow:
    r"""A fact: gradients have gone through half precision, and most of them are zero or below its normal numbers.

    float16 has nothing between 0 and :math:`2^{-24} \approx 6\cdot 10^{-8}`, and few digits below :math:`6\cdot 10^{-5}`
    (Micikevicius et al. 2018). Half precision is seen by the types of outputs, parameters or gradients, or by gradients that all
    are numbers of float16; half of a recurrent matrix's gradient must be below in three looks.
    """

    cause = "float16_underflow"

    def __init__(self) -> None:
        self._count = 0

    def steps(self, seen: Pass, run: Run) -> Found | None:
        """Before a step that is looked at closely."""
        import torch

        worst, where = 0.0, ""
        for name, weight in run.recurrent_weights.items():
            grad = weight.grad
            if grad is None or not grad.numel():
                continue
            lost = float((grad.float().abs() < 6.1e-5).float().mean())
            half = torch.float16 in (grad.dtype, weight.dtype) or torch.float16 in seen.dtypes
            if lost > max(worst, 0.5) and (half or _on_grid(grad)):
                worst, where = lost, name
        self._count = self._count + 1 if worst > 0.5 else 0
        if self._count < 3:
            return None
        return Found(
            where,
            f"{worst:.0%} of its gradient is zero or has lost its digits: it was below 6e-5 in half precision",
            "scale the loss before backward and the gradients after it (torch.amp.GradScaler), or use bfloat16 or float32",
        )
