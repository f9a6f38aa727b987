"""Options made from declarations: a command names groups of parameters, and typer sees an option for each parameter.

A new parameter of an estimator is an option of its commands without a line here: its flag, help, range and words, the
names it may be and the panel it is shown in come from :mod:`unrolled.parameters`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import typer

from unrolled.errors import InputError
from unrolled.parameters.declaration import Declared, Parameters, checked, declared

__all__ = ["flag", "help_of", "parameters_of", "with_options"]

Result = TypeVar("Result")

DEFAULTS: dict[str, Any] = {"random_state": 0}
"""Where the command line has another default than Python: the same command gives the same model."""

METAVARS = {int: "N", float: "X", str: "NAME", Path: "FILE"}


def with_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Replace each argument whose type is a group of parameters by an option for each of them, for typer to see.

    The values are checked before the command runs, which gets them as the group.

    Raises:
        InputError: by the command that is returned: a value is outside its range, is none of the words, and so on.

    >>> from unrolled.parameters.series import SeriesParameters
    >>> def read(name: str, series: SeriesParameters) -> str:
    ...     return f"{name}, {series.missing}"
    >>> read = with_options(read)
    >>> list(inspect.signature(read).parameters), read(name="a", missing="zero")
    (['name', 'missing'], 'a, zero')
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Parameters]] = {}
    arguments: list[inspect.Parameter] = []
    for argument in inspect.signature(command).parameters.values():
        kind = hints[argument.name]
        if isinstance(kind, type) and issubclass(kind, Parameters):
            groups[argument.name] = kind
            arguments += [_argument(each) for each in _in_order(kind) if each.about.flag is not None]
        else:
            arguments.append(argument.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def call(**given: Any) -> Result:
        found = {name: _group(kind, given) for name, kind in groups.items()}
        own = {name: value for name, value in given.items() if name in hints}
        return command(**own, **found)

    call.__annotations__ = {argument.name: argument.annotation for argument in arguments}
    call.__dict__["__signature__"] = inspect.Signature(arguments)
    call.__dict__["declarations"] = {name: each for kind in groups.values() for name, each in declared(kind).items()}
    return call


def parameters_of(command: Any) -> Mapping[str, Declared]:
    """The parameters behind the options of a command that :func:`with_options` returned, by name."""
    return getattr(command, "declarations", {})


def flag(each: Declared) -> str:
    """What the user writes for a parameter.

    >>> from unrolled.parameters.training import TrainingParameters
    >>> flag(declared(TrainingParameters)["batch_size"]), flag(declared(TrainingParameters)["random_state"])
    ('--batch-size', '--seed')
    """
    return _flags(each)[0]


def help_of(each: Declared, words: Sequence[str]) -> str:
    """The help of an option: what it is, its range, the words it may be, and what is taken where it is not given.

    >>> from unrolled.parameters.training import TrainingParameters
    >>> help_of(declared(TrainingParameters)["truncate"], ())
    'Steps after which gradients stop (truncated backpropagation through time); at least 1. Default: never.'
    """
    text = each.about.help.rstrip(".") + ("." if each.about.range is None else f"; {each.about.range}.")
    if words:
        text += f" One of {', '.join(words)}."
    if _repeatable(each):
        text += " Repeatable."
    return text + (f" Default: {each.about.unset}." if each.about.unset and _default(each) is None else "")


def _in_order(kind: type[Parameters]) -> list[Declared]:
    """The parameters of a group, those of its particular parts before those that many groups inherit."""
    known = declared(kind).values()
    titles = [*dict.fromkeys(each.group for each in known)]
    return sorted(known, key=lambda each: -titles.index(each.group))


def _argument(each: Declared) -> inspect.Parameter:
    """A parameter as typer takes it: a keyword whose type is that of its option."""
    flags, kind = _flags(each), _kind(each)
    if kind is bool:
        flags = [f"{name}/--no-{name.removeprefix('--')}" for name in flags]
    elif kind is list:
        kind = list[_item(each)]
    metavar = None if kind is bool else each.about.metavar or METAVARS.get(_item(each), "N")
    words = () if each.about.known is not None else each.words  # names to be found are not looked for yet
    option = typer.Option(*flags, metavar=metavar, help=help_of(each, words), rich_help_panel=each.group or None)
    default = _default(each)
    optional = default is None
    return inspect.Parameter(
        each.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=list(default) if isinstance(default, tuple) else default,
        annotation=Annotated[kind | None if optional else kind, option],
    )


def _flags(each: Declared) -> list[str]:
    """What the user may write, the long one first."""
    flags = each.about.flag.split(",") if each.about.flag else [f"--{each.name.replace('_', '-')}"]
    return sorted(flags, key=len, reverse=True)


def _default(each: Declared) -> Any:
    """The default as an option has it, where times and numbers of steps are both text."""
    default = DEFAULTS.get(each.name, each.default)
    return str(default) if _is_span(each) and default is not None else default


def _kinds(each: Declared) -> list[Any]:
    """What the type is made of, without None."""
    united = get_origin(each.type) in (Union, UnionType)
    return [kind for kind in (get_args(each.type) if united else (each.type,)) if kind is not NoneType]


def _kind(each: Declared) -> Any:
    """The type of the option: list where several are given, text where it may be a number of steps or a time."""
    first = _kinds(each)[0]
    if _is_span(each) or get_origin(first) is Literal:
        return str
    return list if _repeatable(each) else first


def _item(each: Declared) -> Any:
    """The type of one value of the option."""
    first = _kinds(each)[0]
    if get_origin(first) is dict:
        return str
    return get_args(first)[0] if _repeatable(each) else _kind(each)


def _repeatable(each: Declared) -> bool:
    return get_origin(_kinds(each)[0]) in (tuple, dict, Sequence)


def _is_span(each: Declared) -> bool:
    return {int, str} <= {*_kinds(each)}


def _group(kind: type[Parameters], given: Mapping[str, Any]) -> Parameters:
    """The values of options as a group, checked."""
    known = declared(kind)
    values = {name: _value(each, given[name]) if name in given else each.default for name, each in known.items()}
    checked(kind, values)
    return kind(**values)


def _value(each: Declared, given: Any) -> Any:
    """What an option gave as the parameter has it."""
    if _is_span(each):
        return int(given) if given is not None and given.isascii() and given.isdigit() else given
    if not _repeatable(each):
        return given
    if not given:
        return each.default
    if get_origin(_kinds(each)[0]) is dict:
        return dict(_pair(each, text) for text in cast("list[str]", given))
    return tuple(given)


def _pair(each: Declared, text: str) -> tuple[str, int]:
    """A size with its name.

    >>> from unrolled.parameters.network import NetworkParameters
    >>> _pair(declared(NetworkParameters)["cell_sizes"], "proj_size=8")
    ('proj_size', 8)
    """
    name, _, number = text.partition("=")
    if not name or not (number.isascii() and number.isdigit()):
        raise InputError(f"{each.name} is {text!r}, expected {each.about.metavar}, such as proj_size=8")
    return name, int(number)
