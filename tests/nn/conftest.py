from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import unrolled.nn
from unrolled import nn

MODULES = {
    "rnn_tanh": (nn.RNN, {}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
    "rnn_identity": (nn.RNN, {"nonlinearity": "identity"}),
    "irnn": (nn.IRNN, {}),
    "indrnn": (nn.IndRNN, {}),
    "leaky_rnn": (nn.LeakyRNN, {"alpha": 0.3, "learn_alpha": True}),
    "lstm": (nn.LSTM, {}),
    "lstm_peephole": (nn.LSTM, {"peepholes": True}),
    "lstm_cifg": (nn.LSTM, {"coupled_gates": True}),
    "lstm_peephole_cifg": (nn.LSTM, {"peepholes": True, "coupled_gates": True}),
    "lstmp": (nn.LSTM, {"proj_size": 2}),
    "lstm_layer_norm": (nn.LSTM, {"layer_norm": True}),
    "janet": (nn.JANET, {}),
    "gru": (nn.GRU, {}),
    "gru_reset_before": (nn.GRU, {"reset_after": False}),
    "gru_layer_norm": (nn.GRU, {"layer_norm": True}),
    "gru1": (nn.GRU1, {}),
    "gru2": (nn.GRU2, {}),
    "gru3": (nn.GRU3, {}),
    "mgu": (nn.MGU, {}),
    "li_gru": (nn.LiGRU, {}),
    "min_gru": (nn.MinGRU, {}),
    "min_lstm": (nn.MinLSTM, {}),
    "sru": (nn.SRU, {"highway": False}),
    "sru_highway": (nn.SRU, {"highway": True}),
    "qrnn": (nn.QRNN, {"kernel_width": 3}),
    "fast_grnn": (nn.FastGRNN, {}),
    "slstm": (nn.SLSTM, {"num_heads": 2}),
}
"""The module of every cell, and what makes it that."""


class Twins(NamedTuple):
    """The same module twice, with the same parameters: torch's and this library's."""

    theirs: torch.nn.Module
    ours: torch.nn.Module


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors are computed faster by one thread than by several that wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def twins() -> Callable[..., Twins]:
    def make(name: str, *sizes: int, **options: object) -> Twins:
        theirs = getattr(torch.nn, name)(*sizes, **options)
        ours = getattr(unrolled.nn, name)(*sizes, **options)
        ours.load_state_dict(theirs.state_dict())
        return Twins(theirs, ours)

    return make


@pytest.fixture
def assert_close() -> Callable[[Tensor, Tensor], None]:
    """Equal to 1e-12 (float64) or 2e-6 (float32) of the norm."""

    def check(actual: Tensor, expected: Tensor) -> None:
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype
        bound = {torch.float64: 1e-12, torch.float32: 2e-6}[expected.dtype]
        assert (actual - expected).norm() <= bound * expected.norm()

    return check


def flat(result: tuple[Tensor, Tensor | tuple[Tensor, Tensor]]) -> list[Tensor]:
    """Outputs and last states of a module one after the other."""
    y, last = result
    return [y, *(last if isinstance(last, tuple) else (last,))]


@pytest.fixture
def outputs_and_gradients() -> Callable[..., list[Tensor]]:
    """Run ``call(x, hx)`` and differentiate a random weighting of all its outputs by ``x``, ``hx`` and parameters."""

    def run(module: torch.nn.Module, call: Callable[..., object], x: Tensor, states: list[Tensor]) -> list[Tensor]:
        x = x.detach().clone().requires_grad_()
        states = [s.detach().clone().requires_grad_() for s in states]
        hx = None if not states else states[0] if len(states) == 1 else tuple(states)
        outputs = flat(call(x, hx))  # type: ignore[arg-type]
        torch.manual_seed(1)
        loss = sum((torch.randn(o.shape, dtype=o.dtype) * o).sum() for o in outputs)
        gradients = torch.autograd.grad(loss, [x, *states, *module.parameters()])  # type: ignore[list-item]
        return [*outputs, *gradients]

    return run


@pytest.fixture
def make_layer() -> Callable[..., torch.nn.Module]:
    """The module of a cell, by the cell's name."""

    def make(name: str, inputs: int = 3, hidden: int = 4, **arguments: Any) -> torch.nn.Module:
        """The module of a cell in float64 with parameters away from their special starts."""
        module, own = MODULES[name]
        inputs = hidden if name == "sru" else inputs
        torch.manual_seed(1)
        layer = module(inputs, hidden, dtype=torch.float64, **own, **arguments)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return layer

    return make
