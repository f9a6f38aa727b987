"""Families of models side by side on the same data: recurrent cells, other networks, and models without a network."""

from __future__ import annotations

from importlib.util import find_spec

from unrolled.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("unrolled.comparison", "torch", "train")

from unrolled.comparison.claims import Claim
from unrolled.comparison.classify import classify_task
from unrolled.comparison.compare import compare
from unrolled.comparison.forecast import forecast_task
from unrolled.comparison.generate import generate_task
from unrolled.comparison.held_out import task_for
from unrolled.comparison.result import Comparison, Row
from unrolled.comparison.tag import tag_task
from unrolled.comparison.task import Part

__all__ = [
    "Claim", "Comparison", "Part", "Row", "classify_task", "compare", "forecast_task", "generate_task", "tag_task",
    "task_for",
]  # fmt: skip
