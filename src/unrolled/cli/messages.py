"""Results on stdout, messages on stderr."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from unrolled.cli.wording import in_flags, printable

__all__ = ["say", "show"]


def say(*messages: str) -> None:
    """Write messages to stderr, a line each."""
    for message in messages:
        print(printable(in_flags(message)), file=sys.stderr)


def show(*lines: Any, to: TextIO | None = None) -> None:
    """Write lines for a reader to stdout, or ``to`` another stream."""
    for line in lines:
        print(printable(line), file=to or sys.stdout)
