"""``unrolled explain``: what a model remembers, why it does not learn, and the change to try; ``--try`` tries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from unrolled.cli.catalogue import TASKS, load_model, options_of_all
from unrolled.cli.data_options import GivenParts, SeriesOptions
from unrolled.cli.explained_data import looked_at
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import show
from unrolled.cli.options import flag, with_options
from unrolled.cli.shared_options import JsonOption
from unrolled.cli.task import Task
from unrolled.cli.torch_factories import imported, is_factory, load_weights, made, naming_what_raised, read_batch
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameters, declared
from unrolled.progress import ShareBar, person_watches

if TYPE_CHECKING:
    from unrolled.insight.explanation import Explanation
    from unrolled.insight.trial import Trial

__all__ = ["explain"]

if TYPE_CHECKING:
    ExplainOptions = Parameters
else:
    ExplainOptions = options_of_all("ExplainOptions", (SeriesOptions, *(task.data_options for task in TASKS)))


SEEDS = 3


@with_options
def explain(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model file, or module:function, a function of your own code that returns a torch module.",
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A file like the one the model was trained on; for a torch module an .npz with x and y.",
        ),
    ],
    options: ExplainOptions,
    try_it: Annotated[
        bool,
        typer.Option(
            "--try", help="Train with the change and without, and compare both on a part that neither has seen."
        ),
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How often each is trained with --try; not given: 3.")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="module:function", help="For a torch module: its loss of output and y, if that is no usual one."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE.pt", help="For a torch module: its weights, a state_dict saved by torch.save."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a model remembers, why it does not learn, and what to change.

    For example: unrolled explain reviews.safetensors reviews.csv --try
    """
    if seeds is not None and not try_it:
        raise InputError(f"seeds is {seeds}, but nothing is tried: leave it out, or add --try")
    run = _explain_module if is_factory(model) and not Path(model).exists() else _explain_model
    run(model, file, options, _Wanted(try_it, seeds or SEEDS, loss, weights, as_json))


class _Wanted(NamedTuple):
    """What is wanted beside the explanation."""

    try_it: bool
    seeds: int
    loss: str | None
    weights: Path | None
    as_json: bool


def _explain_model(model: str, file: Path, options: Any, wanted: _Wanted) -> None:
    from unrolled.insight.explanation import explain as look
    from unrolled.insight.explanation import in_use
    from unrolled.insight.trial import try_settings

    for name in ("loss", "weights"):
        if getattr(wanted, name) is not None:
            raise InputError(f"{name} is {str(getattr(wanted, name))!r}, but {model} is a model file: leave it out")
    loaded, task = load_model(Path(model))
    settings = in_use(loaded.estimator)
    if options.missing is not None and "missing" in declared(task.known_options):
        settings["missing"], options = options.missing, replace(options, missing=None)
    own = task.own(f"{model} is {task.called}", options, task.data_options)
    if not wanted.try_it:
        _refuse_what_only_learning_needs(task, own)
    data = looked_at(loaded, task, file, own, settings, learning=wanted.try_it)
    found = look(loaded.estimator, data.part)
    trial = None
    if wanted.try_it and found.change is not None and found.change.values:
        kept = {name: value for name, value in settings.items() if name not in ("callback", "verbose", "random_state")}
        trial = try_settings(data.whole(), kept, found.change, wanted.seeds, verbose=None)
    _show(Path(model), file, found, trial, wanted, loaded.estimator)


def _refuse_what_only_learning_needs(task: Task, own: Parameters) -> None:
    """Files that are held out; of a detector, which reads the channels that it knows, all options about the file."""
    for name, each in declared(task.data_options if task.estimator == "AnomalyDetector" else GivenParts).items():
        given = getattr(own, name, each.default)
        if given != each.default:
            shown = ",".join(given) if isinstance(given, list | tuple) else str(given)
            raise InputError(f"{name} is {shown!r}, but nothing is tried: leave it out, or add --try")


def _explain_module(model: str, file: Path, options: Any, wanted: _Wanted) -> None:
    import torch

    from unrolled.insight.explanation import explain as look
    from unrolled.insight.known_losses import usual_loss
    from unrolled.insight.trial import try_module

    for name, each in declared(type(options)).items():
        if getattr(options, name) != each.default:
            raise InputError(f"{name} is {getattr(options, name)!r}, but {model} makes a torch module: leave it out")
    make = imported(model)
    loss: Callable[[Any, Any], Any] = usual_loss if wanted.loss is None else imported(wanted.loss)
    batch = read_batch(file)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = made(model, make)
    note = (
        f"{model} is looked at as it is made, from seed 0: give weights that were learned, unless it reads them itself"
    )
    if wanted.weights is not None:
        load_weights(module, wanted.weights)
        note = ""
    with naming_what_raised(f"{model} or its loss"):
        found = look(module, (batch.x, batch.y), loss)
    trial = None
    if wanted.try_it and found.change is not None:
        layer = next(each for each in module.modules() if isinstance(each, torch.nn.RNNBase))
        axis = 0 if layer.batch_first else 1
        with (
            naming_what_raised(f"{model} or its loss, while it was trained,"),
            ShareBar("training", person_watches()) as bar,
        ):
            trial = try_module(make, *batch, loss, found.change, axis, wanted.seeds, tell=bar)
    _show(None, file, found, trial, wanted, note=note)


def _in_flags(found: Explanation, estimator: Any) -> str:
    """The advice, with the flags of ``unrolled fit`` in place of the names of parameters."""
    known = declared(type(estimator)) if estimator is not None else {}
    values = {} if found.change is None else found.change.values
    told = (f"{flag(known[name])} {value}" for name, value in values.items() if name in known and value is not None)
    return found.advised(" ".join(told))


def _show(
    model: Path | None,
    file: Path,
    found: Explanation,
    trial: Trial | None,
    wanted: _Wanted,
    estimator: Any = None,
    note: str = "",
) -> None:
    from unrolled.insight.explanation import facts_of

    if wanted.as_json:
        reason, learned = found.reason, found.evidence.learned
        told: dict[str, Any] = {
            "remembers": found.remembers,
            "why": found.why,
            "advice": found.advice,
            "cause": None if reason is None else reason.cause,
            "change": {} if found.change is None else dict(found.change.values),
            "loss": found.evidence.loss,
            "share_of_knowing_nothing": None if learned is None else learned.share,
            "gradient_norm": found.evidence.gradient,
            "tried": None if trial is None else {
                "measure": trial.measure, "before": list(trial.before), "after": list(trial.after), "helps": trial.helps,
                "verdict": trial.verdict,
            },
        }  # fmt: skip
        print_report(
            Report(model, file, [note] if note else [], found=told, rows_are="layers"),
            map(facts_of, found.evidence.layers),
        )
        return
    show(*filter(None, (note, found.remembers, found.why)))
    if found.advice:
        show(_in_flags(found, estimator))
    if trial is not None:
        show(trial)
    elif wanted.try_it:
        show("There is nothing to try.")
