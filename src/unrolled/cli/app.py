"""The commands put together, and how each of them ends: exit codes, and errors on one line."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer

from unrolled.cli.bench import run_bench
from unrolled.cli.catalogue import TASKS
from unrolled.cli.command import Command
from unrolled.cli.compare import compare
from unrolled.cli.demo import demo
from unrolled.cli.evaluate import evaluate
from unrolled.cli.explain import explain
from unrolled.cli.fit_and_forecast import forecast
from unrolled.cli.generate import generate
from unrolled.cli.info import info
from unrolled.cli.inspect import inspect
from unrolled.cli.messages import say
from unrolled.cli.predict import predict
from unrolled.cli.transcribe import transcribe
from unrolled.cli.translate import translate
from unrolled.cli.tune import tune
from unrolled.cli.watch import watch
from unrolled.errors import InputError, UnrolledError

__all__ = ["app", "run"]

USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[2])
"""The base class of typer's complaints about the command line, ClickException; it has no public name there."""

app = typer.Typer(
    name="unrolled",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: unrolled demo",
)
fit_app = typer.Typer(help="Train a model on your data and write it to one file.", no_args_is_help=True)
app.add_typer(fit_app, name="fit")
app.command(cls=Command)(demo)
app.command(cls=Command)(forecast)
for task in TASKS:
    fit_app.command(task.name, cls=Command)(task.fit)
app.command(cls=Command)(predict)
app.command(cls=Command)(translate)
app.command(cls=Command)(generate)
app.command(cls=Command)(transcribe)
app.command(cls=Command)(evaluate)
app.command(cls=Command)(compare)
app.command(cls=Command)(tune)
app.command(cls=Command)(inspect)
app.command(cls=Command)(explain)
app.command(cls=Command)(info)
app.command("bench", cls=Command)(run_bench)
app.command(cls=Command, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(watch)


def _print_version(wanted: bool) -> None:
    if wanted:
        from unrolled.version import library_version

        print(f"unrolled {library_version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Recurrent neural networks for your sequences: train, run and inspect them."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code: 0 success, 1 failure, 2 bad input or usage, 130 interrupted.

    Whatever the library refuses is one line on stderr. An exception that is none of its own is a bug, and is
    shown whole.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            result: Any = app(list(arguments), standalone_mode=False, prog_name="unrolled")
    except USAGE_ERROR as error:
        return _fail(cast("Any", error).format_message(), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except UnrolledError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    return result if isinstance(result, int) else 0


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"unrolled: warning: {message}")


def _fail(message: str, code: int) -> int:
    if message.strip():  # it is empty where the help was printed in its place
        say(f"unrolled: {' '.join(message.split())}")
    return code
