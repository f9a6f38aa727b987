"""torch's recurrent modules as this library's, and back."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from unrolled.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["from_torch", "to_torch"]


def from_torch(module: nn.Module) -> nn.Module:
    """A copy of a torch module that runs on the kernels, with the same parameters, hooks, dtype and mode.

    :func:`unrolled.accelerate` does this in place, for all such layers of a model.

    Args:
        module: an RNN, LSTM, GRU, RNNCell, LSTMCell or GRUCell of :mod:`torch.nn`.

    Returns:
        The same kind of module of :mod:`unrolled.nn`.

    Raises:
        InputError: another module, a subclass of one of these, or parameters that the kernels do not support.

    >>> import torch
    >>> theirs = torch.nn.GRU(3, 4, bidirectional=True)
    >>> ours = from_torch(theirs)
    >>> ours
    GRU(3, 4, bidirectional=True)
    >>> x = torch.randn(5, 2, 3)
    >>> torch.allclose(ours(x)[0], theirs(x)[0], atol=1e-6)
    True
    """
    from torch import nn

    from unrolled.nn.accelerate import make_ours, obstacle

    if isinstance(module, (nn.RNN, nn.LSTM, nn.GRU)):
        reason = obstacle(module)
        if reason:
            raise InputError(f"from_torch: {reason}")
        copied = deepcopy(module)
        make_ours(copied)
        return copied
    if isinstance(module, (nn.RNNCell, nn.LSTMCell, nn.GRUCell)):
        return _cell_from_torch(module)
    raise InputError(
        f"from_torch takes torch.nn.RNN, LSTM, GRU and their cells, got {type(module).__name__}; unrolled.accelerate takes"
        " whole models"
    )


def _cell_from_torch(module: nn.RNNCell | nn.LSTMCell | nn.GRUCell) -> nn.Module:
    from torch import nn

    from unrolled.nn import GRUCell, LSTMCell, RNNCell
    from unrolled.nn.accelerate import obstacle
    from unrolled.nn.bound_cell import BoundCell

    ours = {nn.RNNCell: RNNCell, nn.LSTMCell: LSTMCell, nn.GRUCell: GRUCell}.get(type(module))
    reason = obstacle(module, of=(nn.RNNCell, nn.LSTMCell, nn.GRUCell))
    if ours is None or reason:
        raise InputError(f"from_torch: {reason}")
    copied = deepcopy(module)
    own = copied.__dict__
    if isinstance(module, nn.RNNCell):
        own["cell"] = f"rnn_{module.nonlinearity}"
    elif isinstance(module, nn.LSTMCell):
        own["cell"] = "lstm"
    else:
        own["cell"], own["reset_after"] = "gru", True
    own["_bound"] = BoundCell(own["cell"])
    copied.__class__ = ours  # pyright: ignore[reportAttributeAccessIssue]
    return copied


def to_torch(module: nn.Module) -> nn.Module:
    """A copy of a module of this library as a torch module, with the same parameters, hooks, dtype and mode.

    :func:`unrolled.restore` does this in place, for all such layers of a model.

    Args:
        module: an RNN, LSTM, GRU, RNNCell, LSTMCell or GRUCell of :mod:`unrolled.nn`.

    Returns:
        The same kind of module of :mod:`torch.nn`.

    Raises:
        InputError: torch does not have its equation or one of its options; the message says which.

    >>> import unrolled
    >>> to_torch(unrolled.nn.LSTM(3, 4))
    LSTM(3, 4)
    >>> to_torch(unrolled.nn.LSTM(3, 4, zoneout=0.1))
    Traceback (most recent call last):
    unrolled.errors.InputError: to_torch: torch's LSTM has no zoneout
    """
    from unrolled.nn import GRUCell, LSTMCell, RNNCell
    from unrolled.nn.accelerate import beyond_torch, make_theirs
    from unrolled.nn.stacked import StackedLayers

    if not isinstance(module, (StackedLayers, RNNCell, LSTMCell, GRUCell)):
        raise InputError(f"to_torch takes layers and cells of unrolled.nn, got {type(module).__name__}")
    reason = beyond_torch(module)
    if reason:
        raise InputError(f"to_torch: {reason}")
    copied = deepcopy(module)
    make_theirs(copied)
    return copied
