"""How many threads a network is worth."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from unrolled.nn.threads import kernels_apart

__all__ = ["threads_worth_having"]

SMALL = 2**20
"""Parameters below which torch's own part of a step, the optimiser above all, is over before a second thread helps."""


def threads_worth_having(module: torch.nn.Module) -> AbstractContextManager[None]:
    """For small networks torch on one thread and the kernels on their own, so that none waits for one that does not run."""
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return kernels_apart() if parameters < SMALL else nullcontext()
