"""Moving a model's recurrent layers to this library's kernels, and back."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import fields
from typing import NamedTuple

import torch
from torch import nn

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.cell import GRUCell, LSTMCell, RNNCell
from unrolled.nn.gru import GRU
from unrolled.nn.lstm import LSTM
from unrolled.nn.options import Settings
from unrolled.nn.rnn import RNN
from unrolled.nn.stacked import StackedLayers

__all__ = ["Accelerated", "accelerate", "as_torchs", "beyond_torch", "make_ours", "make_theirs", "obstacle", "restore"]

_TORCHS = ("rnn_tanh", "rnn_relu", "lstm", "lstmp", "gru")
"""Cells that torch has, too."""
_STARTS = ("start", "forget_bias", "chrono")
"""Options that make no difference to a layer once it is made."""
_OURS: dict[type[nn.Module], type[StackedLayers]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}
_THEIRS: dict[type[nn.Module], type[nn.Module]] = {
    **{ours: theirs for theirs, ours in _OURS.items()},
    RNNCell: nn.RNNCell, LSTMCell: nn.LSTMCell, GRUCell: nn.GRUCell,
}  # fmt: skip


class Accelerated(NamedTuple):
    """What :func:`accelerate` did; prints one line per layer."""

    replaced: dict[str, str]
    """Path in the model → the layer that runs there now."""
    kept: dict[str, str]
    """Path in the model → why torch's own layer still runs there."""

    def __str__(self) -> str:
        lines = [f"{path or '(the model)'}: {what}" for path, what in self.replaced.items()]
        lines += [f"{path or '(the model)'}: kept, {reason}" for path, reason in self.kept.items()]
        return "\n".join(lines) or "no recurrent layers found"


def accelerate(model: nn.Module) -> Accelerated:
    """Make every ``torch.nn.RNN``, ``LSTM`` and ``GRU`` of a model run on this library's kernels.

    The modules are changed in place: parameters, buffers, hooks and every reference to them stay what they were, so an
    optimizer made before goes on working. ``isinstance(layer, torch.nn.LSTM)`` is no longer true; :func:`restore`
    undoes it all.

    Args:
        model: the model, or a recurrent layer itself.

    Returns:
        Which layers were replaced, and which were not and why.

    Raises:
        InputError: not a module.

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
        reason = obstacle(module)
        if reason:
            report.kept[path] = reason
            continue
        make_ours(module)
        report.replaced[path] = repr(module)
    return report


def restore(model: nn.Module) -> list[str]:
    """Turn a model's layers back into ``torch.nn`` layers; returns their paths.

    Every layer of :mod:`unrolled.nn` becomes torch's, those that were made as such included, as far as torch has their
    equation and options: a GRU with the reset gate before the product, say, or a layer with zoneout stays.

    Raises:
        InputError: not a module.
    """
    _check(model)
    restored: list[str] = []
    for path, module in model.named_modules():
        if isinstance(module, StackedLayers) and not beyond_torch(module):
            make_theirs(module)
            restored.append(path)
    return restored


def _check(model: nn.Module) -> None:
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"expected a torch.nn.Module, got {type(model).__name__}")


def make_ours(module: nn.RNNBase) -> None:
    """Change a layer of torch in place, one that :func:`obstacle` has nothing against."""
    ours, own = _OURS[type(module)], module.__dict__
    if isinstance(module, nn.LSTM):
        own["cell"] = "lstmp" if module.proj_size else "lstm"
        if module.proj_size:
            own["sizes"] = {"proj_size": module.proj_size}
    elif isinstance(module, nn.GRU):
        own["cell"], own["reset_after"] = "gru", True
    else:
        own["cell"] = f"rnn_{module.nonlinearity}"
    module.__class__ = ours  # pyright: ignore[reportAttributeAccessIssue]


def make_theirs(module: nn.Module) -> None:
    """Change a layer of this library in place, one that is not :func:`beyond_torch`."""
    for name in ("cell", "sizes", "settings", "reset_after", "layer_norm", "peepholes", "coupled_gates", "_bound"):
        module.__dict__.pop(name, None)
    module.__class__ = _THEIRS[type(module)]  # pyright: ignore[reportAttributeAccessIssue]


def as_torchs(module: nn.Module) -> nn.Module:
    """torch's layer with the parameters of one of this library's.

    Raises:
        InputError: it is :func:`beyond_torch`.
    """
    beyond = beyond_torch(module)
    if beyond:
        raise InputError(f"torch.jit.script compiles torch's own layers only, and {beyond}: use torch.jit.trace")
    twin = copy.copy(module)
    make_theirs(twin)
    return twin


def beyond_torch(module: nn.Module) -> str:
    """What torch has not of a layer: its equation or an option; nothing if torch has all."""
    name, cell = type(module).__name__, str(getattr(module, "cell", ""))
    if type(module) not in _THEIRS:
        return f"torch has no {name}"
    if cell not in _TORCHS:
        return f"torch's {name} has another equation than {get_cell(cell).title}: {name}({module.extra_repr()})"
    if not isinstance(module, StackedLayers):
        return ""
    changed = [f.name for f in fields(Settings) if getattr(module.settings, f.name) != f.default]
    beyond = [option for option in changed if option not in _STARTS]
    return f"torch's {name} has no {', '.join(beyond)}" if beyond else ""


def obstacle(module: nn.Module, *, of: Collection[type[nn.Module]] = tuple(_OURS)) -> str:
    """Why torch has to run this layer, which should be one ``of`` these classes; nothing if it need not."""
    if type(module) not in of:
        return (
            f"{type(module).__name__} is a class of its own, derived from torch.nn.{type(module).__mro__[1].__name__}"
        )
    for name, parameter in module.named_parameters():
        if parameter.device.type != "cpu":
            return f"{name} is on {parameter.device}, the kernels run on the CPU"
        if parameter.dtype not in (torch.float32, torch.float64):
            return f"{name} is {parameter.dtype}, the kernels compute in float32 and float64: .float() converts it"
    return ""
