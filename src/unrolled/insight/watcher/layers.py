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

__all__ = ["Activations", "activations", "described", "is_recurrent", "kind_of", "replayed"]

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


class Activations(NamedTuple):
    """The gates of one direction of one layer on a few sequences."""

    place: str
    gates: dict[str, Tensor]
    """By letter, ``[T, B, H]``; for an RNN ``h``, its output."""


def activations(call: LayerCall, rows: int) -> Iterator[Activations]:
    """The gates of a call, recomputed from inputs and parameters for its first sequences, layer by layer.

    .. math::
        a_t = W x_t + b_{ih} + U h_{t-1} + b_{hh}
    """
    import torch

    kind = kind_of(call.module)
    if kind is None or call.packed or call.y.dim() != 3:
        return
    with torch.no_grad():
        for name, x, y, weights in replayed(call, call.x[:, :rows].detach(), rows):
            W, U, *biases = weights
            H = U.shape[1]
            before = torch.cat([_first_state(call, y, rows), y[:-1]])
            b_ih, b_hh = biases if biases else (W.new_zeros(len(W)), W.new_zeros(len(W)))
            of_x, of_h = x @ W.T + b_ih, before @ U.T + b_hh
            if kind.startswith("rnn"):
                yield Activations(name, {"h": y})
                continue
            parts = dict(zip(get_cell(kind).gates, zip(of_x.split(H, -1), of_h.split(H, -1), strict=True), strict=True))
            gates = {g: torch.sigmoid(a + b) for g, (a, b) in parts.items() if g != get_cell(kind).candidate}
            if kind == "gru":
                gates["n"] = torch.tanh(parts["n"][0] + gates["r"] * parts["n"][1])
            else:
                gates["g"] = torch.tanh(parts["g"][0] + parts["g"][1])
            yield Activations(name, gates)


def _first_state(call: LayerCall, y: Tensor, rows: int) -> Tensor:
    """The hidden state before the first step of the only layer; zeros where it is not known."""
    hx = call.hx
    if hx and hx[0].shape[-1] == y.shape[-1] and hx[0].numel() == call.batch * y.shape[-1]:
        return hx[0].detach().reshape(1, call.batch, -1)[:, :rows].to(y.dtype)
    return y.new_zeros(1, *y.shape[1:])


def replayed(call: LayerCall, x: Tensor, rows: int) -> Iterator[tuple[str, Tensor, Tensor, list[Tensor]]]:
    """Run the forward direction of each layer on ``x [T, B, I]``: its place, its input, its output and its parameters.

    A cell is run as it was called, and dropout between layers is left out.
    """
    import torch

    kind, module = kind_of(call.module), call.module
    if kind is None or call.y.dtype not in (torch.float32, torch.float64):
        return
    if call.single:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [w for w in (getattr(module, name, None) for name in names) if w is not None]
        yield call.place, x, call.y[:, :rows].detach(), weights
        return
    for index in range(module.num_layers):
        if index and module.bidirectional:
            return
        names = [f"{name}_l{index}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        weights = [w for w in (getattr(module, name, None) for name in names) if w is not None]
        states = _start(call, index, x, weights[1].shape[1], rows)
        run: Any = getattr(torch, kind)
        hx: Any = states if kind == "lstm" else states[0]
        y = run(x, hx, weights, len(weights) == 4, 1, 0.0, False, False, False)[0]
        yield f"{call.place}.l{index}" if module.num_layers > 1 else call.place, x, y, weights
        x = y


def _start(call: LayerCall, index: int, x: Tensor, H: int, rows: int) -> list[Tensor]:
    """The states of one layer before the first step, ``[1, B, H]`` each."""
    directions = 2 if call.module.bidirectional else 1
    if call.hx and all(h.dim() == 3 and h.shape[-1] == H for h in call.hx):
        return [h.detach()[index * directions][None, :rows].contiguous() for h in call.hx]
    return [x.new_zeros(1, x.shape[1], H) for _ in range(2)]
