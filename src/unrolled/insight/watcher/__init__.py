"""A watcher of training runs: it names what goes wrong with recurrent networks while it goes wrong."""

from __future__ import annotations

from unrolled.insight.watcher.finding import CAUSES, Cause, Finding
from unrolled.insight.watcher.watcher import Watcher, WatchStopped

__all__ = ["CAUSES", "Cause", "Finding", "WatchStopped", "Watcher"]
