"""The networks of an ensemble: trained one after the other, each from its own start, and named in a model file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from unrolled.networks.parameters import Parameters
from unrolled.parameters.network import NetworkParameters
from unrolled.runtime.model_file import ModelFile, check_tensors
from unrolled.tasks.agreement import require_tensors

if TYPE_CHECKING:
    from unrolled.tasks.estimator import FitContext
    from unrolled.training.engine import NetworkModule
    from unrolled.training.problem import Problem
    from unrolled.training.state import TrainingRun

__all__ = ["Members", "named_members", "restored_members", "train_members"]

Members = Sequence[Mapping[str, NDArray[Any]]]
"""The arrays of each network by name."""


def train_members(
    problem: Callable[[int, str], Problem[NetworkModule, Any]], settings: Any, context: FitContext
) -> tuple[Members, list[TrainingRun]]:
    """Train as many networks as the parameters say.

    Args:
        problem: what one of them learns, given its number and what its training is called.
        settings: the parameters.

    Raises:
        TrainingError: the loss is not finite or exploded.
    """
    from unrolled.training.loop import train

    members: list[Mapping[str, NDArray[Any]]] = []
    runs: list[TrainingRun] = []
    for k in range(settings.members):
        phase = "training" if settings.members == 1 else f"network {k + 1} of {settings.members}"
        module, run = train(problem(k, phase), context.options(settings, k))
        members.append(module.tensors())
        runs.append(run)
    return members, runs


def named_members(members: Members) -> dict[str, NDArray[Any]]:
    """The arrays of all networks as a model file names them.

    >>> import numpy as np
    >>> list(named_members([{"head.bias": np.zeros(1)}]))
    ['members.0.head.bias']
    """
    return {f"members.{k}.{name}": tensor for k, member in enumerate(members) for name, tensor in member.items()}


def restored_members(
    model_file: ModelFile,
    parameters: Parameters,
    settings: NetworkParameters,
    others: Mapping[str, tuple[tuple[int, ...], Any]] | None = None,
) -> Members:
    """The networks in a model file, which holds nothing but them and ``others``.

    Args:
        parameters: those of each network, by name.
        settings: says how many networks there are, and of how many layers.

    Raises:
        ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
        InputError: there are fewer tensors than there would be networks and layers.
    """
    tensors, members = model_file.tensors, range(settings.members)
    require_tensors({"members": settings.members, "num_layers": settings.num_layers}, len(tensors))
    named = {f"members.{k}.{name}": kind for k in members for name, kind in parameters.items()}
    check_tensors(model_file, {**named, **(others or {})})
    return [{name: tensors[f"members.{k}.{name}"] for name in parameters} for k in members]
