"""An answer of a model, one number for each sequence, as a function of what its layers read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from unrolled.errors import InputError
from unrolled.insight.subject import items_of, subject_of
from unrolled.insight.watching import arguments_of, require_module
from unrolled.kernels.admission import whole_number

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["Answer", "answer_of_estimator", "answer_of_module"]

KNOWN = ("SequenceClassifier", "SequenceRegressor", "SequenceTagger")


class Answer(NamedTuple):
    """A function, and what was read."""

    f: Callable[[Tensor], Tensor]
    """``x`` → the answers ``[B]``."""
    x: Tensor
    """``[T, B, I]``, or with ``batch_first`` ``[B, T, I]``."""
    batch_first: bool
    lengths: Sequence[int]
    """Steps of each sequence."""
    labels: Sequence[Sequence[str]] | None
    """What the steps of each sequence are called; None if they are counted."""


def answer_of_module(
    model: Any, inputs: Any, answer: Any, through: str | None, batch_first: bool, member: int
) -> Answer:
    """What a function makes of what a module returns; arguments as for :func:`unrolled.insight.attributions`."""
    require_module(model)
    if member:
        raise InputError(f"member is {member}, but a module is one network: leave it out")
    if not callable(answer):
        raise InputError("a module needs answer=, a function of its output that gives a number for each sequence")
    first, *others = arguments_of(inputs)
    if through is None:
        x, run = first, lambda x: model(x, *others)
    else:
        parts = dict(model.named_modules())
        if through not in parts:
            raise InputError(
                f"through is {through!r}, but the model has no such part; it has {', '.join(filter(None, parts))}"
            )
        x, run = (
            _output_of(model, parts[through], (first, *others)),
            partial(_with_output, model, parts[through], (first, *others)),
        )
    if type(x).__module__ == "numpy":
        raise InputError("the first input is an array of NumPy, expected a tensor of torch: torch.from_numpy makes one")
    if not hasattr(x, "is_floating_point") or not x.is_floating_point() or x.dim() != 3:
        what = f"a tensor {list(x.shape)} of {x.dtype}" if hasattr(x, "dtype") else f"a {type(x).__name__}"
        where = "the first input" if through is None else f"the output of {through}"
        raise InputError(
            f"{where} is {what}, expected floats [T, B, I]; through= names the embedding of a model of tokens"
        )
    B, T = (x.shape[0], x.shape[1]) if batch_first else (x.shape[1], x.shape[0])
    if not x.numel():
        raise InputError(f"there is nothing in x, a tensor {list(x.shape)}: expected at least one step of one sequence")
    return Answer(lambda x: _checked(_asked(answer, run(x)), B), x, batch_first, [T] * B, None)


def _asked(answer: Callable[[Any], Any], output: Any) -> Any:
    try:
        return answer(output)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        what = f"a tensor {list(output.shape)}" if hasattr(output, "shape") else f"a {type(output).__name__}"
        raise InputError(
            f"answer failed on what the model returned, {what}, with {type(error).__name__}: {error};"
            " expected a function that makes a number for each sequence of it"
        ) from error


def _checked(answers: Any, B: int) -> Tensor:
    if not hasattr(answers, "requires_grad") or tuple(answers.shape) != (B,):
        found = list(answers.shape) if hasattr(answers, "shape") else f"a {type(answers).__name__}"
        raise InputError(f"answer gave {found}, expected a tensor [{B}]: one number for each sequence")
    return answers


def _output_of(model: Any, part: Any, inputs: tuple[Any, ...]) -> Any:
    """What a part of a model puts out, when the model runs."""
    import torch

    seen: list[Any] = []
    hook = part.register_forward_hook(lambda _, __, output: seen.append(output))
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        hook.remove()
    if len(seen) != 1:
        raise InputError(f"the part of through= ran {len(seen)} times, expected once")
    return seen[0]


def _with_output(model: Any, part: Any, inputs: tuple[Any, ...], x: Tensor) -> Any:
    """What the model returns if ``x`` is what that part puts out."""
    hook = part.register_forward_hook(lambda *_: x)
    try:
        return model(*inputs)
    finally:
        hook.remove()


def answer_of_estimator(model: Any, data: Any, asked: Any, member: int) -> Answer:
    """What one network of an estimator puts out, of what its recurrent layers read; arguments likewise."""
    name = type(model).__name__
    if name not in KNOWN:
        raise InputError(
            f"an answer to look at is that of a torch module, or of a {' or '.join(KNOWN)}, not of a {name}"
        )
    X = items_of(data)
    predicted = model.predict(X)
    module, run = subject_of(model, (X, predicted), member)
    items = _read_by(module, run)
    network, embedding = module.network, module.network.embedding
    x, lengths = embedding(items)
    pick = {"SequenceClassifier": _class_score, "SequenceRegressor": _number, "SequenceTagger": _tag_score}[name]
    chosen = pick(model, asked, predicted, lengths.tolist())

    def f(x: Tensor) -> Tensor:
        network.embedding = lambda _: (x, lengths)
        try:
            return chosen(module(items))
        finally:
            network.embedding = embedding

    split = getattr(model.model_.inputs.encoder(), "split", None)
    labels = None if split is None or not isinstance(X, list) else [split(item) for item in cast("list[Any]", X)]
    return Answer(f, x, False, lengths.tolist(), labels)


def _read_by(module: Any, run: Callable[[], Any]) -> Any:
    """The items that a network is called with."""
    import torch

    seen: list[Any] = []
    hook = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            run()
    finally:
        hook.remove()
    return seen[0]


def _class_score(model: Any, asked: Any, predicted: Any, lengths: list[int]) -> Callable[[Any], Tensor]:
    """The scores of a class ``asked``, or of those that are predicted."""
    classes = model.classes_.tolist()
    if asked is None and model.multilabel_:
        raise InputError(f"answer is None, but several classes may hold at once: name one of {classes}")
    if asked is not None and not any(type(asked) is type(each) and asked == each for each in classes):
        raise InputError(f"answer is {asked!r}, expected a class: {', '.join(map(repr, classes[:20]))}")
    places = [classes.index(each) for each in (predicted.tolist() if asked is None else [asked] * len(lengths))]
    return lambda scores: scores[range(len(places)), places]


def _number(model: Any, asked: Any, predicted: Any, lengths: list[int]) -> Callable[[Any], Tensor]:
    """A number in the unit of the targets, of one network."""
    outputs = 1 if predicted.ndim == 1 else predicted.shape[1]
    place = whole_number("answer", 0 if asked is None else asked, 0, outputs - 1)
    scale = model._fitted().targets[place]
    return lambda scores: scale.mean + scale.deviation * scores[:, place]


def _tag_score(model: Any, asked: Any, predicted: Any, lengths: list[int]) -> Callable[[Any], Tensor]:
    """The score of a tag at a step."""
    pair = cast("tuple[Any, ...]", asked) if isinstance(asked, tuple) else ()
    if len(pair) != 2 or pair[1] not in model.tags_:
        raise InputError(f"answer is {asked!r}, expected a pair of a step and a tag: {', '.join(model.tags_[:20])}")
    step, place = whole_number("the step of answer", pair[0], 0, min(lengths) - 1), model.tags_.index(pair[1])
    return lambda scores: scores.emissions[step, :, place]
