r"""Frames of notes drawn at random, each note by itself.

.. math::
    P(x_i = 1) = \sigma(s_i / \tau), \qquad s_i = \log \frac{\hat x_i}{1 - \hat x_i}

With temperature :math:`\tau = 1` it is the network's own distribution; below 1 the probable becomes more probable, above 1 less,
as in sampling of tokens with the two answers of each note. Whether a piece ends is drawn from the network's own odds at any
temperature: with sharpened ones an end that is improbable at each step and certain in the long run would never come.

Several networks are averaged by the chance they give each note,

.. math:: \hat x_i = \frac 1 M \sum_m \sigma(s_{m,i})
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Values
from unrolled.errors import InputError
from unrolled.parameters.declaration import require
from unrolled.parameters.ranges import Range
from unrolled.runtime.probabilities import log_sum_exp, sigmoid

__all__ = ["DrawnNotes", "NoteSampling", "mean_odds"]


class DrawnNotes(NamedTuple):
    """A frame of each row."""

    frames: NDArray[np.float32]
    """``[N, P]``, zeros and ones."""
    ended: NDArray[np.bool_]
    """Rows that have ended before this frame, ``[N]``; it means nothing in them."""


@dataclass(frozen=True, kw_only=True)
class NoteSampling:
    """How frames are drawn.

    Args:
        temperature: :math:`\\tau`, above 0.

    Raises:
        InputError: it is not.

    >>> odds = np.array([[9.0, -9.0, 9.0, -9.0], [-9.0, -9.0, -9.0, 9.0]])
    >>> drawn = NoteSampling(temperature=0.1)(odds, [np.random.default_rng(n) for n in range(2)])
    >>> drawn.frames[0].tolist(), drawn.ended.tolist()
    ([1.0, 0.0, 1.0], [False, True])
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        require("temperature", self.temperature, self.temperature in Range(0, open_low=True), "a number above 0")

    def __call__(self, odds: NDArray[np.floating[Any]], generators: Sequence[np.random.Generator]) -> DrawnNotes:
        """Draw a frame of each of N rows, which does not depend on the other rows.

        Args:
            odds: their logarithms ``[N, P + 1]``, as :class:`unrolled.networks.note_head.NoteHead` has them: of the notes, and
                last of the end.
            generators: N generators, one a row; each gives P + 1 numbers.

        Raises:
            InputError: as many generators as rows are expected.
        """
        if len(generators) != len(odds):
            raise InputError(f"{len(generators)} generators for {len(odds)} rows: expected one a row")
        u = np.array([each.random(odds.shape[1]) for each in generators]).reshape(odds.shape)
        with np.errstate(over="ignore"):
            notes = u[:, :-1] < sigmoid(odds[:, :-1].astype(np.float64) / self.temperature)
        return DrawnNotes(notes.astype(np.float32), u[:, -1] < sigmoid(odds[:, -1]))


def mean_odds(odds: Sequence[Floats]) -> Values:
    r"""The logarithm of the odds of the mean chance that M networks give each event, ``[...]``, from theirs.

    .. math:: \log \sum_m \sigma(s_m) - \log \sum_m \sigma(-s_m)

    >>> mean_odds([np.array([2.0, 40.0]), np.array([-2.0, 60.0])]).round(3).tolist()  # near 1 what is missing is kept
    [0.0, 40.693]
    """
    s = np.stack(odds, axis=-1).astype(np.float64)  # [..., M]
    return log_sum_exp(_log_chance(s)) - log_sum_exp(_log_chance(-s))


def _log_chance(s: Values) -> Values:
    """The logarithm of ``sigmoid(s)``, which may be smaller than any number."""
    return -log_sum_exp(np.stack([np.zeros_like(s), -s], axis=-1))
