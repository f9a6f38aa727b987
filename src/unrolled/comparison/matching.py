"""How wide the layers of a family are, so that networks have as many parameters, or as many units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from unrolled.comparison.family import Context, NetworkFamily
from unrolled.errors import InputError
from unrolled.networks.stack import StackConfig

__all__ = ["Match", "matched"]

Match = Literal["parameters", "size"]
WIDEST = 4096


def matched(
    family: NetworkFamily, context: Context, wanted: int, count: Callable[[NetworkFamily, StackConfig], int]
) -> StackConfig:
    """The sizes with which a network of the family has as nearly as possible ``wanted`` parameters, as ``count`` counts them.

    A family that has a width within its blocks gets the width that fits with twice as many units inside, and then the inner
    width that makes up for what is left.

    Raises:
        InputError: even the narrowest or the widest is farther off than half.
    """
    unit = family.multiple
    low, high = 1, 1
    while count(family, family.config(context, high * unit)) < wanted and high * unit < WIDEST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if count(family, family.config(context, middle * unit)) < wanted:
            low = middle
        else:
            high = middle
    config = _nearest([family.config(context, width * unit) for width in (low, high)], family, wanted, count)
    if family.inner:
        config = _with_inner(config.hidden_size, family, context, wanted, count)
    found = count(family, config)
    if not 0.5 < found / wanted < 2:
        raise InputError(
            f"{family.name} has {found:,} parameters with {config.hidden_size} units, where {wanted:,} are wanted: ask for"
            " another hidden_size, or match by size"
        )
    return config


def _nearest(
    configs: list[StackConfig],
    family: NetworkFamily,
    wanted: int,
    count: Callable[[NetworkFamily, StackConfig], int],
) -> StackConfig:
    return min(configs, key=lambda config: abs(count(family, config) - wanted))


def _with_inner(
    width: int,
    family: NetworkFamily,
    context: Context,
    wanted: int,
    count: Callable[[NetworkFamily, StackConfig], int],
) -> StackConfig:
    """The number of parameters is a line in the inner width."""
    one, two = (count(family, family.config(context, width, inner)) for inner in (1, 2))
    inner = max(1, round(1 + (wanted - one) / (two - one)))
    return family.config(context, width, inner)
