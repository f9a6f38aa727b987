"""The command line: ``unrolled``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command in ``sys.argv`` and exit: 0 for success, 1 for failure, 2 for bad input or usage."""
    try:
        import rich  # noqa: F401 # pyright: ignore[reportUnusedImport]
        import typer  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        from unrolled.errors import MissingExtraError

        sys.exit(f"unrolled: {MissingExtraError('the command line', error.name or 'typer', 'cli')}")
    from unrolled.cli.app import run

    sys.exit(run(sys.argv[1:]))
