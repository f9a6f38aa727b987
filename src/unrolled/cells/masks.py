"""What regularises a run: masks on the state and the candidate, and zoneout.

Masks hold factors: 0 where something is dropped, ``1/(1-p)`` where it stays.
Sources: variational dropout, Gal, Ghahramani 2016, arXiv 1512.05287; recurrent dropout, Semeniuta, Severyn, Barth 2016,
arXiv 1603.05118; zoneout, Krueger et al. 2017, arXiv 1606.01305.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from unrolled.cells.arrays import FloatArray

__all__ = ["NO_MASKS", "NO_STEP_MASKS", "Masks", "StepMasks"]


class StepMasks(NamedTuple):
    """The factors that one step meets."""

    state: FloatArray | float = 1.0
    """``[B, P]``, of ``h[t-1]`` where ``U`` meets it: the same at every step."""
    candidate: FloatArray | float = 1.0
    """``[B, H]``, of what the step proposes as new."""
    keep: FloatArray | float = 0.0
    """``[B, H]``, the share of the memory that zoneout keeps, for steps that make their output of what it leaves."""


NO_STEP_MASKS = StepMasks()


@dataclass(frozen=True)
class Masks:
    """The masks of a whole run, one row a step and sequence: ``[T, B, ...]`` here, ``[N, ...]`` for packed rows.

    ``H`` is the hidden size, ``P`` the size of ``h``. With zoneout the new state is ``keep * before + (1 - keep) * new``;
    where no mask says which, ``keep`` is the share, the mean of what masks would do. An output that is no state is made of
    the memory as zoneout leaves it.
    """

    state: FloatArray | None = None
    """``[B, P]``"""
    candidate: FloatArray | None = None
    """``[T, B, H]``"""
    keep_h: FloatArray | None = None
    """``[T, B, P]``, 1 where ``h`` stays what it was and 0 elsewhere"""
    keep_c: FloatArray | None = None
    """``[T, B, H]``, likewise of ``c``"""
    zoneout: tuple[float, float] = (0.0, 0.0)
    """Shares of ``h`` and ``c``."""

    def at(self, t: int) -> StepMasks:
        """Those that step ``t`` meets."""
        return StepMasks(
            1.0 if self.state is None else self.state,
            1.0 if self.candidate is None else self.candidate[t],
            self.keep("c", t),
        )

    def keep(self, state: str, t: int) -> FloatArray | float:
        """The share of a state that stays what it was at step ``t``."""
        masks = {"h": (self.keep_h, self.zoneout[0]), "c": (self.keep_c, self.zoneout[1])}
        mask, share = masks.get(state, (None, 0.0))
        return share if mask is None else mask[t]


NO_MASKS = Masks()
