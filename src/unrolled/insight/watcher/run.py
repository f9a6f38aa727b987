"""The course of a run: loss, norms of gradients, sizes of updates; what rules compare a pass with."""

from __future__ import annotations

import math
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from unrolled.insight.watcher.finding import Finding
from unrolled.insight.watcher.names import Names

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["Found", "Run"]

KEPT = 4000
"""Losses and norms that are remembered."""


class Found(NamedTuple):
    """What a rule answers if its cause is at work."""

    place: str
    message: str
    remedy: str


class Run:
    """What has happened so far."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.step = 0
        """Optimiser steps that were begun."""
        self.passes = 0
        """Backward passes."""
        self.loss = math.nan
        self.first_loss: float | None = None
        self.norm = math.nan
        """Of all gradients together, before the step."""
        self.losses = deque[float](maxlen=KEPT)
        self.norms = deque[float](maxlen=KEPT)
        self.each = deque[list[float]](maxlen=12)
        """The norm of each parameter's gradient in the last steps."""
        self.update: float | None = None
        """Of the step just taken: the largest change of a recurrent matrix relative to its norm."""
        self.updates = deque[float](maxlen=200)
        self.measured: dict[str, float] = {}
        """What rules measured at this step, for the record."""
        self.reach: list[Any] = []
        """How far back gradients reached when that was last measured."""
        self.all_names = Names()
        self.names: list[str] = []
        self.parameters: list[Tensor] = []
        self.optimised: set[int] = set()
        """Parameters of all optimisers that took a step."""
        self.recurrent_weights: dict[str, Tensor] = {}
        self.stepping = 0
        """Which optimiser takes this step."""
        self.stale = False
        """Whether it also follows the gradients of its step before: at every backward pass since they were still there."""
        self._left = weakref.WeakKeyDictionary[Any, bool | None]()

    def name_of(self, parameter: Any) -> str:
        """What a parameter is called."""
        return self.all_names.of_parameter(parameter)

    def begin_backward(self) -> None:
        """A backward pass is about to add to gradients: are those that optimisers have followed still there?"""
        for optimiser, left in self._left.items():
            self._left[optimiser] = left is not False and _grad_is_left(optimiser)

    def begin_step(self, optimiser: Any) -> None:
        """An optimiser is about to step: measure what it is to follow."""
        import torch

        names = self.all_names
        self.step += 1
        self.stepping, self.stale = id(optimiser), bool(self._left.get(optimiser))
        self._left[optimiser] = None
        self.measured = {}
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        if len(parameters) != len(self.parameters) or any(
            a is not b for a, b in zip(parameters, self.parameters, strict=True)
        ):
            self.parameters = parameters
            self.names = [names.of_parameter(p) for p in parameters]
            self.optimised |= {id(p) for p in parameters}
            self.recurrent_weights = {
                name: p
                for name, p in zip(self.names, parameters, strict=True)
                if p.dim() == 2 and names.is_recurrent(p)
            } or {name: p for name, p in zip(self.names, parameters, strict=True) if p.dim() == 2}
        grads = [p.grad for p in parameters if p.grad is not None and not p.grad.is_sparse]
        norms: list[float] = torch.stack(torch._foreach_norm(grads)).float().tolist() if grads else []  # pyright: ignore
        self.norm = math.sqrt(sum(norm * norm for norm in norms)) if norms else 0.0
        self.losses.append(self.loss)
        self.first_loss = self.loss if self.first_loss is None else self.first_loss
        self.norms.append(self.norm)
        placed = iter(norms)
        self.each.append([next(placed) if p.grad is not None and not p.grad.is_sparse else 0.0 for p in parameters])

    def updated(self, before: dict[str, Tensor]) -> None:
        """An optimiser has stepped; ``before`` holds what recurrent matrices were, if anybody kept it."""
        self.update = None
        if before:
            ratios = [
                float((self.recurrent_weights[name].detach() - old).norm() / old.norm().clamp_min(1e-12))
                for name, old in before.items()
                if name in self.recurrent_weights
            ]
            self.update = max(ratios, default=None)
            if self.update is not None:
                self.updates.append(self.update)

    def row(self) -> dict[str, float | None]:
        """What is recorded of this step."""
        return {
            "step": self.step,
            "loss": self.loss,
            "gradient_norm": self.norm,
            "update": self.update,
            **self.measured,
        }

    def improvement(self) -> float:
        """The share of the first losses that the last ones are lower by; below 0 where they are higher."""
        losses = [loss for loss in self.losses if math.isfinite(loss)]
        if len(losses) < 8:
            return 0.0
        part = max(2, len(losses) // 5)
        first, last = sum(losses[:part]) / part, sum(losses[-part:]) / part
        return (first - last) / max(abs(first), 1e-12)

    def gain(self) -> float:
        """The share of the very first loss that the last five are lower by on average."""
        if self.first_loss is None or not self.losses:
            return 0.0
        recent = list(self.losses)[-5:]
        return (self.first_loss - sum(recent) / len(recent)) / max(abs(self.first_loss), 1e-12)

    def not_finite(self) -> str | None:
        """The first parameter, or else the first gradient, that is not finite."""
        import torch

        for what, tensors in (("parameter", self.parameters), ("the gradient of", [p.grad for p in self.parameters])):
            for name, tensor in zip(self.names, tensors, strict=False):
                if tensor is not None and not bool(torch.isfinite(tensor).all()):
                    return f"{what} {name} is not finite"
        return None

    def forget(self) -> None:
        """Hold on to no tensors."""
        self.parameters, self.recurrent_weights = [], {}
        self._left.clear()


def _grad_is_left(optimiser: Any) -> bool:
    """Whether the first gradient that an optimiser follows is there and not zero."""
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                return bool(parameter.grad.any())
    return False
