"""Options that go together, declared once as a dataclass and spread over the parameters of every command that has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

__all__ = ["flag", "with_groups"]

Result = TypeVar("Result")


def with_groups(command: Callable[..., Result]) -> Callable[..., Result]:
    """Replace each parameter whose type is a dataclass by the dataclass's fields, for typer to see.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Size:
    ...     width: int = 1
    ...     height: int = 2
    >>> @with_groups
    ... def area(name: str, size: Size) -> str:
    ...     return f"{name} {size.width * size.height}"
    >>> inspect.signature(area)
    <Signature (*, name: str, width: int = 1, height: int = 2)>
    >>> area(name="a", height=5)
    'a 5'
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind):
            groups[parameter.name] = kind
            own = get_type_hints(kind, include_extras=True)
            for field in fields(kind):
                parameters.append(
                    inspect.Parameter(
                        field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=own[field.name]
                    )
                )
        else:
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def call(**given: Any) -> Result:
        for name, kind in groups.items():
            own = {field.name: given.pop(field.name) for field in fields(kind) if field.name in given}
            given[name] = kind(**own)
        return command(**given)

    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__dict__["__signature__"] = inspect.Signature(parameters)
    return call


def flag(group: Any, name: str) -> str:
    """What the user writes for a field of a group.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Size:
    ...     hidden_size: int = 1
    >>> flag(Size(), "hidden_size")
    '--hidden-size'
    """
    metadata = getattr(get_type_hints(type(group), include_extras=True)[name], "__metadata__", ())
    names = [each for option in metadata for each in option.param_decls or () if each.startswith("--")]
    return names[0] if names else "--" + name.replace("_", "-")
