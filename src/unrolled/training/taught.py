"""The networks of fitted estimators as modules that gradients flow through, as they were when their fit ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.training.engine import load_tensors
from unrolled.training.problem import Module

__all__ = ["Taught", "taught"]


class Taught(NamedTuple):
    """A network with the weights of a fitted estimator, in evaluation mode, and the loss of its fit over data."""

    module: torch.nn.Module
    loss: Callable[[], Tensor]
    """Runs the module over all of the data at once."""


def taught(
    make: Callable[[np.random.Generator], Module],
    tensors: Mapping[str, NDArray[Any]],
    loss: Callable[[Module], Tensor],
) -> Taught:
    """Make a module, give it the weights that were learned, and bind it to its loss.

    Args:
        make: as :attr:`unrolled.training.problem.Problem.make`; what it draws is of no account.
        tensors: the weights as a model file has them.
        loss: of the module, over the data that are looked at.
    """
    with torch.random.fork_rng(devices=[]):
        module = make(np.random.default_rng(0))
    load_tensors(module, tensors)
    module.eval()
    return Taught(module, lambda: loss(module))
