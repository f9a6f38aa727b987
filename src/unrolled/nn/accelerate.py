"""A model's recurrent layers handed to this library's kernels, and back."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from unrolled.errors import InputError
from unrolled.nn.gru import GRU
from unrolled.nn.lstm import LSTM
from unrolled.nn.recurrent import Recurrent
from unrolled.nn.rnn import RNN

__all__ = ["Accelerated", "accelerate", "restore"]

_OURS: dict[type[nn.Module], type[Recurrent]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


class Accelerated(NamedTuple):
    """What :func:`accelerate` did; prints as one line a layer."""

    replaced: dict[str, str]
    """Path in the model → what runs there now."""
    kept: dict[str, str]
    """Path in the model → why torch still runs it."""

    def __str__(self) -> str:
        lines = [f"{path or '(the model)'}: {what}" for path, what in self.replaced.items()]
        lines += [f"{path or '(the model)'}: kept, {reason}" for path, reason in self.kept.items()]
        return "\n".join(lines) or "no recurrent layers found"


def accelerate(model: nn.Module) -> Accelerated:
    """Run every ``torch.nn.RNN``, ``LSTM`` and ``GRU`` in a model by this library's kernels from now on.

    The modules are changed in place: parameters, buffers, hooks and every reference to them stay what they were, so an
    optimizer made before goes on working. ``isinstance(layer, torch.nn.LSTM)`` is no longer true; :func:`restore`
    undoes it all.

    Parameters
    ----------
    model : torch.nn.Module
        The model, or a recurrent layer itself.

    Returns
    -------
    Accelerated
        Which layers were replaced, and which were not and why.

    Raises
    ------
    InputError
        Not a module.

    Examples
    --------
    >>> import torch, unrolled
    >>> model = torch.nn.ModuleDict({"encoder": torch.nn.GRU(3, 4), "head": torch.nn.Linear(4, 1)})
    >>> print(unrolled.accelerate(model))
    encoder: GRU(3, 4)
    >>> type(model["encoder"])
    <class 'unrolled.nn.gru.GRU'>
    >>> unrolled.restore(model)
    ['encoder']
    """
    _check(model)
    report = Accelerated({}, {})
    for path, module in model.named_modules():
        if not isinstance(module, (nn.RNN, nn.LSTM, nn.GRU)):
            continue
        reason = _obstacle(module)
        if reason:
            report.kept[path] = reason
            continue
        ours = _OURS[type(module)]
        if isinstance(module, nn.LSTM):
            cell = "lstm"
        elif isinstance(module, nn.GRU):
            cell, module.__dict__["reset_after"] = "gru", True
        else:
            cell = f"rnn_{module.nonlinearity}"
        module.__dict__["cell"] = cell
        module.__class__ = ours  # pyright: ignore[reportAttributeAccessIssue]
        report.replaced[path] = repr(module)
    return report


def restore(model: nn.Module) -> list[str]:
    """Give a model its ``torch.nn`` layers back; returns their paths.

    Every layer of :mod:`unrolled.nn` becomes torch's, those that were made as such included, as far as torch has their
    equation: a GRU with the reset gate before the product and an RNN without nonlinearity stay.

    Raises
    ------
    InputError
        Not a module.
    """
    _check(model)
    theirs = {ours: torchs for torchs, ours in _OURS.items()}
    restored: list[str] = []
    for path, module in model.named_modules():
        if type(module) not in theirs or module.__dict__["cell"] in ("gru_reset_before", "rnn_identity"):
            continue
        del module.__dict__["cell"]
        module.__dict__.pop("reset_after", None)
        module.__class__ = theirs[type(module)]  # pyright: ignore[reportArgumentType]
        restored.append(path)
    return restored


def _check(model: nn.Module) -> None:
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"expected a torch.nn.Module, got {type(model).__name__}")


def _obstacle(module: nn.RNNBase) -> str:
    """Why torch has to run this layer; nothing if it need not."""
    if type(module) not in _OURS:
        return (
            f"{type(module).__name__} is a class of its own, derived from torch.nn.{type(module).__mro__[1].__name__}"
        )
    if module.proj_size:
        return f"proj_size={module.proj_size}: projections are no faster here"
    for name, parameter in module.named_parameters():
        if parameter.device.type != "cpu":
            return f"{name} is on {parameter.device}, the kernels run on the CPU"
        if parameter.dtype not in (torch.float32, torch.float64):
            return f"{name} is {parameter.dtype}, the kernels compute in float32 and float64"
    return ""
