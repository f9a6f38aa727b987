r"""Weights averaged over the last steps of a training.

.. math::
    \bar\theta_k = \bar\theta_{k-1} + \frac{\theta_k - \bar\theta_{k-1}}{k}

over the :math:`k` steps since the averaging began, at a share of the epochs before the last one. The optimiser goes on from
:math:`\theta`; what is judged, kept and returned is :math:`\bar\theta`.

Sources: Polyak, Juditsky 1992, *Acceleration of stochastic approximation by averaging*; in language models Merity, Keskar, Socher
2018, arXiv 1708.02182, which begin it when the validation loss no longer falls.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["WeightAverage"]


class WeightAverage:
    """The mean of a module's parameters over the steps of the last ``share`` of its ``epochs``; with 0 there is none.

    Attributes:
        steps: that it is the mean of so far.
        mean: of each parameter, by name; empty before the first step.

    >>> module = torch.nn.Linear(1, 1, bias=False)
    >>> average = WeightAverage(module, share=0.5, epochs=4)
    >>> for epoch, weight in enumerate([1.0, 2.0, 4.0, 8.0], 1):
    ...     _ = module.weight.data.fill_(weight)
    ...     average.add(epoch)
    >>> with average.in_place():
    ...     print(module.weight.item())
    6.0
    >>> module.weight.item()
    8.0
    """

    def __init__(self, module: torch.nn.Module, share: float, epochs: int) -> None:
        self.steps, self.mean = 0, dict[str, Tensor]()
        self._parameters = dict(module.named_parameters())
        self._first = epochs - math.ceil(share * epochs) + 1

    def add(self, epoch: int) -> None:
        """Count the parameters as they are after a step."""
        if epoch < self._first:
            return
        self.steps += 1
        if not self.mean:
            self.restore(1, self._parameters)
            return
        with torch.no_grad():
            for name, mean in self.mean.items():
                mean += (self._parameters[name] - mean) / self.steps

    def restore(self, steps: int, mean: Mapping[str, Tensor]) -> None:
        """Go on from another average."""
        self.steps, self.mean = steps, {name: tensor.detach().clone() for name, tensor in mean.items()}

    @contextmanager
    def in_place(self) -> Generator[None, None, None]:
        """Within this the module has the mean, if there is one."""
        own = {name: self._parameters[name].detach().clone() for name in self.mean}
        self._put(self.mean)
        try:
            yield
        finally:
            self._put(own)

    def leave(self) -> None:
        """Leave the module with the mean, if there is one."""
        self._put(self.mean)

    @torch.no_grad()
    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            self._parameters[name].copy_(tensor)
