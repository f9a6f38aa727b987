"""Stacked recurrent layers of a saved model, in one or both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.cells import get_cell
from unrolled.codecs.ranges import Count
from unrolled.runtime.recurrent import RecurrentLayer

__all__ = ["Stack", "StackConfig"]

Floats = NDArray[np.floating[Any]]
Expected = dict[str, tuple[tuple[int, ...], type[np.float32] | type[np.float64]]]


class StackConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sizes of stacked layers; ``cell`` is a name of the registry."""

    cell: str
    inputs: Count
    hidden_size: Count
    num_layers: Count
    bidirectional: bool = False

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 1 + self.bidirectional

    @property
    def outputs(self) -> int:
        """Size of the last layer's output at each step."""
        return self.directions * self.hidden_size

    def names(self, layer: int, direction: int) -> dict[str, str]:
        """The cell's name of each parameter → that of one layer and direction, as torch calls it."""
        suffix = f"_l{layer}{'_reverse' * direction}"
        return {parameter.name: parameter.name + suffix for parameter in get_cell(self.cell).parameters}

    def tensors(self, prefix: str) -> Expected:
        """Name → shape and dtype."""
        expected: Expected = {}
        for layer in range(self.num_layers):
            inputs = self.outputs if layer else self.inputs
            shapes = get_cell(self.cell).parameter_shapes(input_size=inputs, hidden_size=self.hidden_size)
            for direction in range(self.directions):
                names = self.names(layer, direction)
                expected |= {prefix + names[name]: (shape, np.float32) for name, shape in shapes.items()}
        return expected


class Stack:
    """Runs the layers; a sequence's results have the same bits alone and in a batch.

    >>> shape = StackConfig("gru", inputs=3, hidden_size=4, num_layers=2, bidirectional=True)
    >>> rng = np.random.default_rng(0)
    >>> tensors = {name: rng.normal(size=size).astype(dtype) for name, (size, dtype) in shape.tensors("").items()}
    >>> y, h = Stack(shape, tensors, "")(np.ones((5, 2, 3), np.float32), np.array([5, 3]))
    >>> y.shape, h.shape
    ((5, 2, 8), (2, 8))
    """

    def __init__(self, shape: StackConfig, tensors: Mapping[str, NDArray[Any]], prefix: str) -> None:
        self.layers = [
            [
                RecurrentLayer(
                    shape.cell,
                    {name: tensors[prefix + own] for name, own in shape.names(layer, direction).items()},
                    reverse=direction == 1,
                )
                for direction in range(shape.directions)
            ]
            for layer in range(shape.num_layers)
        ]

    def __call__(self, x: Floats, lengths: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Outputs of the last layer for ``x [T, B, I]``, ``[T, B, D*H]``, zero past each length, and its last ``h``."""
        y, last = x, [np.empty(0)]
        for directions in self.layers:
            results = [layer(y, lengths=lengths) for layer in directions]
            y = results[0][0] if len(results) == 1 else np.concatenate([outputs for outputs, _ in results], axis=2)
            last = [states[0] for _, states in results]
        return y, np.concatenate(last, axis=1)
