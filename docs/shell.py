"""Commands as a page shows them: what was typed, what came out, and the exit code where it is not 0."""

from __future__ import annotations

import contextlib
import io
import shlex
from itertools import islice
from pathlib import Path

from unrolled.cli.app import run


def unrolled(command: str) -> None:
    """Run ``unrolled`` with these arguments, in this process, which is quicker than one of its own."""
    shown = io.StringIO()  # both in the order in which a terminal shows them; a page gives each flush a line of its own
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        code = run(shlex.split(command.replace("\\\n", "")))
    print(f"$ unrolled {command}\n{shown.getvalue()}" + (f"(exit code {code})\n" if code else ""))


def head(file: str, lines: int = 4) -> None:
    """The first lines of a file."""
    print(f"$ head -n {lines} {file}")
    with Path(file).open(encoding="utf-8") as opened:
        print("".join(islice(opened, lines)))
