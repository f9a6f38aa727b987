"""The training loop: batches, loss, gradients, clipping, a step; early stopping on what it never trains on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import torch

from unrolled.errors import TrainingError
from unrolled.training.checkpoint import Checkpoint
from unrolled.training.schedule import COSINE, Schedule
from unrolled.training.state import TrainingRun, TrainingState

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
    schedule: Schedule = COSINE,
    weight_decay: float = 0.0,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    first_candidate: int = 1,
    phase: str = "training",
    callback: Callable[[Progress], object] | None = None,
    checkpoint: Checkpoint | None = None,
    batch_order: np.random.Generator | None = None,
) -> TrainingRun:
    """Minimise ``loss`` over the parameters of ``module`` with Adam.

    With ``validate`` the module ends in the state of its best epoch from ``first_candidate`` on, and ``patience`` epochs
    without a better one end the run.

    Args:
        batches: called once an epoch.
        batches_per_epoch: how many it gives.
        stop_after: epochs after which the run ends, on the learning rate's curve for ``epochs``.
        clip_norm: gradients longer than this are shortened to it.
        schedule: the curve of the learning rate, which is at most ``learning_rate``.
        weight_decay: share of each weight, times the learning rate, that a step takes away (AdamW: Loshchilov, Hutter 2019,
            *Decoupled weight decay regularization*); biases and other vectors are left alone.
        callback: called after every step.
        checkpoint: keeps the state after every epoch; a run that it knows goes on from there, bit for bit.
        batch_order: the generator that ``batches`` draws from, if any, which the checkpoint has to keep as well.

    Raises:
        TrainingError: the loss or a gradient is not finite, or the loss exploded. The message names step and parameter;
            the module is back in its best state so far.
    """
    optimiser = torch.optim.AdamW(_groups(module, weight_decay), lr=learning_rate, foreach=True)
    state = TrainingState(module, optimiser, batch_order)
    known = None if checkpoint is None else checkpoint.begin(phase)
    if known is not None:
        state.take_out(known)
        if known.record.finished:
            return state.run
    run, last, started = state.run, stop_after or epochs, perf_counter()
    while state.epoch < last and not (patience and run.validation_losses and state.epoch - run.best_epoch >= patience):
        epoch = state.epoch + 1
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * schedule.factor(epoch, epochs)
        module.train()
        total = 0.0
        for batch in batches():
            state.step += 1
            optimiser.zero_grad()
            batch_loss = loss(batch)
            batch_loss.backward()
            norm = torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
            value = batch_loss.item()
            state.first_loss = value if state.first_loss is None else state.first_loss
            problem = _problem(module, value, state.first_loss, norm.item())
            if problem:
                state.go_back_to_best()
                raise TrainingError(
                    f"training stopped at step {state.step} (epoch {epoch}): {problem}; the best state before it was"
                    f" kept; check the data for extreme values, or lower learning_rate (now {learning_rate:g})"
                )
            torch.nn.utils.clip_grads_with_norm_(module.parameters(), clip_norm, norm)
            optimiser.step()
            total += value
            if callback is not None:
                validation = run.validation_losses[-1] if run.validation_losses else None
                seconds = perf_counter() - started
                callback(Progress(phase, state.step, last * batches_per_epoch, epoch, value, validation, seconds))
        best_before = state.best_loss
        run.losses.append(total / batches_per_epoch)
        score = run.losses[-1]
        if validate is not None:
            module.eval()
            with torch.no_grad():
                score = validate()
            run.validation_losses.append(score)
        if epoch <= first_candidate or score < best_before:
            state.is_best()
        if checkpoint is not None:
            checkpoint.keep(lambda: state.put_away(phase, finished=False))
    if validate is not None:
        state.go_back_to_best()
    if checkpoint is not None:
        checkpoint.keep(lambda: state.put_away(phase, finished=True))
    return run


def _groups(module: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters that decay and those that do not."""
    if not weight_decay:
        return [{"params": list(module.parameters()), "weight_decay": 0.0}]
    matrices = [parameter for parameter in module.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in module.parameters() if parameter.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


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
