"""Single steps where autograd is off: the weights stay arranged as long as they hold the same numbers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Parameter

from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.packed import PackedWeights, address
from unrolled.kernels.steps import Steps
from unrolled.nn.call import is_plain
from unrolled.nn.threads import kernel_threads

__all__ = ["BoundCell"]

_DTYPES = (torch.float32, torch.float64)
MOST_ROWS = 1024
"""From there on a few microseconds do not matter."""


class _Kept(NamedTuple):
    """Parameters as they were when they were arranged."""

    parameters: tuple[Parameter | None, ...]
    given: tuple[tuple[Parameter, tuple[int, ...], int, bytes], ...]
    """Each that there is, its shape, the bytes of its numbers and their digest."""
    dtype: torch.dtype
    weights: PackedWeights
    steps: Steps

    def are(self, parameters: tuple[Parameter | None, ...]) -> bool:
        """Whether the parameters are the same, and their numbers.

        A digest of the numbers is compared: torch's count of changes does not see those to ``parameter.data``.
        """
        for p, kept in zip(parameters, self.parameters, strict=True):
            if p is not kept:
                return False
        for p, shape, size, digest in self.given:
            if not (p.is_cpu and p.dtype is self.dtype and p.shape == shape and p.is_contiguous()):
                return False
            if _native.digest(p.data_ptr(), size) != digest:
                return False
        return True


class BoundCell:
    """A cell with one or two states, ``h`` and perhaps ``c``.

    Args:
        cell: its name.
    """

    def __init__(self, cell: str) -> None:
        self._cell = cell
        self._kept: _Kept | None = None

    def __reduce__(self) -> tuple[type[BoundCell], tuple[str]]:
        """A copy arranges the weights anew."""
        return type(self), (self._cell,)

    def step(
        self, x: Tensor, states: tuple[Tensor, ...] | None, parameters: tuple[Parameter | None, ...]
    ) -> tuple[Tensor, ...] | None:
        """The states after a step of ``x [B, I]`` from ``states``, each ``[B, H]``, zero by default.

        ``parameters`` come in the order of the cell's. None, and nothing done, where autograd, a transform or a trace follows
        the call, or a tensor is not a plain one that lies as the kernels read it.
        """
        given = (x, *states) if states else (x,)
        if torch.is_grad_enabled() or not is_plain(*given):
            return None
        kept = self._kept
        if kept is None or not kept.are(parameters):
            kept = self._kept = self._arranged(parameters)
            if kept is None:
                return None
        rows, dtype, H = x.size(0), kept.dtype, kept.weights.hidden
        if states is None:
            states = tuple([x.new_zeros(rows, H) for _ in kept.weights.state_widths])
        if not (0 < rows <= MOST_ROWS and _lies(x, (rows, kept.weights.inputs), dtype)):
            return None
        for state in states:
            if not _lies(state, (rows, H), dtype):
                return None
        h, *rest = states
        new_h = torch.empty_like(h)
        if not rest:
            kept.steps.at(rows, x.data_ptr(), h.data_ptr(), 0, new_h.data_ptr(), 0)
            return (new_h,)
        c, new_c = rest[0], torch.empty_like(rest[0])
        kept.steps.at(rows, x.data_ptr(), h.data_ptr(), c.data_ptr(), new_h.data_ptr(), new_c.data_ptr())
        return new_h, new_c

    def _arranged(self, parameters: tuple[Parameter | None, ...]) -> _Kept | None:
        """The parameters arranged; None where the kernels cannot read them as they are."""
        given = [p for p in parameters if p is not None]
        dtype = given[0].dtype
        if not is_plain(*given) or dtype not in _DTYPES:
            return None
        if any(type(p) is not Parameter or not _lies(p, p.shape, dtype) or not p.numel() for p in given):
            return None
        if parameters[0] is None or parameters[1] is None:
            return None
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        zeros = torch.zeros(len(given[0]), dtype=dtype)  # a bias that is left out
        numbers = {
            name: (zeros if p is None else p.detach().clone()).numpy()
            for name, p in zip(names, parameters, strict=True)
        }
        try:
            weights = PackedWeights(self._cell, numbers)
        except InputError:  # the usual way says it in the words of torch
            return None
        kept = [
            (p, tuple(p.shape), array.nbytes, _native.digest(address(array), array.nbytes))
            for p, array in zip(parameters, map(weights.parameters.__getitem__, names), strict=True)
            if p is not None
        ]
        return _Kept(parameters, tuple(kept), dtype, weights, Steps([weights], stacked=False, threads=kernel_threads))


def _lies(tensor: Tensor | None, shape: tuple[int, ...], dtype: torch.dtype) -> bool:
    """Whether a tensor of the CPU is a plain block of numbers of this shape."""
    return (
        tensor is not None
        and tensor.shape == shape
        and tensor.dtype is dtype
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.is_neg()
    )
