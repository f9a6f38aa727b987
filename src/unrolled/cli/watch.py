"""``unrolled watch``: a training script, or a ``fit``, under observation."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli.messages import say
from unrolled.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from unrolled.insight.watcher import Watcher

__all__ = ["watch"]


def watch(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="SCRIPT|fit [ARGUMENTS]...", help="A Python script that trains with torch, or: fit TASK ..."
        ),
    ],
    csv: Annotated[
        Path | None,
        typer.Option(help="Where the record goes, a row for each step; by default SCRIPT.watch.csv in this folder."),
    ] = None,
    interval: Annotated[int, typer.Option(min=1, help="Steps between two close looks.")] = 50,
    tensorboard: Annotated[
        Path | None, typer.Option(help="A folder for TensorBoard; by default beside the record, if it is installed.")
    ] = None,
) -> int:
    """Run a training script, or one of the fit commands, and say what is wrong with the training while it runs.

    The script is not changed, and computes the same numbers. Options of watch come before it, its own arguments behind it. For
    example: unrolled watch train.py --epochs 5
    """
    first, *arguments = command
    script = Path(first)
    fitting = first == "fit" and not script.exists()
    if not fitting and not script.is_file():
        raise InputError(f"{first}: no such script; give the path of a Python file, or: fit TASK ...")
    try:
        import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise MissingExtraError("unrolled watch", "torch", "train") from None
    from unrolled.insight.watcher import Watcher

    watcher = Watcher(csv or Path(f"{script.stem}.watch.csv"), interval=interval, tensorboard=tensorboard, say=say)
    code = _watched(watcher, command if fitting else None, script, arguments)
    say(*str(watcher).splitlines(), f"wrote {watcher.csv}")
    return code


def _watched(watcher: Watcher, fit: list[str] | None, script: Path, arguments: list[str]) -> int:
    """Run it, and return the exit code that it would have had."""
    from unrolled.cli.app import run
    from unrolled.insight.watcher import WatchStopped

    try:
        with watcher:
            if fit is not None:
                return run(fit)
            with _as_main(script, arguments):
                runpy.run_path(str(script), run_name="__main__")
    except WatchStopped as stopped:
        say(f"unrolled: {stopped}")
        return 1
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        say(str(left.code))
        return 1
    except Exception as error:
        own = traceback.extract_tb(error.__traceback__)
        start = next((k for k, frame in enumerate(own) if frame.filename == str(script)), 0)
        lines = ["Traceback (most recent call last):\n", *traceback.format_list(own[start:])]
        say("".join([*lines, *traceback.format_exception_only(error)]).rstrip())
        return 1
    return 0


@contextmanager
def _as_main(script: Path, arguments: list[str]) -> Generator[None, None, None]:
    """What Python sets when it runs a script: its arguments, and its folder as the first to import from."""
    argv, path = sys.argv, list(sys.path)
    sys.argv, sys.path[0:0] = [str(script), *arguments], [str(script.resolve().parent)]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path
