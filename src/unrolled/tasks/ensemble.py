"""The networks of an ensemble: trained one after the other, each from its own start, and named in a model file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from unrolled.networks.parameters import Parameters

if TYPE_CHECKING:
    from unrolled.tasks.estimator import Session
    from unrolled.training.engine import NetworkModule
    from unrolled.training.problem import Problem
    from unrolled.training.state import TrainingRun

__all__ = ["Members", "members_in", "named_members", "parameters_of_members", "train_members"]

Members = Sequence[Mapping[str, NDArray[Any]]]
"""The arrays of each network by name."""


def train_members(
    problem: Callable[[str], Problem[NetworkModule, Any]], settings: Any, session: Session
) -> tuple[Members, list[TrainingRun]]:
    """Train as many networks as the parameters say.

    Args:
        problem: what one of them learns, given what its training is called.
        settings: the parameters.

    Raises:
        TrainingError: the loss is not finite or exploded.
    """
    from unrolled.training.loop import train

    members: list[Mapping[str, NDArray[Any]]] = []
    runs: list[TrainingRun] = []
    for k in range(settings.members):
        phase = "training" if settings.members == 1 else f"network {k + 1} of {settings.members}"
        module, run = train(problem(phase), session.options(settings, k))
        members.append(module.tensors())
        runs.append(run)
    return members, runs


def named_members(members: Members) -> dict[str, NDArray[Any]]:
    """The arrays of all networks as a model file names them.

    >>> list(named_members([{"head.bias": np.zeros(1)}]))
    ['members.0.head.bias']
    """
    return {f"members.{k}.{name}": tensor for k, member in enumerate(members) for name, tensor in member.items()}


def parameters_of_members(parameters: Parameters, count: int) -> Parameters:
    """What a model file must hold, by name, where each of ``count`` networks has these parameters."""
    return {f"members.{k}.{name}": kind for k in range(count) for name, kind in parameters.items()}


def members_in(tensors: Mapping[str, NDArray[Any]], names: Sequence[str], count: int) -> Members:
    """The networks in a model file, whose tensors have been checked."""
    return [{name: tensors[f"members.{k}.{name}"] for name in names} for k in range(count)]
