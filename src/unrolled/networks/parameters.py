"""The parameters of a network by name, as its constructor declares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np

from unrolled.networks.engine import Engine
from unrolled.networks.stack import StackConfig

__all__ = ["Declaration", "Parameters", "parameters_of"]

Parameters: TypeAlias = dict[str, tuple[tuple[int, ...], type[np.floating[Any]]]]
"""Name → shape and dtype."""

Config = TypeVar("Config")


class Declaration:
    """An engine that writes down what it is asked for and computes nothing.

    Attributes:
        parameters: what was declared so far.
    """

    def __init__(self, parameters: Parameters | None = None, prefix: str = "") -> None:
        self.parameters: Parameters = {} if parameters is None else parameters
        self._prefix = prefix

    def scope(self, name: str) -> Declaration:
        """That of a part."""
        return Declaration(self.parameters, f"{self._prefix}{name}.")

    def stack(self, name: str, config: StackConfig) -> None:
        """Every layer's and direction's parameters."""
        for own, shape in config.parameter_shapes().items():
            self.parameter(f"{name}.{own}", shape)

    def dense(self, name: str, inputs: int, outputs: int) -> None:
        """Weight and bias."""
        self.parameter(f"{name}.weight", (outputs, inputs))
        self.parameter(f"{name}.bias", (outputs,))

    def matrix(self, name: str, inputs: int, outputs: int) -> None:
        """A weight alone."""
        self.parameter(f"{name}.weight", (outputs, inputs))

    def vector(self, name: str, size: int) -> None:
        """A matrix of one row."""
        self.parameter(name, (1, size))

    def comparison(self, name: str, size: int) -> None:
        """As a vector."""
        self.vector(name, size)

    def embedding(self, name: str, entries: int, size: int) -> None:
        """A table of vectors."""
        self.parameter(name, (entries, size))

    def parameter(self, name: str, shape: tuple[int, ...], dtype: type[np.floating[Any]] = np.float32) -> None:
        """An array of its own."""
        self.parameters[self._prefix + name] = shape, dtype


def parameters_of(network: Callable[[Engine, Config], object], config: Config) -> Parameters:
    """Those that a network of this configuration has."""
    declaration = Declaration()
    network(cast("Engine", declaration), config)
    return declaration.parameters
