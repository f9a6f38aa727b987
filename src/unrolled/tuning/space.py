"""What is tried: of each parameter its default and the values that its declaration calls worth trying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.errors import InputError
from unrolled.parameters.declaration import check_together, checked, declared, parameter_values, require, search_space
from unrolled.tasks.held_out.data import Data

__all__ = ["Space", "usual", "values_to_try"]

Space = Mapping[str, Sequence[Any]]
"""Values by the name of the parameter, the default first."""


def values_to_try(data: Data, only: Sequence[str] = ()) -> Space:
    """The values of each parameter that means something for the data and is not settled.

    Args:
        data: with the estimator, and the parameters that are settled.
        only: the parameters to try; by default all that have values worth trying.

    Raises:
        InputError: a parameter is none of those, or is settled; what is settled is not valid.

    >>> from unrolled import SequenceClassifier
    >>> from unrolled.tasks.held_out.examples import ExampleData
    >>> data = ExampleData(estimator=SequenceClassifier, values={"cell": "rnn"}, items=["a", "b"], targets=[0, 1])
    >>> values_to_try(data, ["hidden_size"])
    {'hidden_size': [64, 16, 32, 128, 256]}
    """
    group = data.estimator
    worth, known, settled = search_space(group), declared(group), dict(data.values)
    possible = [name for name in worth if name not in data.idle]
    left = [name for name in possible if name not in settled]
    for name in only:
        if name not in known:
            raise InputError(f"only is {name!r}, expected parameters of {group.__name__}: {_list(left)}")
        if name not in possible:
            raise InputError(f"only is {name!r}, expected parameters with values worth trying: {_list(left)}")
        if name in settled:
            raise InputError(f"only is {name!r}, but that is settled to be {settled[name]!r}: leave one of the two out")
    check_settled(data)
    chosen = [name for name in left if not only or name in only]
    if not chosen:
        raise InputError(f"nothing is left to try: {_list(possible)} are all settled; leave one of them open")
    return {name: _default_first(known[name].default, worth[name]) for name in chosen}


def usual(space: Space) -> dict[str, Any]:
    """The defaults of what is tried."""
    return {name: values[0] for name, values in space.items()}


def check_settled(data: Data) -> None:
    """Raise an InputError if the parameters that are settled are not valid, by themselves or together."""
    known = declared(data.estimator)
    for name in ("random_state", "callback", "verbose"):
        require(name, data.values.get(name), name not in data.values, "nothing: tuning chooses it itself")
    unknown = next((name for name in data.values if name not in known), None)
    if unknown is not None:
        raise InputError(f"{data.estimator.__name__} has no parameter {unknown!r}; it has {', '.join(known)}")
    group: Any = data.estimator._parameters  # pyright: ignore[reportPrivateUsage], the group of what a model file keeps
    check_together(checked(group, {**parameter_values(group()), **data.values}))


def _default_first(default: Any, values: Sequence[Any]) -> list[Any]:
    return [default, *(value for value in values if value != default)]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
