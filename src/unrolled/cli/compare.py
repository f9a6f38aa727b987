"""``unrolled compare``: families of models side by side on one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unrolled.cli.catalogue import TASKS, options_of_all
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import say, show
from unrolled.cli.options import flag, with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption, output_option
from unrolled.cli.task import Task
from unrolled.errors import InputError, MissingExtraError
from unrolled.parameters.declaration import Parameter, Parameters, declared
from unrolled.parameters.ranges import COUNT, POSITIVE
from unrolled.parameters.series import Missing
from unrolled.runtime.atomic_write import write_atomically

if TYPE_CHECKING:
    from unrolled.comparison import Comparison

__all__ = ["compare"]

COMPARED = ("forecast", "classify", "tag", "generate")


class CompareParameters(Parameters):
    """What is compared, and how."""

    _title = "Comparison"

    task: Annotated[
        Literal["forecast", "classify", "tag", "generate"] | None,
        Parameter("What is to be learned from the file.", unset="it must be given"),
    ] = None
    models: Annotated[
        str | None,
        Parameter(
            "Families, with commas between them: any cell, also with -bidirectional behind it; feed-forward, tcn, transformer,"
            " transformer-causal; seasonal-naive, exponential-smoothing, autoregression; hmm, crf, ngram, most-frequent.",
            unset="those that make sense for the task",
            metavar="NAME,NAME",
        ),
    ] = None
    match: Annotated[
        Literal["parameters", "size"],
        Parameter("What networks have in common: their number of parameters, or of hidden units."),
    ] = "parameters"
    hidden_size: Annotated[
        int, Parameter("Hidden units of all, or of the GRU whose number of parameters all have.", COUNT)
    ] = 32
    seeds: Annotated[
        int | None,
        Parameter("How many seeds each family has, from which intervals come; two at least.", COUNT, unset="5"),
    ] = None
    updates: Annotated[
        int | None, Parameter("Updates of each network.", COUNT, unset="400, or as many as --budget allows")
    ] = None
    budget: Annotated[
        float | None,
        Parameter(
            "Seconds of the processor for each network instead of a number of updates.", POSITIVE, unset="as --updates says",
            metavar="SECONDS",
        ),
    ] = None  # fmt: skip
    batch_size: Annotated[int, Parameter("Sequences or windows of an update.", COUNT)] = 32
    target_loss: Annotated[
        float | None,
        Parameter(
            "The validation loss to which the time of learning is measured.", POSITIVE, unset="the median of the networks' best",
            metavar="LOSS",
        ),
    ] = None  # fmt: skip


class CompareData(Parameters):
    """How much of the data."""

    _title = "Data"

    horizon: Annotated[int | None, Parameter("Steps to forecast.", COUNT, unset="a season", flag="-H,--horizon")] = None
    season_length: Annotated[
        int | None, Parameter("Steps after which a series repeats itself.", COUNT, unset="inferred", metavar="STEPS")
    ] = None
    window: Annotated[
        int | None,
        Parameter("Values that a forecast is made from.", COUNT, unset="those of two seasons", metavar="STEPS"),
    ] = None
    missing: Annotated[
        Missing | None,
        Parameter("How blank values and missing time steps of a series are treated.", unset="raise", metavar="HOW"),
    ] = None
    examples: Annotated[
        int | None, Parameter("As many examples of each file at most, drawn at random.", COUNT, unset="all of them")
    ] = None


BY_NAME = {task.name: task for task in TASKS if task.name in COMPARED}

if TYPE_CHECKING:
    FileData = Parameters
else:
    FileData = options_of_all("FileData", (task.data_options for task in BY_NAME.values()))


@with_options
def compare(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A file as unrolled fit takes it: a series, examples with labels, tagged sentences, a text.",
        ),
    ],
    options: CompareParameters,
    amount: CompareData,
    columns: FileData,
    output: Annotated[Path | None, output_option("OUT.md", "Write the tables to this file, as Markdown.")] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="OUT.svg", help="Draw the scores and their intervals.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare recurrent cells with other networks and models, on the same parts of a file and with the same budget.

    Every network gets the same updates on the same batches, as many parameters or units, and the best of three learning rates by
    validation. The tables say what each costs and how well it does on the test part, and which sentences of textbooks that bears
    out. For example: unrolled compare passengers.csv --task forecast --models rnn,gru,lstm,tcn,seasonal-naive
    """
    check_places({"--output": output, "--svg": svg}, [file], as_json=as_json)
    try:
        import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise MissingExtraError("unrolled compare", "torch", "train") from None
    from unrolled.comparison import compare, task_for

    task = _task(options)
    data = task.data(file, _own(task, columns), _settled(task, amount))
    compared = task_for(data, batch_size=options.batch_size, window=amount.window, examples=amount.examples)
    if output is not None or as_json:  # else the table begins with it
        say(compared.about)
    found = compare(
        compared, _names(options.models), match=options.match, hidden_size=options.hidden_size, seeds=options.seeds,
        updates=options.updates, budget=options.budget, target_loss=options.target_loss,
    )  # fmt: skip
    _write(found, output, svg)
    if as_json:
        print_report(Report(file=file, inferred=data.notes, found=found.to_dict()))
    elif output is None:
        _print(found)
    else:
        show(f"{found.verdict}.")


def _task(options: CompareParameters) -> Task:
    if options.task is None:
        raise InputError(f"task is not given, expected one of {', '.join(COMPARED)}")
    return BY_NAME[options.task]


def _names(models: str | None) -> list[str]:
    """Names between commas.

    >>> _names("gru, lstm")
    ['gru', 'lstm']
    """
    if models is None:
        return []
    names = [name.strip() for name in models.split(",")]
    if not all(names):
        raise InputError(f"models is {models!r}, expected names with commas between them, such as rnn,gru,lstm")
    return names


def _own(task: Task, columns: Parameters) -> Parameters:
    """The options about the file that are for this task.

    Raises:
        InputError: one was given that is not.
    """
    own = declared(task.data_options)
    for name, each in declared(type(columns)).items():
        if name not in own and getattr(columns, name) != each.default:
            raise InputError(f"{flag(each)} means nothing for --task {task.name}: leave it out")
    return task.data_options(**{name: getattr(columns, name) for name in own})


def _settled(task: Task, amount: CompareData) -> dict[str, Any]:
    """Parameters of a forecaster."""
    given = {"horizon": amount.horizon, "season_length": amount.season_length, "missing": amount.missing}
    values = {name: value for name, value in given.items() if value is not None}
    if values and task.name != "forecast":
        raise InputError(f"{next(iter(values))}= is for --task forecast: leave it out")
    return values


def _write(found: Comparison, output: Path | None, svg: Path | None) -> None:
    for path, text in ((output, found.markdown), (svg, lambda: f"{found.plot().svg}\n")):
        if path is not None:
            write_atomically(path, text().encode())
            say(f"wrote {path}")


def _print(found: Comparison) -> None:
    """Tables for a terminal; Markdown elsewhere."""
    if not sys.stdout.isatty():
        print(found.markdown(), end="")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"{found.about} (parts {found.digest}).\n{found.budget}".rstrip(), highlight=False)
    table = Table(*found.columns(), box=box.SIMPLE, pad_edge=False)
    for cells in found.cells():
        table.add_row(*cells)
    console.print(table)
    for name, why in found.left_out.items():
        console.print(f"{name} is left out: {why}", highlight=False)
    console.print(f"{found.verdict}.\n{found.legend}", highlight=False)
    claims = Table("what texts say", "measured", "here", box=box.SIMPLE, pad_edge=False)
    for claim in found.claims:
        claims.add_row(claim.text, claim.verdict, claim.measured)
    console.print(claims)
