"""The command line: ``unrolled``."""

from __future__ import annotations

import signal
import sys
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command in ``sys.argv`` and exit.

    The code is 0 for success, 1 for failure, 2 for bad input or usage, 130 after Ctrl-C and 143 after SIGTERM. These two
    end the work in order: what can be kept is, and no file is left half-written. A second SIGTERM ends it at once.
    """
    try:
        import rich  # noqa: F401 # pyright: ignore[reportUnusedImport]
        import typer  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        from unrolled.errors import MissingExtraError

        sys.exit(f"unrolled: {MissingExtraError('the command line', error.name or 'typer', 'cli')}")
    from unrolled.cli.app import run

    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(sys.argv[1:]))


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)
