"""Recurrent layers and cells of torch and of :mod:`unrolled.nn`, as a watcher sees them from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from unrolled.cells import get_cell
from unrolled.insight.watcher.records import LayerCall, tensors_in

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["ROWS", "Replay", "described", "is_recurrent", "kind_of", "replayed"]

ROWS = 4
"""Sequences of a batch that are run again."""
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
KINDS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
"""Of the cells that can be looked into from outside."""


def is_recurrent(module: Any) -> bool:
    """Whether a module is a recurrent layer, or a cell that takes single steps."""
    from torch.nn.modules.rnn import RNNBase, RNNCellBase

    return isinstance(module, RNNBase | RNNCellBase)


def kind_of(module: Any) -> str | None:
    """Of the cells that can be looked into from outside: ``lstm``, ``gru``, ``rnn_tanh``, ``rnn_relu``."""
    if getattr(module, "proj_size", 0):
        return None
    name = getattr(module, "cell", None) or getattr(module, "mode", None)
    if name is None:
        own = {"LSTMCell": "lstm", "GRUCell": "gru", "RNNCell": f"rnn_{getattr(module, 'nonlinearity', 'tanh')}"}
        name = own.get(type(module).__name__, "")
    return str(name).lower() if str(name).lower() in KINDS else None


def described(
    module: Any, place: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, generation: int
) -> LayerCall | None:
    """What a call of a recurrent module was; None for one without sequences."""
    from torch.nn.modules.rnn import RNNCellBase
    from torch.nn.utils.rnn import PackedSequence

    given = args[0] if args else kwargs.get("input")
    hx = tuple(tensors_in(args[1] if len(args) > 1 else kwargs.get("hx")))
    lengths = (args[2] if len(args) > 2 else kwargs.get("lengths")) is not None
    if isinstance(module, RNNCellBase):
        last = tuple(tensors_in(result))
        if given is None or not last:
            return None
        x, y = (value if value.dim() == 2 else value[None] for value in (given, last[0]))
        return LayerCall(module, place, x[None], hx, y[None], last[0], last, module.training, False, True, generation)
    if given is None or not isinstance(result, tuple):
        return None
    y, last = result[0], tuple(tensors_in(result[1]))
    if isinstance(given, PackedSequence):
        return LayerCall(module, place, given.data, hx, y.data, y.data, last, module.training, True, False, generation)
    output = y
    if given.dim() == 2:
        given, y = given[:, None], y[:, None]
    elif module.batch_first:
        given, y = given.transpose(0, 1), y.transpose(0, 1)
    return LayerCall(module, place, given, hx, y, output, last, module.training, lengths, False, generation)


class Replay(NamedTuple):
    """The forward direction of one layer, run again on a few sequences."""

    place: str
    x: Tensor
    """Its input ``[T, B, I]``, a leaf that gradients reach."""
    y: Tensor
    """Its output ``[T, B, H]``."""
    gates: dict[str, Tensor]
    """By letter, ``[T, B, H]``; for an RNN ``h``, its output."""


def replayed(call: LayerCall) -> list[Replay]:
    """The layers of a call, run again once, from its inputs, its states and its parameters; none if that cannot be done.

    Dropout between layers is left out, and so are layers above a bidirectional one.
    """
    if call.replays is None:
        call.replays = [*_replays(call)]
    return call.replays


def _replays(call: LayerCall) -> Iterator[Replay]:
    import torch

    from unrolled.nn.inputs import Inputs, Plan
    from unrolled.nn.layer import layer

    kind, module, numbers = kind_of(call.module), call.module, (torch.float32, torch.float64)
    if kind is None or call.packed or call.y.dim() != 3 or call.x.dtype not in numbers or call.y.dtype not in numbers:
        return
    count, bidirectional = getattr(module, "num_layers", 1), getattr(module, "bidirectional", False)
    x = call.x.detach()[:, :ROWS].cpu().contiguous()
    with torch.enable_grad():
        for index in range(1 if bidirectional else count):
            suffix = "" if call.single else f"_l{index}"
            found = [getattr(module, name + suffix, None) for name in WEIGHTS]
            weights = [weight.detach().to(x) for weight in found if weight is not None]
            states = [_start(state, call, index, bidirectional).to(x) for state in call.hx]
            h0, c0 = (*states, None, None)[:2]
            y, _, _, (gates,) = layer(Plan(kind, gates=True), Inputs(x.requires_grad_(), h0, c0, weights))
            letters = get_cell(kind).gates
            shown = dict(zip(letters, gates.chunk(len(letters), 2), strict=True))
            yield Replay(call.place if count == 1 else f"{call.place}.l{index}", x, y, shown)
            x = y.detach()


def _start(state: Tensor, call: LayerCall, index: int, bidirectional: bool) -> Tensor:
    """A state of one layer before the first step, ``[1, B, H]``."""
    of_layer = state.detach().reshape(-1, call.batch, state.shape[-1])[index * (1 + bidirectional)]
    return of_layer[None, :ROWS].contiguous()
