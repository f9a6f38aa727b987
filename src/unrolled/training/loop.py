"""The training loop: batches, loss, gradients, clipping, a step; early stopping on what it never trains on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

import torch

from unrolled.errors import TrainingError

__all__ = ["Progress", "TrainingRun", "train"]

Batch = TypeVar("Batch")

EXPLODED = 1e4  # times the first loss


@dataclass(frozen=True)
class Progress:
    """Where training is, after a step.

    Attributes:
        phase: what this run is for, such as ``validating``.
        step, steps: steps done, and how many there are if nothing stops it early.
        epoch: the epoch of this step, from 1.
        loss: the training loss of this step.
        validation_loss: the last one, if there is one.
        seconds: since the run began.
    """

    phase: str
    step: int
    steps: int
    epoch: int
    loss: float
    validation_loss: float | None
    seconds: float


@dataclass
class TrainingRun:
    """What happened: mean loss of each epoch, validation loss after each epoch, and the epoch whose state was kept."""

    losses: list[float] = field(default_factory=list[float])
    validation_losses: list[float] = field(default_factory=list[float])
    best_epoch: int = 0


def train(
    module: torch.nn.Module,
    batches: Callable[[], Iterable[Batch]],
    loss: Callable[[Batch], torch.Tensor],
    *,
    epochs: int,
    stop_after: int | None = None,
    batches_per_epoch: int,
    learning_rate: float,
    clip_norm: float,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    first_candidate: int = 1,
    phase: str = "training",
    callback: Callable[[Progress], object] | None = None,
) -> TrainingRun:
    """Minimise ``loss`` over the parameters of ``module`` with Adam.

    The learning rate falls from ``learning_rate`` to zero along half a cosine over ``epochs``; ``stop_after`` ends the
    run earlier on that same curve. With ``validate`` the module ends in the state of its best epoch from
    ``first_candidate`` on, and ``patience`` epochs without a better one end the run.

    Args:
        batches: called once an epoch.
        batches_per_epoch: how many it gives.
        clip_norm: gradients longer than this are shortened to it.
        callback: called after every step.

    Raises:
        TrainingError: the loss or a gradient is not finite, or the loss exploded. The message names step and parameter;
            the module is back in its best state so far.
    """
    run = TrainingRun()
    optimiser = torch.optim.Adam(module.parameters(), lr=learning_rate, foreach=True)
    best_loss, best_state = math.inf, _state(module)
    step, first_loss, started = 0, None, perf_counter()
    for epoch in range(1, (stop_after or epochs) + 1):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / epochs))
        module.train()
        total = 0.0
        for batch in batches():
            step += 1
            optimiser.zero_grad()
            batch_loss = loss(batch)
            batch_loss.backward()
            norm = torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
            value = batch_loss.item()
            first_loss = value if first_loss is None else first_loss
            problem = _problem(module, value, first_loss, norm.item())
            if problem:
                module.load_state_dict(best_state)
                raise TrainingError(
                    f"training stopped at step {step} (epoch {epoch}): {problem}; the best state before it was kept;"
                    f" check the data for extreme values, or lower learning_rate (now {learning_rate:g})"
                )
            torch.nn.utils.clip_grads_with_norm_(module.parameters(), clip_norm, norm)
            optimiser.step()
            total += value
            if callback is not None:
                validation = run.validation_losses[-1] if run.validation_losses else None
                steps = (stop_after or epochs) * batches_per_epoch
                callback(Progress(phase, step, steps, epoch, value, validation, perf_counter() - started))
        run.losses.append(total / batches_per_epoch)
        score = run.losses[-1]
        if validate is not None:
            module.eval()
            with torch.no_grad():
                score = validate()
            run.validation_losses.append(score)
        if epoch <= first_candidate or score < best_loss:
            best_loss, best_state, run.best_epoch = score, _state(module), epoch
        if validate is not None and patience is not None and epoch - run.best_epoch >= patience:
            break
    if validate is not None:
        module.load_state_dict(best_state)
    return run


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of every parameter and buffer."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def _problem(module: torch.nn.Module, loss: float, first_loss: float, norm: float) -> str | None:
    """What is wrong with a step that must not be taken, if anything."""
    if math.isfinite(loss) and loss > EXPLODED * max(first_loss, 1e-6):
        return f"the loss exploded from {first_loss:.4g} to {loss:.4g}{_culprit(module)}"
    if not math.isfinite(loss):
        return f"the loss became {loss}{_culprit(module)}"
    if not math.isfinite(norm):
        return f"a gradient is not finite{_culprit(module)}"
    return None


def _culprit(module: torch.nn.Module) -> str:
    """Name the first parameter that is not finite, or else the first such gradient, or else the largest gradient."""
    named = list(module.named_parameters())
    for name, parameter in named:
        if not torch.isfinite(parameter).all():
            return f"; parameter {name} holds values that are not finite"
    graded = [(name, parameter.grad) for name, parameter in named if parameter.grad is not None]
    for name, grad in graded:
        if not torch.isfinite(grad).all():
            return f"; the gradient of parameter {name} is not finite"
    if not graded:
        return ""
    name = max(graded, key=lambda item: float(item[1].norm()))[0]
    return f"; the largest gradient is that of parameter {name}"
