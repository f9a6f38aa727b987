"""Networks whose layers over time are exchanged, while everything around them stays the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unrolled.networks.engine import Lengths
from unrolled.networks.stack import StackConfig
from unrolled.training.engine import NetworkModule, NetworkOptions, TorchEngine

__all__ = ["Body", "BodyModule", "BodyStart", "cut"]


class Body(torch.nn.Module, ABC):
    """What reads a sequence in the place of recurrent layers: ``[T, B, I]`` → ``[T, B, H]``.

    Attributes:
        reach: to how many steps an output can be owed, its own among them; None if to all of the sequence.
        state: how many numbers it takes to go on from a step to the next; None if the sequence must be read anew.
    """

    reach: int | None
    state: int | None

    @abstractmethod
    def read(self, x: Tensor, inside: Tensor) -> Tensor:
        """Outputs ``[T, B, H]`` for ``x``, where ``inside [T, B]`` says which steps are those of a sequence."""

    def forward(
        self, x: Tensor, lengths: Lengths | None = None, states: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As :class:`unrolled.networks.engine.Stack`, without states to go on from."""
        T, B = x.shape[:2]
        ends = torch.full((B,), T) if lengths is None else torch.from_numpy(lengths)
        inside = torch.arange(T)[:, None] < ends
        return cut(self.read(cut(x, inside), inside), inside), ()


BodyStart = Callable[[StackConfig], Body]
"""Makes a body of random weights."""


def cut(y: Tensor, inside: Tensor) -> Tensor:
    """``y [T, B, H]``, zero past each sequence's end."""
    return y if bool(inside.all()) else y * inside[..., None]


class _BodyEngine(TorchEngine):
    """The engine of training, which asks a family for layers over time; without one they are recurrent."""

    def __init__(self, module: torch.nn.Module, options: NetworkOptions, body: BodyStart | None) -> None:
        super().__init__(module, options)
        self._body, self._tables = body, list[int]()

    def scope(self, name: str) -> _BodyEngine:
        part = torch.nn.Module()
        self._module.add_module(name, part)
        engine = _BodyEngine(part, self.options, self._body)
        engine._tables = self._tables
        return engine

    def stack(self, name: str, config: StackConfig) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]:
        if self._body is None:
            return super().stack(name, config)
        layers = self._body(config)
        self._module.add_module(name, layers)
        return layers

    def embedding(self, name: str, entries: int, size: int) -> Any:
        self._tables.append(entries * size)
        return super().embedding(name, entries, size)

    @property
    def tables(self) -> int:
        """How many numbers all tables hold together."""
        return sum(self._tables)


class BodyModule(NetworkModule):
    """A network of the library with the layers of a family.

    Attributes:
        tables: how many of its parameters are vectors of words or symbols, which are the same in all families.

    >>> from unrolled.networks.encoder import Encoder, EncoderConfig
    >>> config = EncoderConfig(StackConfig("gru", inputs=2, hidden_size=3, num_layers=1), pooling="last", outputs=5)
    >>> BodyModule(Encoder, config, NetworkOptions(), None).weights
    83
    """

    def __init__(
        self, network: Callable[..., Any], config: Any, options: NetworkOptions, body: BodyStart | None
    ) -> None:
        torch.nn.Module.__init__(self)
        engine = _BodyEngine(self, options, body)
        self.network = network(engine, config)
        self.tables = engine.tables

    @property
    def weights(self) -> int:
        """How many parameters it has beside its tables: what families are matched by."""
        return sum(parameter.numel() for parameter in self.parameters()) - self.tables
