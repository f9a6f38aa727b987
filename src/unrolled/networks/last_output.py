"""The last output of stacked layers: of the reverse direction the one at the first step, where it ends."""

from __future__ import annotations

import numpy as np

from unrolled.networks.engine import Array, Engine, Lengths
from unrolled.networks.stack import StackConfig

__all__ = ["last_output"]


def last_output(engine: Engine, config: StackConfig, y: Array, lengths: Lengths | None = None) -> Array:
    """From outputs ``[T, B, O]`` that of each sequence's last step, ``[B, O]``; without ``lengths`` all have ``T`` steps.

    It is what the layers put out, which is not the state ``h`` of cells that pass on only a cell state, nor where layers add
    their input to their output. Where the outputs of both directions are added, it is their sum at the last step.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> y = np.arange(8.0).reshape(2, 1, 4)
    >>> last_output(KernelEngine({}), StackConfig("gru", 1, 2, num_layers=1, bidirectional=True), y).tolist()
    [[4.0, 5.0, 2.0, 3.0]]
    """
    last = y[-1] if lengths is None else y[lengths - 1, np.arange(len(lengths))]
    if not config.bidirectional or config.merge == "sum":
        return last
    return engine.concatenate([last[:, : config.output_size], y[0][:, config.output_size :]])
