"""``unrolled watch``: a training script, or a ``fit``, under observation."""

from __future__ import annotations

import runpy
import sys
import traceback
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
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
    if not fitting:
        _check(script)
    try:
        import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise MissingExtraError("unrolled watch", "torch", "train") from None
    from unrolled.insight.watcher import Watcher

    watcher = Watcher(csv or Path(f"{script.stem}.watch.csv"), interval=interval, tensorboard=tensorboard, say=say)
    code = _watched(watcher, command if fitting else None, script, arguments)
    summary = str(watcher)
    if not watcher.run.step and not watcher.findings and code:
        summary = f"no training step was seen: the run was over before, with exit code {code}"
    say(*summary.splitlines(), *([f"wrote {' and '.join(watcher.written)}"] if watcher.written else []))
    return code


def _check(script: Path) -> None:
    """Refuse what is no Python script before anything of it runs."""
    if not script.is_file():
        if str(script).startswith("-"):
            options = "watch has --csv, --interval and --tensorboard, and options of the script go behind it"
            raise InputError(f"{script}: no such option: {options}")
        what = "it is a folder" if script.is_dir() else "no such script"
        raise InputError(f"{script}: {what}; give the path of a Python file, or: fit TASK ...")
    source = script.read_bytes()
    shebang = source.startswith(b"#!") and b"python" in source.splitlines()[0]
    hint = f"to watch a training on data: unrolled watch fit TASK {script}"
    if not shebang and script.suffix.lower() not in ("", ".py", ".pyw"):
        raise InputError(f"{script}: not a Python script, whose name would end in .py; {hint}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when it runs
            compile(source, str(script), "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise InputError(f"{script}{line}: Python cannot read it: {error.msg}") from None
    except ValueError as error:  # bytes that no text has
        raise InputError(f"{script}: not a Python script: {error}") from None


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
        say("".join(traceback.format_exception(error.with_traceback(_own(error.__traceback__, script)))).rstrip())
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _own(frames: TracebackType | None, script: Path) -> TracebackType | None:
    """A traceback from the script on; the whole where the script is not in it."""
    at = frames
    while at is not None and at.tb_frame.f_code.co_filename != str(script):
        at = at.tb_next
    return at or frames


@contextmanager
def _as_main(script: Path, arguments: list[str]) -> Generator[None, None, None]:
    """What Python sets when it runs a script: its arguments, and its folder as the first to import from."""
    argv, path = sys.argv, list(sys.path)
    sys.argv, sys.path[0:0] = [str(script), *arguments], [str(script.resolve().parent)]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path
