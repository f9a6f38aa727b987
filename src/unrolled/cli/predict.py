"""``unrolled predict``: run a model on a file; torch is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from unrolled.cli.catalogue import TASKS, load_model, options_of_all
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption, ModelArgument, NewFileArgument, WeightsOption, output_option
from unrolled.cli.stored_weights import say_losses
from unrolled.cli.task import Destination
from unrolled.parameters.declaration import Parameters, parameter_values

__all__ = ["predict"]

WRITTEN = frozenset[str]().union(*(task.writes for task in TASKS))

if TYPE_CHECKING:
    PredictOptions = Parameters
else:
    PredictOptions = options_of_all("PredictOptions", (task.predict_options for task in TASKS))


@with_options
def predict(
    model: ModelArgument,
    file: NewFileArgument,
    options: PredictOptions,
    output: Annotated[Path | None, output_option("OUT", "Write the result to this file.")] = None,
    weights: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a model on a file: classes, numbers, tags, answers, transcripts, continuations, alarms or a forecast, by the model.

    Long files are read and written in parts.
    For example: unrolled predict reviews.safetensors new_reviews.txt -o moods.csv
    """
    files = {name: value for name, value in parameter_values(options).items() if isinstance(value, Path)}
    outputs = {"--output": output, **{f"--{name}": path for name, path in files.items() if name in WRITTEN}}
    inputs = [model, file, *(path for name, path in files.items() if name not in WRITTEN)]
    check_places(outputs, inputs, as_json=as_json)
    loaded, task = load_model(model, weights)
    task.predict(
        loaded, file, task.own(f"{model} is {task.called}", options, task.predict_options), Destination(output, as_json)
    )
    say_losses(loaded)
