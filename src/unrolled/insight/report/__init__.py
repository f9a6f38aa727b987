"""A page on one model and one file: what it learned from, where it errs, and what happens inside, a file for each section."""

from __future__ import annotations

from unrolled.insight.report.inspection import Inspection, inspect

__all__ = ["Inspection", "inspect"]
