"""What the benchmark found: rows, one run for each thread count, the machine."""

from __future__ import annotations

import os

import msgspec

from unrolled.bench.case import Case
from unrolled.bench.machine import cores, cpu_model

__all__ = ["OURS", "Machine", "Report", "Roofline", "Row", "Run", "Start"]

OURS = ("nn", "runtime")
"""This library's contenders; all others are peers."""

NOISE = 1.5
"""Spread of times beyond which something else was at work."""


class Roofline(msgspec.Struct, frozen=True):
    """The two limits of a machine; no call can be quicker than both allow.

    >>> from unrolled.bench.case import Case, Sizes
    >>> case = Case("gru", "inference", Sizes(batch=1, steps=1, inputs=1000, hidden=1000))
    >>> Roofline(gflops=12.0, gbytes=1e6).seconds(case)      # 12 million operations
    0.001
    """

    gflops: float
    """10⁹ operations a second: a float32 product of large matrices."""
    gbytes: float
    """10⁹ bytes read or written a second: a large copy."""

    def seconds(self, case: Case) -> float:
        """The least time a case can take."""
        return max(case.flops / self.gflops, case.bytes / self.gbytes) / 1e9


class Row(msgspec.Struct, frozen=True):
    """One case: the median seconds of every contender, or the error that kept it from being timed."""

    case: Case
    seconds: dict[str, float]
    difference: float
    """Largest difference between results, relative to the largest number of each array."""
    error: str | None = None
    spread: dict[str, float] = {}
    """The third quartile of every contender's times as a multiple of the first."""

    @property
    def ours(self) -> str | None:
        """The faster of this library's ways."""
        return self._fastest([name for name in self.seconds if name in OURS])

    @property
    def best_peer(self) -> str | None:
        """The fastest of the others."""
        return self._fastest([name for name in self.seconds if name not in OURS])

    @property
    def ratio(self) -> float | None:
        """How many times the best peer's time is ours: above 1 this library is ahead."""
        if self.ours is None or self.best_peer is None:
            return None
        return self.seconds[self.best_peer] / self.seconds[self.ours]

    @property
    def noisy(self) -> bool:
        """Whether the times behind the ratio vary so much that it means little."""
        return any(self.spread.get(name, 1) > NOISE for name in (self.ours, self.best_peer) if name)

    def gflops(self) -> float | None:
        """10⁹ operations a second of ours."""
        return None if self.ours is None else self.case.flops / self.seconds[self.ours] / 1e9

    def share(self, roofline: Roofline) -> float | None:
        """The part of the bound that ours reaches: 1 would be as fast as the machine multiplies or copies."""
        return None if self.ours is None else roofline.seconds(self.case) / self.seconds[self.ours]

    def _fastest(self, names: list[str]) -> str | None:
        return min(names, key=self.seconds.__getitem__) if names else None


class Run(msgspec.Struct, frozen=True):
    """All cases in one process."""

    threads: int
    roofline: Roofline
    versions: dict[str, str]
    """Contender → version."""
    cpu_level: str
    rows: tuple[Row, ...] = ()


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured."""

    cpu: str
    processors: int
    load: float | None
    """Processes that wanted to run in the minute before, on average, where the system reports it."""

    @classmethod
    def here(cls) -> Machine:
        """This one, now."""
        return cls(cpu_model(), len(cores()), os.getloadavg()[0] if hasattr(os, "getloadavg") else None)

    @property
    def busy(self) -> str | None:
        """The sentence to print if others were at work, so that times tell little."""
        if self.load is None or self.load <= 0.3 * self.processors:
            return None
        return f"the machine was busy (load {self.load:.1f} on {self.processors}): the times tell little"


class Start(msgspec.Struct, frozen=True):
    """What fresh processes felt of one library, in seconds and pages; nothing where the system does not tell."""

    name: str
    import_torch: float
    import_own: float
    """Of ``unrolled.nn``, beyond torch's own."""
    first: float
    """The first training step of the process."""
    later: float
    """Those behind it, the median."""
    first_faults: int | None = None
    """Pages that the first step met for the first time."""
    later_faults: int | None = None
    packing: float | None = None
    """To arrange the weights for a forward pass: in ``nn`` a part of each call, in the runtime once a model."""


class Report(msgspec.Struct, frozen=True):
    """Everything ``unrolled bench`` prints."""

    machine: Machine
    missing: dict[str, str]
    """Peer that is not installed → the command that installs it."""
    runs: tuple[Run, ...]
    starts: tuple[Start, ...] = ()

    @property
    def errors(self) -> list[str]:
        """The rows that were not timed."""
        return [row.error for run in self.runs for row in run.rows if row.error is not None]
