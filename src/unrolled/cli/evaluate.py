"""``unrolled evaluate``: how good a model is on a file that has the targets; torch is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrolled.cli.catalogue import TASKS, load_model, options_of_all
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import JsonOption, ModelArgument, NewFileArgument, WeightsOption
from unrolled.cli.stored_weights import evaluate_both
from unrolled.parameters.declaration import Parameters

__all__ = ["evaluate"]

if TYPE_CHECKING:
    EvaluateOptions = Parameters
else:
    EvaluateOptions = options_of_all("EvaluateOptions", (task.evaluate_options for task in TASKS))


@with_options
def evaluate(
    model: ModelArgument,
    file: NewFileArgument,
    options: EvaluateOptions,
    weights: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a model on a file it has not seen, with the measures of its task.

    Classes: accuracy, macro F1 and a row per class. Numbers: R2 and errors. Tags: accuracy, and F1 of entities. Answers:
    error rates, perplexity, BLEU and chrF. Texts: perplexity and bits a character. Alarms: precision and recall of windows.
    Forecasts: errors on the last steps and those of simple methods, and coverage.
    For example: unrolled evaluate reviews.safetensors other_reviews.csv
    """
    loaded, task = load_model(model, weights)
    own = task.own(f"{model} is {task.called}", options, task.evaluate_options)
    if loaded.weights is None:
        task.evaluate(loaded, file, own, as_json)
    else:
        evaluate_both(loaded, lambda each: task.evaluate(each, file, own, True), as_json=as_json)
