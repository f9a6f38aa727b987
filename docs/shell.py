"""Commands as a page shows them: what was typed, what came out, and the exit code where it is not 0."""

from __future__ import annotations

import contextlib
import shlex
import sys
from itertools import islice
from pathlib import Path

from unrolled.cli.app import run


def unrolled(command: str) -> None:
    """Run ``unrolled`` with these arguments, in this process, which is quicker than one of its own."""
    print(f"$ unrolled {command}")
    with contextlib.redirect_stderr(sys.stdout):  # in the order in which a terminal shows them
        code = run(shlex.split(command.replace("\\\n", "")))
    print(f"(exit code {code})\n" if code else "")


def head(file: str, lines: int = 4) -> None:
    """The first lines of a file."""
    print(f"$ head -n {lines} {file}")
    with Path(file).open(encoding="utf-8") as opened:
        print("".join(islice(opened, lines)))
