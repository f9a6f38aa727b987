"""A decoder's step in one call: of an encoder-decoder as most are, and with the bits of its text run call by call.

What the call does not know is run in the usual way: attention of several heads, coverage, attention that reaches some steps only,
zoneout, and cells whose states are not those of their kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.kernels.decoder_step import Asked, DecoderStep

__all__ = ["decoder_step"]


def decoder_step(network: Any) -> Callable[[Any, NDArray[np.int64]], tuple[Values, Any] | None] | None:
    """What takes a step of an :class:`unrolled.networks.encoder_decoder.EncoderDecoder` at once, or None.

    It is given a state and tokens as ``advance`` is, and returns the same, or None where there is no such row, token or source.
    """
    config, how = network.config, network.config.attention
    if how is not None and (how.score == "multi_head" or how.reach != "global" or how.coverage):
        return None
    layers = [layer.plain_weights for (layer,) in network.decoder.layers]
    if None in layers or any(layer.dtype != np.float32 for layer in layers):
        return None
    compared = how is not None and how.score in ("additive", "concat")
    step = DecoderStep(
        network.symbols.vectors, layers, network.combine.packed, network.head.packed,
        query=network.attend.query.packed if compared else None,
        vector=network.attend.compare.vector if compared else None,
        asked=0 if how is None else config.encoder.outputs, residual=config.decoder.residual, feeds=config.input_feeding,
    )  # fmt: skip

    def run(state: Any, tokens: NDArray[np.int64]) -> tuple[Values, Any] | None:
        memory = state.memory
        found = step(tokens, state.states, None if memory is None else _asked(memory), state.rows, state.fed)
        if found is None:
            return None
        fed = found.combined if config.input_feeding else None
        return found.log_p, type(state)(memory, state.rows, found.states, state.steps + 1, fed, None, found.weights)

    return run


def _asked(memory: Any) -> Asked:
    """What is asked of sources that were read, put together once."""
    found = memory.values.asked
    if found is None:
        keys = memory.keys if isinstance(memory.keys, np.ndarray) else memory.keys.packed
        found = memory.values.asked = Asked(memory.lengths, memory.steps, keys, memory.values.packed)
    return found
