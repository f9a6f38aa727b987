from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import unrolled.nn
from unrolled import nn

SIZES: dict[str, dict[str, Any]] = {
    "leaky_rnn": {"alpha": 0.3, "learn_alpha": True},
    "lstmp": {"proj_size": 2},
    "qrnn": {"kernel_width": 3},
    "slstm": {"head_size": 2},
}
"""What the layers of some cells take besides."""


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
        inputs = hidden if name == "sru" else inputs
        torch.manual_seed(1)
        layer = nn.layers_for(name, inputs, hidden, dtype=torch.float64, **SIZES.get(name, {}), **arguments)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return layer

    return make
