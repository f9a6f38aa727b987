"""Regularisation of a run: dropout masks for the state and the candidate, and zoneout.

Masks hold factors: 0 where something is dropped, ``1/(1-p)`` where it is kept.
Sources: variational dropout, Gal, Ghahramani 2016, arXiv 1512.05287; recurrent dropout, Semeniuta, Severyn, Barth 2016,
arXiv 1603.05118; zoneout, Krueger et al. 2017, arXiv 1606.01305.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from unrolled.cells.arrays import FloatArray

__all__ = ["NO_MASKS", "NO_STEP_MASKS", "Masks", "StepMasks", "zoned"]


class StepMasks(NamedTuple):
    """The masks of one step."""

    state: FloatArray | float = 1.0
    """``[B, P]``, for ``h[t-1]`` in its product with ``U``; the same at every step."""
    candidate: FloatArray | float = 1.0
    """``[B, H]``, for the candidate."""
    keep: FloatArray | float = 0.0
    """``[B, H]``, the share of the cell state that zoneout keeps, for cells that compute their output from the
    result."""


NO_STEP_MASKS = StepMasks()


def zoned(keep: FloatArray | float, before: FloatArray, new: FloatArray) -> FloatArray:
    """What zoneout makes of a state, ``keep * before + (1 - keep) * new``; without zoneout it is new, also beside an infinity.

    >>> import numpy as np
    >>> zoned(0.0, np.array([np.inf]), np.array([1.0])).item(), zoned(0.5, np.array([4.0]), np.array([2.0])).item()
    (1.0, 3.0)
    """
    return new if isinstance(keep, float) and not keep else keep * before + (1 - keep) * new


@dataclass(frozen=True)
class Masks:
    """The masks of a whole run, one row per step and sequence: ``[T, B, ...]`` here, ``[N, ...]`` for packed rows.

    ``H`` is the hidden size, ``P`` the size of ``h``. With zoneout the new state is ``keep * before + (1 - keep) * new``;
    without a mask, ``keep`` is the zoneout probability, the mean over all masks. An output that is not a state is
    computed from the cell state after zoneout.
    """

    state: FloatArray | None = None
    """``[B, P]``"""
    candidate: FloatArray | None = None
    """``[T, B, H]``"""
    keep_h: FloatArray | None = None
    """``[T, B, P]``, 1 where ``h`` keeps its previous value and 0 elsewhere"""
    keep_c: FloatArray | None = None
    """``[T, B, H]``, the same for ``c``"""
    zoneout: tuple[float, float] = (0.0, 0.0)
    """Zoneout probabilities of ``h`` and ``c``."""

    def at(self, t: int) -> StepMasks:
        """The masks of step ``t``."""
        return StepMasks(
            1.0 if self.state is None else self.state,
            1.0 if self.candidate is None else self.candidate[t],
            self.keep("c", t),
        )

    def keep(self, state: str, t: int) -> FloatArray | float:
        """The share of a state that keeps its previous value at step ``t``."""
        masks = {"h": (self.keep_h, self.zoneout[0]), "c": (self.keep_c, self.zoneout[1])}
        mask, share = masks.get(state, (None, 0.0))
        return share if mask is None else mask[t]


NO_MASKS = Masks()
