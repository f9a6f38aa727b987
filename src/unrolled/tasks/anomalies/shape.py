"""What a detector reads, and the sizes of its networks."""

from __future__ import annotations

import msgspec

from unrolled.codecs.cycles import SEASONS, Cycle
from unrolled.codecs.ranges import Count
from unrolled.networks.autoencoder import AutoencoderConfig
from unrolled.networks.lead_forecast import LeadForecastConfig

__all__ = ["LARGEST_INPUT", "ScoringConfig"]

LARGEST_INPUT = 5.0  # deviations; an anomaly that is read should not upset what is told afterwards


class ScoringConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a detector reads, and its networks' sizes."""

    network: LeadForecastConfig | AutoencoderConfig
    window: Count
    smoothing: Count
    cycles: tuple[Cycle, ...]
    """Of the calendar."""
    seasons: tuple[Count, ...] = ()
    """Steps of the seasons whose medians are read."""

    @property
    def settling(self) -> int:
        """Steps at the start that the networks do not read: not all medians are known there."""
        return max(self.seasons, default=0)

    @property
    def context(self) -> int:
        """Steps before the first that has a score."""
        if isinstance(self.network, AutoencoderConfig):
            return self.settling + self.window - 1
        return self.settling + self.window + self.network.leads[-1] + self.smoothing - 2

    @property
    def history(self) -> int:
        """Steps before a value that its score may depend on: what a detector remembers of its training."""
        return self.context + (SEASONS - 1) * self.settling
