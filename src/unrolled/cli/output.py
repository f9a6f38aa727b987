"""Results on stdout, messages on stderr."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Annotated, Any, TextIO, cast

import typer

from unrolled.cli.wording import in_flags, printable

__all__ = ["JsonOption", "finite", "say", "show"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def say(*messages: str) -> None:
    """Write messages to stderr, a line each."""
    for message in messages:
        print(printable(in_flags(message)), file=sys.stderr)


def show(*lines: Any, to: TextIO | None = None) -> None:
    """Write lines for a reader to stdout, or ``to`` another stream."""
    for line in lines:
        print(printable(line), file=to or sys.stdout)


def finite(value: Any) -> Any:
    """A value as JSON can hold it: what is not finite is None, keys are text."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in cast("Iterable[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
