r"""Windows reconstructed from a few numbers, run without torch.

.. math::
    c &= A\, \mathrm{RNN}_{\text{encoder}}(z[1..W], u[1..W]) + a && \text{the code, fewer numbers than the window has} \\
    d[k] &= \mathrm{RNN}_{\text{decoder}}\left((c, u[k]), d[k-1]\right) \\
    (\mu, s)[k] &= V\, d[k] + v, \qquad b = \log(1 + e^{s}) + 0.001

The encoder reads a window ``z [W, C]`` of values and ``u [W, F]``, what is known about its steps without measuring
them, such as the hour of the day and earlier seasons. The decoder receives only the code, computed from the encoder's
last state, so it cannot reconstruct a window unlike those in the training data. Source: Malhotra et al. 2016,
*LSTM-based
encoder-decoder for multi-sensor anomaly detection*, arXiv 1607.00148, here with a narrower code and a spread of each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Count
from unrolled.runtime.dense import Dense
from unrolled.runtime.spread import with_spread
from unrolled.runtime.stack import Expected, Stack, StackConfig

__all__ = ["Autoencoder", "AutoencoderConfig"]

Values = NDArray[np.float64]
LARGEST_BATCH = 1 << 17  # steps that are run at once


class AutoencoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reconstruction"):
    """The sizes of the network."""

    encoder: StackConfig
    decoder: StackConfig
    code: Count
    window: Count
    channels: Count

    @property
    def known(self) -> int:
        """How many numbers are known about a step without measuring."""
        return self.encoder.inputs - self.channels

    def tensors(self) -> Expected:
        """Name → shape and dtype of every parameter."""
        expected = self.encoder.tensors("encoder.") | self.decoder.tensors("decoder.")
        return expected | {
            "code.weight": ((self.code, self.encoder.outputs), np.float32),
            "code.bias": ((self.code,), np.float32),
            "head.weight": ((2 * self.channels, self.decoder.outputs), np.float32),
            "head.bias": ((2 * self.channels,), np.float32),
        }


class Autoencoder:
    """The network after training; a window's results have the same bits alone and in a batch.

    >>> encoder, decoder = (StackConfig("gru", inputs, hidden_size=4, num_layers=1) for inputs in (2, 3))
    >>> shape = AutoencoderConfig(encoder, decoder, code=3, window=6, channels=2)
    >>> network = Autoencoder(shape, {name: np.zeros(size, dtype) for name, (size, dtype) in shape.tensors().items()})
    >>> mean, spread = network(np.ones((10, 6, 2), np.float32))
    >>> mean.shape, spread.shape
    ((10, 6, 2), (10, 6, 2))
    """

    def __init__(self, shape: AutoencoderConfig, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.shape = shape
        self._encoder = Stack(shape.encoder, tensors, "encoder.")
        self._decoder = Stack(shape.decoder, tensors, "decoder.")
        self._code = Dense(tensors["code.weight"], tensors["code.bias"])
        self._head = Dense(tensors["head.weight"], tensors["head.bias"])

    def __call__(self, x: NDArray[np.float32], last: int | None = None) -> tuple[Values, Values]:
        """μ and b ``[N, L, C]`` of the ``last`` L steps, by default all W, of windows ``x [N, W, C + F]``, values first."""
        count = max(1, LARGEST_BATCH // self.shape.window)
        kept = self.shape.window if last is None else last
        parts = [self._batch(x[at : at + count].transpose(1, 0, 2), kept) for at in range(0, len(x), count)]
        return np.concatenate([mean for mean, _ in parts]), np.concatenate([spread for _, spread in parts])

    def _batch(self, x: NDArray[np.float32], kept: int) -> tuple[Values, Values]:
        lengths = np.full(x.shape[1], self.shape.window)
        _, state = self._encoder(x, lengths)
        code = self._code(state)
        repeated = np.broadcast_to(code, (self.shape.window, *code.shape))
        d, _ = self._decoder(np.concatenate([repeated, x[:, :, self.shape.channels :]], axis=2), lengths)
        return with_spread(self._head(d[-kept:].transpose(1, 0, 2)))
