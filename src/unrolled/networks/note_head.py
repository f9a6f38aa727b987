r"""A head for frames of notes, each by itself: whether the piece has ended, and of every note whether it sounds.

.. math::
    p(x[u], e[u] \mid h[u]) = \begin{cases} \hat e & \text{at the end} \\
        (1 - \hat e) \prod_{i=1}^P \hat x_i^{\,x_i} (1 - \hat x_i)^{1 - x_i} & \text{before}\end{cases},
    \qquad [\hat x, \hat e] = \sigma(V h[u] + v)

A network reads the frame before as it is, zeros and ones, and zeros before the first. The notes of a frame are independent of
each other given the frames before; where each is to know the others :mod:`unrolled.codecs.frame_tokens` makes symbols of them.

Source: as *RNN* in N. Boulanger-Lewandowski, Y. Bengio, P. Vincent 2012, *Modeling temporal dependencies in high-dimensional
sequences*, arXiv 1206.6392; the end is added.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.frame_tokens import Notes
from unrolled.networks.engine import Array, Engine

__all__ = ["NoteHead", "NoteHeadConfig"]


class NoteHeadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="notes"):
    """The sizes of the head.

    >>> config = NoteHeadConfig(notes=2)
    >>> config.first(1).tolist(), config.ending(np.array([[1, 0], [1, 1]])).tolist()
    ([[0.0, 0.0]], [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """

    notes: Notes
    """``P``"""

    @property
    def inputs(self) -> int:
        """Numbers that the layers read of a step."""
        return self.notes

    @property
    def outputs(self) -> int:
        """Scores of a step: of the notes, and of the end."""
        return self.notes + 1

    def first(self, rows: int) -> NDArray[np.float32]:
        """What the layers read at the first step, ``[N, P]``."""
        return np.zeros((rows, self.notes), np.float32)

    def ending(self, piece: NDArray[Any]) -> NDArray[np.float32]:
        """What is to be said of a piece ``[T, P]``: its frames, and its end, ``[T + 1, P + 1]``."""
        said = np.zeros((len(piece) + 1, self.outputs), np.float32)
        said[:-1, :-1], said[-1, -1] = piece, 1
        return said

    def targets(self, steps: NDArray[Any]) -> NDArray[np.float32]:
        """What is to be said of frames ``[..., P]`` in the midst of a piece, ``[..., P + 1]``."""
        return np.concatenate([steps, np.zeros((*steps.shape[:-1], 1))], axis=-1).astype(np.float32)


class NoteHead:
    """The head; its words are the engine's.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> dense = {"scores.weight": np.zeros((3, 4)), "scores.bias": np.log([3.0, 1.0, 0.25])}
    >>> head = NoteHead(KernelEngine(dense), NoteHeadConfig(notes=2), inputs=4)
    >>> scores = head(np.ones((2, 1, 4)))
    >>> np.exp(head.log_p(scores, head.config.ending(np.array([[1, 0]]))[:, None])).round(6).tolist()  # 0.8 * 0.75 * 0.5
    [[0.3], [0.2]]
    """

    def __init__(self, engine: Engine, config: NoteHeadConfig, inputs: int) -> None:
        self.engine, self.config = engine, config
        self.scores = engine.dense("scores", inputs, config.outputs)

    def read(self, steps: NDArray[Any]) -> Array:
        """Frames ``[U, N, P]`` as the layers read them."""
        return self.engine.constant(steps.astype(np.float32))

    def __call__(self, h: Array, _: NDArray[Any] | None = None) -> Array:
        """Scores ``[..., P + 1]`` of what follows, from the layers' outputs ``[..., H]``, whatever was read."""
        return self.scores(h)

    def log_p(self, scores: Array, target: NDArray[Any]) -> Array:
        r"""The log-likelihood ``[...]`` of each step; ``target [..., P + 1]`` has the notes and last whether it is the end.

        .. math:: \log \hat x_i = -\log(1 + e^{-s_i}), \quad \log(1 - \hat x_i) = -\log(1 + e^{s_i})
        """
        true = self.engine.constant(target)
        against = ((1 - 2 * true) * scores)[..., None]
        log_chances = -self.engine.log_sum_exp(self.engine.concatenate([0 * against, against]))
        return log_chances[..., -1] + (1 - true[..., -1]) * self.engine.sum(log_chances[..., :-1])
