"""How the columns of a forecast are called."""

from __future__ import annotations

from unrolled.aliases import Values

__all__ = ["quantile_columns"]


def quantile_columns(
    target: str, learned: tuple[float, ...], asked: tuple[float, ...], quantiles: Values
) -> dict[str, Values]:
    """The median under the target's name and every other quantile asked for: ``[..., Q]`` → flat columns.

    >>> import numpy as np
    >>> list(quantile_columns("sales", (0.1, 0.5, 0.975), (0.1, 0.975), np.zeros((1, 2, 3))))
    ['sales', 'sales_q10', 'sales_q97.5']
    """
    columns = {target: quantiles[..., learned.index(0.5)].ravel()}
    for j, q in enumerate(learned):
        if q != 0.5 and q in asked:
            columns[f"{target}_q{100 * q:g}"] = quantiles[..., j].ravel()
    return columns
