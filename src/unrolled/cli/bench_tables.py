"""What the benchmark found, as tables for a terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from unrolled.bench.report import OURS, Report, Row, Run
from unrolled.bench.start import STARTED

__all__ = ["as_dict", "count_threads", "notes", "print_markdown", "print_rich"]

LEGEND = (
    "Milliseconds, medians of calls that take turns: nn is unrolled.nn, runtime what saved models run on, onnx ONNX",
    "Runtime. Behind a peer's time, and as ratio to the best peer: how many times that of the faster of ours it is;",
    "above 1 unrolled is ahead. GFLOP/s is ours. bound: the least time, by the SGEMM and copy rates above, as part of",
    "ours. A training step is forward and backward of the sum of squares of all outputs, or of the last step's alone.",
    "The start: the first training step of a fresh process right behind the imports, those after it, and the pages of",
    "memory that each met for the first time; packing arranges the weights, in nn within each call, in the runtime once.",
    "H→P: of the H units, P numbers are put out and carried on. noisy: the times behind the ratio vary by half and more;",
    "repeat it on a machine that does nothing else.",
)


def notes(report: Report) -> list[str]:
    """What to know about the numbers before one reads them."""
    missing = [f"{peer} is not installed, its column is left out: {pip}" for peer, pip in report.missing.items()]
    machine = report.machine
    if machine.busy:
        missing.append(machine.busy)
    return missing


def print_rich(report: Report) -> None:
    """Print tables for a terminal; losing rows are red."""
    console = Console()
    for run in report.runs:
        console.print("\n".join(headline(report, run)), highlight=False)
        for title, columns, rows in tables(run):
            table = Table(*columns[:2], title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
            for column in columns[2:]:
                table.add_column(column, justify="right")
            for row, cells in rows:
                table.add_row(*cells, style="red" if loses(row) else None)
            console.print(table)
    if report.starts:
        title, columns, lines = start_table(report)
        table = Table(columns[0], title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
        for column in columns[1:]:
            table.add_column(column, justify="right")
        for cells in lines:
            table.add_row(*cells)
        console.print(table)
    console.print("\n".join(LEGEND), highlight=False)


def print_markdown(report: Report) -> None:
    """Print tables in Markdown."""
    for run in report.runs:
        print(*headline(report, run), sep="  \n")
        for title, columns, rows in tables(run):
            print(f"\n**{title}**\n")
            print(_line(columns))
            print(_line(["---"] * 2 + ["--:"] * (len(columns) - 2)))
            for _, cells in rows:
                print(_line(cells))
        print()
    if report.starts:
        title, columns, lines = start_table(report)
        print(f"**{title}**\n", _line(columns), _line(["---"] + ["--:"] * (len(columns) - 1)), sep="\n")
        print(*map(_line, lines), "", sep="\n")
    print("\n".join(LEGEND))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def headline(report: Report, run: Run) -> list[str]:
    """Where and against whom."""
    peers = [f"{name} {version}" for name, version in run.versions.items() if name not in OURS]
    threads = count_threads(run.threads)
    return [
        f"{threads}: unrolled {run.versions['nn']} ({run.cpu_level}) beside {', '.join(peers)}",
        f"{report.machine.cpu}, {report.machine.processors} processors; SGEMM {run.roofline.gflops:.0f} GFLOP/s, "
        f"copy {run.roofline.gbytes:.1f} GB/s in the same process",
        f"results differ by at most {max((row.difference for row in run.rows), default=0):.0e} of the largest number",
    ]


def count_threads(threads: int) -> str:
    """The number in words.

    >>> count_threads(1), count_threads(2)
    ('1 thread', '2 threads')
    """
    return f"{threads} thread{'' if threads == 1 else 's'}"


def tables(run: Run) -> Iterable[tuple[str, list[str], list[tuple[Row, list[str]]]]]:
    """Title, columns and rows of the training and the inference table, if they have rows."""
    for work, title in (("training", "Training step"), ("inference", "Inference")):
        rows = [row for row in run.rows if row.case.work == work]
        names = [name for name in run.versions if any(name in row.seconds for row in rows)]
        columns = ["cell", "B, T, I, H", *names, "ratio", "GFLOP/s", "bound"]
        if rows:
            yield title, columns, [(row, _cells(row, names, run)) for row in rows]


def start_table(report: Report) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and rows of what fresh processes felt."""
    threads = count_threads(report.runs[0].threads)
    title = f"The start: {STARTED.title} ({STARTED.sizes}), training, {threads}, ms"
    columns = ["", "import torch", "import unrolled.nn", "first step", "later", "pages, first", "later", "packing"]

    def milliseconds(seconds: float | None) -> str:
        return "" if seconds is None else f"{1000 * seconds:.3g}" if seconds < 0.1 else f"{1000 * seconds:.0f}"

    def count(pages: int | None) -> str:
        return "" if pages is None else f"{pages:,}"

    lines = [
        [
            start.name, milliseconds(start.import_torch), milliseconds(start.import_own) if start.name in OURS else "",
            milliseconds(start.first), milliseconds(start.later), count(start.first_faults), count(start.later_faults),
            milliseconds(start.packing),
        ]
        for start in report.starts
    ]  # fmt: skip
    return title, columns, lines


def loses(row: Row) -> bool:
    """Whether a peer is faster, or the row went wrong."""
    return row.ratio is None or row.ratio < 1


def _cells(row: Row, names: list[str], run: Run) -> list[str]:
    first = [row.case.title, str(row.case.sizes)]
    ours, best, ratio, gflops, share = row.ours, row.best_peer, row.ratio, row.gflops(), row.share(run.roofline)
    if ours is None or ratio is None or gflops is None or share is None:
        return [*first, *("" for _ in names), "ERROR", "", ""]
    times = [_time(row, name, row.seconds[ours]) for name in names]
    verdict = f"{ratio:.2f} {best}" + (", slower" if loses(row) else "") + (", noisy" if row.noisy else "")
    return [*first, *times, verdict, f"{gflops:.1f}", f"{share:.0%}"]


def _time(row: Row, name: str, ours: float) -> str:
    if name not in row.seconds:
        return ""
    milliseconds = f"{1000 * row.seconds[name]:.3f}"
    return milliseconds if name in OURS else f"{milliseconds} ({row.seconds[name] / ours:.2f})"


def as_dict(report: Report) -> dict[str, Any]:
    """Everything measured, and what the tables derive from it."""
    found = msgspec.to_builtins(report)
    for run, run_found in zip(report.runs, found["runs"], strict=True):
        for row, row_found in zip(run.rows, run_found["rows"], strict=True):
            row_found |= {"ours": row.ours, "best_peer": row.best_peer, "ratio": row.ratio}
            row_found |= {"gflops": row.gflops(), "share_of_bound": row.share(run.roofline)}
    return found
