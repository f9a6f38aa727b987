"""How a layer's parameters are drawn before training."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import init

from unrolled.cells import Cell
from unrolled.nn.options import Settings

__all__ = ["start_parameters"]

# what some parameters always start as; FastGRNN's two numbers as in its authors' code
_CONSTANTS = {
    "weight_ln_ih": 1.0, "weight_ln_hh": 1.0, "weight_ln_c": 1.0, "bias_ln_c": 0.0, "weight_bn": 1.0, "bias_bn": 0.0,
    "zeta": 1.0, "nu": -4.0,
}  # fmt: skip


@torch.no_grad()
def start_parameters(
    cell: Cell, settings: Settings, parameters: Mapping[str, Tensor], hidden_size: int, state_size: int
) -> None:
    """Draw the parameters of one layer and direction, given by the cell's names; ``state_size`` is that of ``h``.

    Uniform between ``-1/√H`` and ``1/√H`` as in torch, unless the cell or the settings say otherwise.
    """
    bound = 1 / math.sqrt(hidden_size)
    for name, parameter in parameters.items():
        if name in _CONSTANTS:
            init.constant_(parameter, _CONSTANTS[name])
        elif name != "alpha":  # the module's own argument
            init.uniform_(parameter, -bound, bound)
    biases = [parameter for name, parameter in parameters.items() if name in ("bias_ih", "bias_hh")]
    start = settings.start if settings.start != "uniform" else cell.start
    if "weight_ln_ih" in parameters or start == "identity":
        for bias in biases:
            init.zeros_(bias)
    if start != "uniform":
        for block in _gate_blocks(parameters["weight_hh"], hidden_size, state_size):
            init.eye_(block) if start == "identity" else init.orthogonal_(block)
    if settings.forget_bias is not None:
        _set_bias(cell, parameters, cell.keeps, torch.full((hidden_size,), settings.forget_bias))
    if settings.chrono is not None:
        steps = torch.empty(hidden_size).uniform_(1, settings.chrono - 1).log()
        _set_bias(cell, parameters, cell.keeps, steps)
        if cell.writes:
            _set_bias(cell, parameters, cell.writes, -steps)


def _gate_blocks(U: Tensor, hidden_size: int, state_size: int) -> list[Tensor]:
    """The blocks of ``U`` that map ``h`` to a gate, or a head's part of ``h`` to its part of a gate."""
    width = U.shape[1]
    return list(U.split(hidden_size if width == state_size else width))


def _set_bias(cell: Cell, parameters: Mapping[str, Tensor], gate: str, value: Tensor) -> None:
    """Give a gate a bias; with a minus sign before its name the negative."""
    name = gate.removeprefix("-")
    place, H = cell.biased.index(name), len(value)
    block = slice(place * H, (place + 1) * H)
    bias = parameters["bias_ih" if "bias_ih" in parameters else "bias_bn"]  # or the shift of a normalisation
    bias[block] = -value if gate.startswith("-") else value
    if "bias_hh" in parameters:
        parameters["bias_hh"][block] = 0
