"""Modules of :mod:`unrolled.nn` made from arrays, and the arrays in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from unrolled.nn.stacked import StackedLayers

__all__ = ["make_module", "parameters_of", "refuse_options", "suffixes_of"]


def make_module(
    cell: Cell, layers: Sequence[Mapping[str, Floats]], *, bias: bool, bidirectional: bool, options: Mapping[str, Any],
) -> StackedLayers:  # fmt: skip
    """A module with given parameters; torch's random numbers are left as they were.

    Args:
        cell: with its activation functions.
        layers: the parameters of each layer and direction, named as the cell names them; biases may be there in any
            case.
        bias, bidirectional: as a module's constructor takes them.
        options: what else the constructor takes.
    """
    import torch

    from unrolled.nn import layers_for

    W, U = layers[0]["weight_ih"], layers[0]["weight_hh"]
    with torch.random.fork_rng(devices=[]):
        made = layers_for(
            cell.spec,
            W.shape[1],
            U.shape[1],
            num_layers=len(layers) // (2 if bidirectional else 1),
            bias=bias,
            bidirectional=bidirectional,
            dtype=getattr(torch, W.dtype.name),
            **options,
        )
    with torch.no_grad():
        for suffix, parameters in zip(suffixes_of(made), layers, strict=True):
            for name, array in parameters.items():
                if bias or not name.startswith("bias"):
                    made.get_parameter(name + suffix).copy_(torch.from_numpy(np.array(array)))
    return made


def suffixes_of(module: StackedLayers) -> list[str]:
    """The endings of parameters' names, of each layer and direction."""
    ends = ("", "_reverse") if module.bidirectional else ("",)
    return [f"_l{k}{end}" for k in range(module.num_layers) for end in ends]


def parameters_of(module: StackedLayers, suffix: str) -> dict[str, Floats]:
    """Copies of the parameters of one layer and direction, zeros for biases that are missing.

    Raises:
        InputError: a parameter has no data, or a type that NumPy has not.
    """
    import torch

    cell = get_cell(module.cell)
    names = [name for name, _ in cell.parameters if module.bias or name not in ("bias_ih", "bias_hh")]
    tensors: dict[str, Tensor] = {name: getattr(module, name + suffix).detach() for name in names}
    for name, tensor in tensors.items():
        if tensor.is_meta:
            raise InputError(f"{name}{suffix} is on the device meta, without data: give a module with parameters")
        if tensor.dtype not in (torch.float16, torch.float32, torch.float64):
            raise InputError(f"{name}{suffix} is {tensor.dtype}, which NumPy has not: convert a copy in float32")
    arrays: dict[str, Floats] = {name: tensor.cpu().numpy().copy() for name, tensor in tensors.items()}
    for name in ("bias_ih", "bias_hh"):
        if name not in arrays:
            arrays[name] = np.zeros(len(arrays["weight_ih"]), arrays["weight_ih"].dtype)
    return arrays


def refuse_options(module: StackedLayers, target: str, known: Collection[str]) -> None:
    """Refuse a module with options the target has not.

    Args:
        module: a module of :mod:`unrolled.nn`.
        target: who has not, for the message.
        known: options of :class:`unrolled.nn.Settings` that it has or that make no difference there.

    Raises:
        InputError: naming the options.
    """
    changed = [f.name for f in fields(module.settings) if getattr(module.settings, f.name) != f.default]
    beyond = [f"{option}={getattr(module.settings, option)!r}" for option in changed if option not in known]
    if beyond:
        raise InputError(f"{target} has no {', '.join(beyond)}")
