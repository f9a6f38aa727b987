"""How a parameter is declared, and what follows from it: the constructor, the checks, the documentation.

A group of parameters is a class whose annotated attributes are the parameters; an estimator inherits the groups it needs
and overrides defaults. From the declaration come ``__init__`` and its signature, the parameters' part of the docstring,
:func:`checked`, the parameters' schema in a model file, the options of the command line and :func:`search_space`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from inspect import get_annotations
from textwrap import fill, indent
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from unrolled.errors import InputError
from unrolled.parameters.ranges import Range

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """For type checkers only."""
        return lambda cls: cls


__all__ = [
    "Declared", "Parameter", "Parameters", "bare_type", "check_range", "check_together", "checked", "declared", "described",
    "parameter_values", "plain", "require", "search_space",
    "shared_values",
]  # fmt: skip

Group = TypeVar("Group", bound="Parameters")

LONGEST = 200  # characters of a value in a message


@dataclass(frozen=True)
class Parameter:
    """What ``Annotated`` says of a parameter beside its type.

    Attributes:
        help: what it is, in sentences that need no others beside them.
        range: of a number, or of each number of several.
        unset: what is taken where the value is None.
        flag: its option on the command line, by default ``--name``; None where it has none.
        metavar: what stands for its value in the help of the command line.
        read: from ``(name, value)`` as users may give it to what a model file can hold.
        known: names it may be, where these are found only when asked for.
        search: values worth trying when it is tuned.
    """

    help: str
    range: Range | None = None
    unset: str = ""
    flag: str | None = ""
    metavar: str = ""
    read: Callable[[str, Any], Any] | None = None
    known: Callable[[], Sequence[str]] | None = None
    search: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Declared:
    """A parameter of a class: its name, type and default there, what is said of it, and the title of its group."""

    name: str
    type: Any
    default: Any
    about: Parameter
    group: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words it may be, if it is one of some."""
        if self.about.known is not None:
            return tuple(self.about.known())
        kinds = [self.type, *get_args(self.type)]
        return next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class Parameters:
    """Base of every group of parameters: subclasses get a constructor with keyword-only arguments.

    As of all data classes, parameters of the last base come first.

    >>> class Size(Parameters):
    ...     _title = "Size"
    ...     width: Annotated[int, Parameter("How wide it is.", Range(1))] = 3
    >>> class Box(Size):
    ...     width: int = 4
    >>> Box().width, declared(Box)["width"].about.help
    (4, 'How wide it is.')
    """

    _title: ClassVar[str] = ""
    """What the group is called in documentation and help."""

    def __init_subclass__(cls, **options: bool) -> None:
        """Make a data class with these options of ``dataclasses.dataclass``."""
        super().__init_subclass__()
        dataclass(kw_only=True, **options)(cls)

    def _check_together(self) -> None:
        """Check what the values must be beside their types and ranges; subclasses call ``super()``'s, too.

        Raises:
            InputError: naming the parameter.
        """


@lru_cache(maxsize=256)
def declared(group: type[Any]) -> Mapping[str, Declared]:
    """The parameters of a class by name, those of the groups it inherits first."""
    found: dict[str, Declared] = {}
    hints = {base: get_type_hints(base, include_extras=True) for base in group.__mro__ if issubclass(base, Parameters)}
    for own in fields(group):
        declaring = [base for base in hints if own.name in get_annotations(base)]
        about = next((a for base in declaring for a in _metadata(hints[base][own.name])), None)
        if about is None:
            raise TypeError(f"{group.__name__}.{own.name} has no Parameter in its annotation, nor in a base's")
        default = own.default if own.default_factory is MISSING else own.default_factory()
        found[own.name] = Declared(
            own.name, bare_type(hints[declaring[0]][own.name]), default, about, _title_of(declaring[-1])
        )
    return found


def _title_of(group: type[Parameters]) -> str:
    return group._title  # pyright: ignore[reportPrivateUsage], of the class above


def _metadata(hint: Any) -> list[Parameter]:
    return [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Parameter)]


def bare_type(hint: Any) -> Any:
    """A type without what ``Annotated`` says of it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's own."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.generic) else value


def require(name: str, value: object, holds: bool, expected: str) -> None:
    """Raise an InputError that names the parameter unless the condition holds."""
    if not holds:
        shown = repr(value)
        raise InputError(
            f"{name} is {shown if len(shown) <= LONGEST else shown[:LONGEST] + '...'}, expected {expected}"
        )


def check_range(name: str, value: Any, expected: Range) -> None:
    """Raise an InputError that names the parameter if a number, or one of several, is outside; None is not checked.

    >>> check_range("hidden_size", 0, Range(1))
    Traceback (most recent call last):
    unrolled.errors.InputError: hidden_size is 0, expected at least 1
    """
    for number in value if isinstance(value, tuple | list) else value.values() if isinstance(value, dict) else (value,):
        require(name, number, number is None or number in expected, str(expected))


def checked(group: type[Group], values: Mapping[str, Any]) -> Group:
    """Parameters by name as a group, each of its type and within its range.

    Raises:
        InputError: naming the parameter, what it is and what it may be.

    >>> class Size(Parameters):
    ...     width: Annotated[int, Parameter("How wide it is.", Range(1))] = 3
    >>> checked(Size, {"width": 0})
    Traceback (most recent call last):
    unrolled.errors.InputError: width is 0, expected at least 1
    """
    known = declared(group)
    given: dict[str, Any] = {}
    for name, parameter in known.items():
        value = plain(values[name])
        read = parameter.about.read
        may_be_none = value is None and type(None) in get_args(parameter.type)
        given[name] = value if read is None or may_be_none else read(name, value)
    for name, parameter in known.items():
        if parameter.words and given[name] is not None and not isinstance(given[name], tuple | list):
            fits = isinstance(given[name], str) and given[name] in parameter.words
            require(name, given[name], fits, f"one of {', '.join(parameter.words)}")
    try:
        found = msgspec.convert(given, group)
    except (msgspec.ValidationError, TypeError) as error:
        raise InputError(f"a parameter has the wrong type: {error}") from None
    for name, parameter in known.items():
        if isinstance(given[name], tuple):
            setattr(found, name, given[name])
        if parameter.about.range is not None:
            check_range(name, getattr(found, name), parameter.about.range)
    check_together(found)
    return found


def check_together(group: Parameters) -> None:
    """Check what the values of a group must be beside their types and ranges.

    Raises:
        InputError: naming the parameter.
    """
    group._check_together()  # pyright: ignore[reportPrivateUsage], of the class above


def parameter_values(group: Parameters) -> dict[str, Any]:
    """The values of a group by name."""
    return {name: getattr(group, name) for name in declared(type(group))}


def shared_values(group: Parameters, other: type[Any]) -> dict[str, Any]:
    """The values of a group that another data class has fields for, too, by name."""
    names = {own.name for own in fields(other)}
    return {name: value for name, value in parameter_values(group).items() if name in names}


def search_space(group: type[Any]) -> dict[str, list[Any]]:
    """Values worth trying of the parameters that are worth tuning, as scikit-learn's searches take them.

    Args:
        group: an estimator, or a group of parameters.
    """
    return {name: list(each.about.search) for name, each in declared(group).items() if each.about.search}


def described(group: type[Any]) -> str:
    """The parameters as the part of a docstring that lists them."""
    lines = ["Args:"]
    for name, each in declared(group).items():
        text = f"{name}: {each.about.help}{_values(each)}"
        lines.append(indent(fill(text, 112, subsequent_indent="    ", break_on_hyphens=False), "    "))
    return "\n".join(lines)


def _values(each: Declared) -> str:
    text = "" if each.about.range is None else f" {str(each.about.range).capitalize()}."
    if each.words and each.about.known is None:
        text += " " + ", ".join(f"``{word}``" for word in each.words) + "."
    return text + (f" By default {each.about.unset}." if each.about.unset else "")
