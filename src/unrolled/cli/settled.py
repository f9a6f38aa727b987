"""Parameters written as ``NAME=VALUE``, and the command that trains with such values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec

from unrolled.cli.data_options import GivenParts
from unrolled.cli.options import flag, parameters_of
from unrolled.cli.task import Task
from unrolled.errors import InputError
from unrolled.parameters.declaration import Declared, Parameters, declared

__all__ = ["fit_command", "parameter_named", "settled"]


def settled(task: Task, given: Sequence[str]) -> dict[str, Any]:
    """Values by name, from texts such as ``hidden_size=32``; the name may be that of the parameter or of its option.

    Raises:
        InputError: it is not of that form, there is no such parameter, or its value is of another type.

    >>> from unrolled.cli.catalogue import TASKS
    >>> classify = next(task for task in TASKS if task.name == "classify")
    >>> settled(classify, ["hidden-size=32", "bidirectional=false", "layers=2", "activation=relu"])
    {'hidden_size': 32, 'bidirectional': False, 'num_layers': 2, 'activations': ['relu']}
    """
    values: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals:
            raise InputError(f"--fix is {each!r}, expected NAME=VALUE, such as hidden_size=32")
        parameter = parameter_named(task, name, "--fix")
        if parameter.name in values:
            raise InputError(f"--fix says twice what {name} is: leave one of the two out")
        values[parameter.name] = _value(parameter, text)
    return values


def parameter_named(task: Task, name: str, option: str, worth: Collection[str] | None = None) -> Declared:
    """A parameter of the models of a task, by its name or that of its option.

    Raises:
        InputError: there is none; ``option`` is what named it, and ``worth`` names those that it may be, if not all of them.
    """
    known = _parameters(task)
    of_flags = {flag(each).lstrip("-"): each for each in known.values()}
    found = known.get(name.replace("-", "_")) or of_flags.get(name)
    if found is None:
        which = "" if worth is None else " with values worth trying"
        listed = ", ".join(known if worth is None else worth)
        raise InputError(f"{option} is {name!r}, expected a parameter of {task.called}{which}: {listed}")
    return found


def fit_command(task: Task, file: Path, options: Parameters, values: Mapping[str, Any]) -> str:
    """The command that trains a model of the task on the file with these values, as it is typed."""
    words = ["unrolled", "fit", task.name, quote(str(file))]
    targets = getattr(options, "targets", None)
    if targets is not None:
        words.append(quote(str(targets)))
    taken = parameters_of(task.fit)
    for name, each in declared(type(options)).items():
        value = getattr(options, name)
        if value != each.default and (name in taken or name in declared(GivenParts)) and name != "test":
            words += _typed(each, value)
    for name, value in values.items():
        words += _typed(taken[name], value)
    return " ".join(words)


def _parameters(task: Task) -> dict[str, Declared]:
    """What can be settled: what ``fit`` has options for, but not the columns of the file, nor the seed."""
    other = {*declared(task.data_options), "random_state"}
    return {name: each for name, each in parameters_of(task.fit).items() if name not in other}


def _value(each: Declared, text: str) -> Any:
    kinds = [kind for kind in (get_args(each.type) or (each.type,)) if kind is not NoneType]
    several = get_origin(each.type) in (tuple, Sequence) or any(get_origin(kind) in (tuple, Sequence) for kind in kinds)
    if text.lower() == "none" and NoneType in get_args(each.type):
        return None
    given: Any = text.split(",") if several else text
    if isinstance(each.default, bool) and text.lower() in ("yes", "no"):
        given = text.lower() == "yes"
    try:
        return msgspec.convert(given, each.type, strict=False)
    except (msgspec.ValidationError, TypeError):
        raise InputError(f"--fix {each.name} is {text!r}, expected {_expected(each)}") from None


def _expected(each: Declared) -> str:
    if each.words:
        return f"one of {', '.join(each.words)}"
    kinds = [kind for kind in (get_args(each.type) or (each.type,)) if kind is not NoneType]
    if int in kinds:
        return "a whole number"
    return "a number" if float in kinds else "yes or no" if bool in kinds else "a value such as its option takes"


def _typed(each: Declared, value: Any) -> Iterator[str]:
    """The option with its value, as it is typed; one that is not given is none."""
    name = flag(each)
    if value is None:
        return
    if isinstance(value, bool):
        yield name if value else f"--no-{name.removeprefix('--')}"
    elif isinstance(value, Mapping):
        for key, number in value.items():
            yield f"{name} {quote(f'{key}={number}')}"
    elif isinstance(value, list | tuple):
        for item in value:
            yield f"{name} {quote(str(item))}"
    else:
        yield f"{name} {quote(str(value))}"
