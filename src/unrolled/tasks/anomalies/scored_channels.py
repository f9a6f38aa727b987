"""Channels with their scores, so that what asks for both alarms and episodes runs the networks once."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrolled.aliases import Values
from unrolled.data.channels import Channels

__all__ = ["ScoredChannels"]


@dataclass(frozen=True)
class ScoredChannels(Channels):
    """Channels and, in ``scores``, the score of each at each step, ``[T, C]``."""

    scores: Values = field(kw_only=True)
