"""``unrolled bench``: speed beside PyTorch, JAX and ONNX Runtime on this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from unrolled.cli.json_report import Report as JsonReport
from unrolled.cli.json_report import print_report
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import JsonOption
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import COUNT

if TYPE_CHECKING:
    from unrolled.bench.case import Case, Sizes
    from unrolled.bench.report import Report

__all__ = ["run_bench"]


class ThreadOptions(Parameters):
    """With how many threads is measured."""

    threads: Annotated[
        Sequence[int] | None, Parameter("Number of threads.", COUNT, unset="1, and 2 if there are as many cores")
    ] = None


@with_options
def run_bench(
    options: ThreadOptions,
    quick: Annotated[bool, typer.Option("--quick", help="Few rows, few repetitions: under a minute.")] = False,
    cell: Annotated[
        list[str] | None, typer.Option(metavar="CELL", help="gru, lstm or rnn; repeatable. Default: all.")
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="B,T,I,H",
            help="Your own batch size, time steps, input and hidden size; ,P behind them projects an LSTM; repeatable.",
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print plain Markdown tables.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Time training and inference against PyTorch, and against JAX and ONNX Runtime if they are installed.

    All take turns in one process, once for each number of threads, after their results have been compared. It takes
    some minutes on a machine that does nothing else. For example: unrolled bench --cell gru --size 16,200,8,96
    """
    from unrolled.bench.run import DEFAULT_EFFORT, QUICK_EFFORT, run_benchmark
    from unrolled.cli.bench_tables import as_dict, count_threads, notes, print_markdown, print_rich

    cases = _cases(quick, cell or [], size or [])
    counts = list(options.threads or _default_threads())
    with _progress() as progress:
        bar = progress.add_task("loading the libraries", total=len(cases) * len(counts))

        def show(count: int, row: Any) -> None:
            progress.update(bar, advance=1, description=f"{row.case.title}, {row.case.work}, {count_threads(count)}")

        report = run_benchmark(cases, counts, QUICK_EFFORT if quick else DEFAULT_EFFORT, on_row=show)
    say(*notes(report))
    if as_json:
        print_report(JsonReport(found=as_dict(report)))
    elif markdown or not sys.stdout.isatty():
        print_markdown(report)
    else:
        print_rich(report)
    return _failed(report)


def _failed(report: Report) -> int:
    """Say which rows went wrong, and return the exit code."""
    say(*(f"unrolled: {error}" for error in report.errors))
    return 1 if report.errors else 0


def _cases(quick: bool, cells: list[str], sizes: list[str]) -> tuple[Case, ...]:
    from unrolled.bench.case import CELLS, DEFAULT_CASES, QUICK_CASES, SIZES, cases_of

    unknown = [cell for cell in cells if cell not in CELLS]
    if unknown:
        raise InputError(f"unknown cell {unknown[0]!r}; known: {', '.join(CELLS)}")
    chosen = [case for case in (QUICK_CASES if quick else DEFAULT_CASES) if not cells or case.cell in cells]
    if not sizes and chosen:
        return tuple(chosen)
    own = tuple(map(_sizes, sizes)) or SIZES[:2]
    projected = next((each for each in own if each.projected), None)
    if projected and cells and "lstm" not in cells:
        raise InputError(f"--size {projected}: only an LSTM projects its hidden state, not the cell {cells[0]!r}")
    return cases_of(cast("Any", tuple(cells)) or CELLS, own)


def _sizes(text: str) -> Sizes:
    from unrolled.bench.case import Sizes

    numbers = text.replace(",", " ").split()
    if len(numbers) not in (4, 5) or not all(n.isascii() and n.isdigit() and int(n) > 0 for n in numbers):
        raise InputError(
            f"--size {text!r}: expected four whole numbers above 0, B,T,I,H, such as 32,100,64,128, or five with P"
        )
    sizes = Sizes(*map(int, numbers))
    if sizes.projected >= sizes.hidden:
        raise InputError(f"--size {text!r}: P is {sizes.projected}, expected less than H, which is {sizes.hidden}")
    return sizes


def _default_threads() -> list[int]:
    from unrolled.bench.machine import cores

    return [1, 2] if len(cores()) > 1 else [1]


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
