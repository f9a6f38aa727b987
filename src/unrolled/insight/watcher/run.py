"""The course of a run: loss, norms of gradients, sizes of updates; what rules compare a pass with."""

from __future__ import annotations

import math
import weakref
from collections import deque
from dataclasses import dataclass
from operator import is_
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
        self.each: dict[int, float] = {}
        """The norm of each parameter's gradient before the step, by its place among the parameters."""
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
        self._named = 0  # parameters whose names were known when those of the optimiser were named
        self._followed: list[_Followed] = []

    def name_of(self, parameter: Any) -> str:
        """What a parameter is called."""
        return self.all_names.of_parameter(parameter)

    def begin_backward(self) -> None:
        """A backward pass is about to add to gradients: are those that optimisers have followed still there?"""
        for followed in self._followed:
            followed.look()

    def begin_step(self, optimiser: Any) -> None:
        """An optimiser is about to step: measure what it is to follow."""
        import torch

        self.step += 1
        self.measured = {}
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        same = len(parameters) == len(self.parameters) and all(map(is_, parameters, self.parameters))
        if not same or self._named != len(self.all_names):
            self._take(parameters)
        grads = {k: p.grad for k, p in enumerate(parameters) if p.grad is not None and not p.grad.is_sparse}
        norms: Any = torch._foreach_norm([*grads.values()]) if grads else ()  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
        self.each = dict(zip(grads, [norm.item() for norm in norms], strict=True))
        self.norm = math.hypot(*self.each.values())
        self.losses.append(self.loss)
        self.norms.append(self.norm)
        if self.first_loss is None:
            self.first_loss = self.loss
        self._follow(optimiser, parameters[next(iter(grads))] if grads else None)

    def _take(self, parameters: list[Tensor]) -> None:
        """Remember the parameters of the optimiser, by name."""
        names = self.all_names
        self.parameters, self._named = parameters, len(names)
        self.names = [names.of_parameter(p) for p in parameters]
        self.optimised |= {id(p) for p in parameters}
        matrices = {name: p for name, p in zip(self.names, parameters, strict=True) if p.dim() == 2}
        recurrent = {name: p for name, p in matrices.items() if names.is_recurrent(p)}
        self.recurrent_weights = recurrent or matrices

    def _follow(self, optimiser: Any, first: Tensor | None) -> None:
        """An optimiser follows gradients, the first of them that of ``first``: were they there before its backward passes?"""
        own = next((each for each in self._followed if each.optimiser() is optimiser), None)
        if own is None:
            own = _Followed(weakref.ref(optimiser))
            self._followed = [own, *(each for each in self._followed if each.optimiser() is not None)]
        self.stepping, self.stale = id(optimiser), bool(own.left)
        own.first, own.left = first, None

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
        self.parameters, self.recurrent_weights, self._followed = [], {}, []


@dataclass
class _Followed:
    """The gradients that an optimiser has followed in its last step."""

    optimiser: weakref.ref[Any]
    first: Tensor | None = None
    """The first parameter that had one."""
    left: bool | None = None
    """Whether it was still there, and not zero, at every backward pass since; None before the first."""

    def look(self) -> None:
        """A backward pass is about to add to them."""
        grad = None if self.first is None else self.first.grad
        self.left = self.left is not False and grad is not None and bool(grad.any())
