"""Everything that the rest of a training depends on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.errors import InputError
from unrolled.training.averaging import WeightAverage
from unrolled.training.checkpoint import Stage, StageRecord

__all__ = ["TrainingRun", "TrainingState"]

ADAM = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class TrainingRun:
    """What happened: mean loss of each epoch, validation loss after each epoch, and the epoch whose state was kept."""

    losses: list[float] = field(default_factory=list[float])
    validation_losses: list[float] = field(default_factory=list[float])
    best_epoch: int = 0


class TrainingState:
    """A module, its optimiser and what they have been through; it can be put away and taken out again.

    Attributes:
        run: the losses.
        step: steps done.
        first_loss: that of the first step.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        optimiser: torch.optim.Optimizer,
        batch_order: np.random.Generator | None,
        average: WeightAverage,
    ) -> None:
        self.run = TrainingRun()
        self.step = 0
        self.first_loss: float | None = None
        self._module, self._optimiser, self._batch_order = module, optimiser, batch_order
        self._average = average
        self._best = _copy(module.state_dict())

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.run.losses)

    @property
    def best_loss(self) -> float:
        """The loss of the best epoch: on what is kept back, if anything is."""
        losses = self.run.validation_losses or self.run.losses
        return losses[self.run.best_epoch - 1] if self.run.best_epoch else math.inf

    def count(self, loss: float) -> None:
        """One step more, with this loss."""
        self.step += 1
        self.first_loss = loss if self.first_loss is None else self.first_loss

    def is_best(self) -> None:
        """Keep the module's state as the best one."""
        self.run.best_epoch, self._best = self.epoch, _copy(self._module.state_dict())

    def go_back_to_best(self) -> None:
        """Put the module into its best state."""
        self._module.load_state_dict(self._best)

    def put_away(self, phase: str, *, finished: bool) -> Stage:
        """A copy of all of it; of a stage that is over the optimiser and the best state are no longer needed."""
        run, tensors = self.run, _named("module", _copy(self._module.state_dict()))
        if not finished:
            tensors |= _named("adam", self._moments()) | _named("average", _copy(self._average.mean))
            if run.best_epoch != self.epoch:
                tensors |= _named("best", self._best)
        tensors["torch_generator"] = torch.get_rng_state().clone()
        order = self._batch_order
        record = StageRecord(
            phase=phase,
            finished=finished,
            step=self.step,
            first_loss=None if self.first_loss is None else self.first_loss.hex(),
            losses=[loss.hex() for loss in run.losses],
            validation_losses=[loss.hex() for loss in run.validation_losses],
            best_epoch=run.best_epoch,
            batch_order=None if order is None else json.dumps(order.bit_generator.state),
            averaged=0 if finished else self._average.steps,
        )
        return Stage(record, {name: tensor.numpy() for name, tensor in tensors.items()})

    def take_out(self, stage: Stage) -> None:
        """Go on from a copy.

        Raises:
            InputError: it is not one of this training.
        """
        record = stage.record
        self._check(stage)
        tensors = {name: torch.from_numpy(np.array(tensor)) for name, tensor in stage.tensors.items()}
        self._module.load_state_dict(_own("module", tensors))
        self._best = _own("best", tensors) or _copy(self._module.state_dict())
        self._restore_moments(_own("adam", tensors))
        self._average.restore(record.averaged, _own("average", tensors))
        torch.set_rng_state(tensors["torch_generator"])
        if self._batch_order is not None and record.batch_order is not None:
            try:
                self._batch_order.bit_generator.state = json.loads(record.batch_order)
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                raise _unfit(f"the order of batches cannot be read: {error}") from None
        self.step = record.step
        self.first_loss = None if record.first_loss is None else float.fromhex(record.first_loss)
        self.run.losses = [float.fromhex(loss) for loss in record.losses]
        self.run.validation_losses = [float.fromhex(loss) for loss in record.validation_losses]
        self.run.best_epoch = record.best_epoch

    def _check(self, stage: Stage) -> None:
        """Check the arrays of a copy: those of the module are all there, of Adam and the best state all or none."""
        state, found = self._module.state_dict(), stage.tensors
        moments = {
            f"{name}.{part}": parameter if part != "step" else torch.zeros(())
            for name, parameter in self._module.named_parameters()
            for part in ADAM
        }
        generator = torch.get_rng_state()
        parameters = dict(self._module.named_parameters())
        groups = {"module": state, "best": state, "adam": moments, "average": parameters}
        expected = {f"{group}.{name}": tensor for group, of in groups.items() for name, tensor in of.items()}
        expected["torch_generator"] = generator
        needed = [f"module.{name}" for name in state] + ["torch_generator"]
        if any(name.startswith("best.") for name in found):
            needed += [f"best.{name}" for name in state]
        if stage.record.averaged or any(name.startswith("average.") for name in found):
            needed += [f"average.{name}" for name in parameters]
        for name in parameters:
            if f"adam.{name}.{ADAM[0]}" in found:  # a parameter without a gradient has none
                needed += [f"adam.{name}.{part}" for part in ADAM]
        for name in [*needed, *found]:
            array, like = found.get(name), expected.get(name)
            if array is None or like is None:
                raise _unfit(f"tensor {name!r} is {'missing' if array is None else 'none of its own'}")
            if array.shape != tuple(like.shape) or array.dtype != like.detach().numpy().dtype:
                raise _unfit(f"tensor {name!r} has dtype {array.dtype} and shape {list(array.shape)}")

    def _moments(self) -> dict[str, Tensor]:
        states: Mapping[Tensor, Any] = self._optimiser.state
        return {
            f"{name}.{part}": states[parameter][part].clone()
            for name, parameter in self._module.named_parameters()
            if parameter in states
            for part in ADAM
        }

    def _restore_moments(self, moments: Mapping[str, Tensor]) -> None:
        for name, parameter in self._module.named_parameters():
            if f"{name}.{ADAM[0]}" in moments:
                self._optimiser.state[parameter] = {part: moments[f"{name}.{part}"] for part in ADAM}


def _unfit(reason: str) -> InputError:
    return InputError(f"the checkpoint does not fit this training: {reason}; delete it to begin anew")


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _named(group: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{group}.{name}": tensor for name, tensor in tensors.items()}


def _own(group: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{group}."
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
