"""What ``--json`` prints: one flat object that begins with the same keys, whatever the command."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from unrolled.cli.wording import current_command

__all__ = ["Report", "Row", "finite", "print_report", "reporting"]

Row = dict[str, Any]


@dataclass
class Report:
    """Everything but the rows.

    Attributes:
        model: the model file that was written or read.
        file: the file that was read.
        inferred: a sentence for each thing the data told.
        found: what this command found, by name: measures, or what was learned.
        rows_are: what the rows are; None where there are none.
    """

    model: Path | None = None
    file: Path | None = None
    inferred: Iterable[str] = ()
    found: dict[str, Any] = field(default_factory=dict[str, Any])
    rows_are: str | None = None

    def head(self) -> dict[str, Any]:
        """The keys and values in order; the rows come after them."""
        return {
            "command": current_command(),
            "model": None if self.model is None else str(self.model),
            "file": None if self.file is None else str(self.file),
            "inferred": list(self.inferred),
            **self.found,
        }


def print_report(report: Report, rows: Iterable[Row] = ()) -> None:
    """Print a report with its rows.

    >>> print_report(Report(found={"mae": 1.5, "mase": float("nan")}, rows_are="forecast"), [{"step": 1}])
    {
      "command": "",
      "model": null,
      "file": null,
      "inferred": [],
      "mae": 1.5,
      "mase": null,
      "forecast": [
        {"step": 1}
      ]
    }
    """
    with reporting(report) as passing:
        for _ in passing(rows):
            pass


@contextmanager
def reporting(report: Report) -> Generator[Callable[[Iterable[Row]], Iterator[Row]], None, None]:
    """Yield a function through which rows pass on their way elsewhere; each is printed as it passes.

    The report is read when the first row has come, or none will.
    """
    begun = False

    def begin() -> None:
        nonlocal begun
        if not begun:
            begun = True
            head = json.dumps(finite(report.head()), indent=2, allow_nan=False, default=str)
            if report.rows_are is not None:
                head = head.removesuffix("\n}") + f',\n  "{report.rows_are}": ['
            sys.stdout.write(head)

    def passing(rows: Iterable[Row]) -> Iterator[Row]:
        separator = "\n    "
        for row in rows:
            begin()
            sys.stdout.write(separator + json.dumps(finite(row), allow_nan=False, default=str))
            separator = ",\n    "
            yield row
        begin()
        if report.rows_are is None:
            sys.stdout.write("\n")
        else:
            sys.stdout.write("]\n}\n" if separator == "\n    " else "\n  ]\n}\n")

    yield passing


def finite(value: Any) -> Any:
    """A value as JSON can hold it: what is not finite is None, keys are text."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in cast("Iterable[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
