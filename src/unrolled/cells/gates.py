"""Gates by name: how a stacked array holds one block a gate, in the cell's own order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from unrolled.cells.arrays import FloatArray

__all__ = ["split", "stack"]


def split(stacked: FloatArray, gates: tuple[str, ...], axis: Literal[0, -1] = -1) -> dict[str, FloatArray]:
    """Cut ``stacked`` into one block a gate.

    >>> split(np.arange(6.0), ("r", "z", "n"))
    {'r': array([0., 1.]), 'z': array([2., 3.]), 'n': array([4., 5.])}
    """
    size = stacked.shape[axis] // len(gates)
    blocks = (slice(k * size, (k + 1) * size) for k in range(len(gates)))
    return {
        gate: stacked[block] if axis == 0 else stacked[..., block] for gate, block in zip(gates, blocks, strict=True)
    }


def stack(blocks: Mapping[str, FloatArray], gates: tuple[str, ...], axis: Literal[0, -1] = -1) -> FloatArray:
    """Put one block a gate together again, whatever the order they come in.

    >>> stack({"n": np.array([4.0]), "r": np.array([0.0]), "z": np.array([2.0])}, ("r", "z", "n"))
    array([0., 2., 4.])
    """
    return np.concatenate([blocks[gate] for gate in gates], axis)
