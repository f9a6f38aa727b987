"""The training loop: batches, loss, gradients, clipping, a step; early stopping on what it never trains on."""

from __future__ import annotations

import math
from time import perf_counter
from typing import Any

import numpy as np
import torch

from unrolled.errors import TrainingError
from unrolled.nn.threads import kernels_apart
from unrolled.training.averaging import WeightAverage
from unrolled.training.options import TrainingOptions
from unrolled.training.problem import Batch, Module, Problem
from unrolled.training.progress import Progress
from unrolled.training.schedule import Schedule
from unrolled.training.state import TrainingRun, TrainingState
from unrolled.training.threads import threads_worth_having

__all__ = ["train"]

EXPLODED = 1e4  # times the first loss


def train(problem: Problem[Module, Batch], options: TrainingOptions) -> tuple[Module, TrainingRun]:
    """Make a module and minimise its loss with Adam.

    With validation the module ends in the state of its best epoch. The caller's torch generator and number of threads are left
    as they were.

    Raises:
        TrainingError: the loss or a gradient is not finite, or the loss exploded. The message names step and parameter;
            the module is back in its best state so far.
    """
    generator = np.random.default_rng(options.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        with kernels_apart():
            module = problem.make(generator)
        with threads_worth_having(module):
            return module, _run(problem, options, module, generator)


def _run(
    problem: Problem[Module, Batch], options: TrainingOptions, module: Module, generator: np.random.Generator
) -> TrainingRun:
    optimiser = torch.optim.AdamW(_groups(module, options.weight_decay), lr=options.learning_rate, foreach=True)
    schedule, checkpoint = Schedule(options.schedule, options.warmup), options.checkpoint
    average = WeightAverage(module, options.averaging, options.max_epochs)
    state = TrainingState(module, optimiser, generator, average)
    known = None if checkpoint is None else checkpoint.begin(problem.phase)
    if known is not None:
        state.take_out(known)
        if known.record.finished:
            return state.run
    run, last, started = state.run, problem.stop_after or options.max_epochs, perf_counter()
    while state.epoch < last and not _out_of_patience(run, options.patience):
        epoch, losses = state.epoch + 1, 0.0
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * schedule.factor(epoch, options.max_epochs)
        module.train()
        for batch in problem.batches(generator):
            optimiser.zero_grad()
            loss = problem.loss(module, batch)
            loss.backward()
            norm = torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
            value = loss.item()
            state.count(value)
            _check(module, state, value, norm.item(), options.learning_rate)
            torch.nn.utils.clip_grads_with_norm_(module.parameters(), options.clip_norm, norm)
            optimiser.step()
            average.add(epoch)
            losses += value
            if options.callback is not None:
                steps, validation = last * problem.batches_per_epoch, (run.validation_losses or [None])[-1]
                seconds = perf_counter() - started
                options.callback(Progress(problem.phase, state.step, steps, epoch, value, validation, seconds))
        best_before, score = state.best_loss, losses / problem.batches_per_epoch
        run.losses.append(score)
        with average.in_place():
            if problem.validate is not None:
                module.eval()
                with torch.no_grad():
                    score = problem.validate(module)
                run.validation_losses.append(score)
            if epoch <= problem.first_candidate or score < best_before:
                state.is_best()
        if checkpoint is not None:
            checkpoint.keep(lambda: state.put_away(problem.phase, finished=False))
    average.leave()
    if problem.validate is not None:
        state.go_back_to_best()
    if checkpoint is not None:
        checkpoint.keep(lambda: state.put_away(problem.phase, finished=True))
    return run


def _out_of_patience(run: TrainingRun, patience: int | None) -> bool:
    return bool(patience and run.validation_losses and len(run.losses) - run.best_epoch >= patience)


def _groups(module: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters that decay and those that do not."""
    if not weight_decay:
        return [{"params": list(module.parameters()), "weight_decay": 0.0}]
    matrices = [parameter for parameter in module.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in module.parameters() if parameter.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _check(module: torch.nn.Module, state: TrainingState, loss: float, norm: float, learning_rate: float) -> None:
    """Raise a TrainingError instead of a step that must not be taken, with the module back in its best state."""
    problem = _problem(module, loss, state.first_loss or loss, norm)
    if problem:
        state.go_back_to_best()
        raise TrainingError(
            f"training stopped at step {state.step} (epoch {state.epoch + 1}): {problem}; the best state before it was"
            f" kept; check the data for extreme values, or lower learning_rate (now {learning_rate:g})"
        )


def _problem(module: torch.nn.Module, loss: float, first_loss: float, norm: float) -> str | None:
    """What is wrong with a step, if anything."""
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
