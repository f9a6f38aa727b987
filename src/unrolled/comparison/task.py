"""What is compared: data in three parts, a network around the layers of a family, and how predictions are scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.comparison.body import BodyModule, BodyStart
from unrolled.comparison.family import Context, NetworkFamily
from unrolled.insight import GradientFlow
from unrolled.networks.stack import StackConfig
from unrolled.training.problem import Problem

__all__ = ["DROPOUT", "PROBED", "Part", "Task", "TaskName", "digest_of"]

TaskName = Literal["forecast", "classify", "tag", "generate"]
DROPOUT = 0.1
"""Of all networks, before their output, and of the vectors of words."""
PROBED = 32
"""Sequences along which effective memory is measured."""


class Part(NamedTuple):
    """Items and their targets."""

    items: list[Any]
    targets: Any


@dataclass(frozen=True)
class Task(ABC):
    """Data that are split, and what is to be learned from them.

    Attributes:
        context: what layers over time read.
        batch_size: sequences or windows of an update.
        about: one sentence on the parts.
        digest: of all three parts, by which one sees that two comparisons had the same.
    """

    name: ClassVar[TaskName]
    measure: ClassVar[str]
    """What is scored on the test part."""
    best_is_high: ClassVar[bool]
    is_share: ClassVar[bool] = False
    """Whether it is a share of right answers."""
    sees_ahead: ClassVar[bool]
    """Whether an answer may depend on later steps."""

    context: Context
    batch_size: int
    about: str
    digest: str

    @abstractmethod
    def network(self, config: StackConfig, start: BodyStart | None) -> BodyModule:
        """The task's network with random weights and these layers over time."""

    @abstractmethod
    def problem(self, make: Callable[[], BodyModule]) -> Problem[BodyModule, Any]:
        """To learn the training part, judged by the loss on the validation part."""

    @abstractmethod
    def predict(self, module: BodyModule) -> Any:
        """What a network, in evaluation mode, makes of the test part; :meth:`score` takes it."""

    @abstractmethod
    def each(self, predictions: Any, *, validation: bool = False) -> Values:
        """The measure of each item that is judged ``[n]``, of predictions of the test part, or of the validation part."""

    def score(self, predictions: Any, *, validation: bool = False) -> float:
        """The mean of :meth:`each`."""
        return float(self.each(predictions, validation=validation).mean())

    @abstractmethod
    def flow(self, module: BodyModule) -> GradientFlow:
        """How the gradient of the last step's loss flows back along long sequences of the test part."""

    @property
    @abstractmethod
    def predicted_steps(self) -> int:
        """Steps that :meth:`predict` reads."""

    def make(self, family: NetworkFamily, config: StackConfig) -> BodyModule:
        """The network with the layers of a family."""
        return self.network(config, family.start(self.context))

    def weights(self, family: NetworkFamily, config: StackConfig) -> int:
        """How many parameters that has beside vectors of words and symbols."""
        with torch.random.fork_rng(devices=[]):
            return self.make(family, config).weights


def digest_of(arrays: Iterable[NDArray[Any]]) -> str:
    """The first twelve digits of the SHA-256 of arrays, their shapes and types among them.

    >>> digest_of([np.arange(3)]) == digest_of([np.arange(3)]), digest_of([np.arange(3)]) == digest_of([np.arange(4)])
    (True, False)
    """
    found = sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:12]
