r"""Windows reconstructed from a few numbers.

.. math::
    c &= A\, \mathrm{RNN}_{\text{encoder}}(z[1..W], u[1..W]) + a && \text{the code, fewer numbers than the window has} \\
    d[k] &= \mathrm{RNN}_{\text{decoder}}\left((c, u[k]), d[k-1]\right) \\
    (\mu, s)[k] &= V\, d[k] + v, \qquad b = \log(1 + e^{s}) + 0.001

The encoder reads a window ``z [W, C]`` of values and ``u [W, F]``, what is known about its steps without measuring
them, such as the hour of the day and earlier seasons. The decoder receives only the code, computed from the encoder's
last output, so it cannot reconstruct a window unlike those in the training data. Source: Malhotra et al. 2016,
*LSTM-based encoder-decoder for multi-sensor anomaly detection*, arXiv 1607.00148, here with a narrower code and a spread of
each step.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.ranges import Count
from unrolled.networks.engine import Array, Engine
from unrolled.networks.last_output import last_output
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.spread import with_spread
from unrolled.networks.stack import StackConfig

__all__ = ["Autoencoder", "AutoencoderConfig"]

LARGEST_BATCH = 1 << 17  # steps that are run at once


class AutoencoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reconstruction"):
    """The sizes of the network."""

    encoder: StackConfig
    decoder: StackConfig
    code: Count
    window: Count
    channels: Count

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(Autoencoder, self)


class Autoencoder:
    """The network. After training a window's results have the same bits alone and in a batch.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> encoder, decoder = (StackConfig("gru", inputs, hidden_size=4, num_layers=1) for inputs in (2, 3))
    >>> config = AutoencoderConfig(encoder, decoder, code=3, window=6, channels=2)
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> mean, spread = Autoencoder(KernelEngine(parameters), config).reconstruct(np.ones((10, 6, 2), np.float32))
    >>> mean.shape, spread.shape
    ((10, 6, 2), (10, 6, 2))
    """

    def __init__(self, engine: Engine, config: AutoencoderConfig) -> None:
        self.engine, self.config = engine, config
        self.encoder = engine.stack("encoder", config.encoder)
        self.decoder = engine.stack("decoder", config.decoder)
        self.code = engine.dense("code", config.encoder.outputs, config.code)
        self.head = engine.dense("head", config.decoder.outputs, 2 * config.channels)

    def __call__(self, x: Array, last: int | None = None) -> Array:
        """``(μ, s) [L, B, 2 C]`` of the ``last`` L steps, by default all W, of windows ``x [W, B, C + F]``, values first."""
        y, _ = self.encoder(x)
        code = self.code(self.engine.dropout(last_output(self.engine, self.config.encoder, y)))
        repeated = self.engine.repeat(code, len(x))
        d, _ = self.decoder(self.engine.concatenate([repeated, x[:, :, self.config.channels :]]))
        return self.head(self.engine.dropout(d[-(last or len(x)) :]))

    def reconstruct(self, x: NDArray[np.float32], last: int | None = None) -> tuple[Values, Values]:
        """μ and b ``[N, L, C]`` of the last steps of any number of windows ``x [N, W, C + F]``."""
        count = max(1, LARGEST_BATCH // self.config.window)
        outputs = [self(x[at : at + count].transpose(1, 0, 2), last) for at in range(0, len(x), count)]
        return with_spread(np.concatenate(outputs, axis=1).transpose(1, 0, 2))
