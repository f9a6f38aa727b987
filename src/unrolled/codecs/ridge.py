r"""Linear regression that strange steps do not move.

With the columns of ``x`` and a constant, the weights minimise

.. math:: \sum_t \rho\left(y[t] - w^\top x[t] - w_0\right) + \lVert w \rVert^2

where Huber's :math:`\rho` is a square up to twice the median of the residuals' absolute values, and a line beyond. The
minimum is that of weighted squares, found again and again with the weights that the last residuals give.

Source: Huber 1964, *Robust estimation of a location parameter*; Holland and Welsch 1977, *Robust regression using iteratively
reweighted least-squares*.
"""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values

__all__ = ["robust_ridge"]


ROUNDS = 4
USUAL = 2.0  # medians of the residuals up to which a step counts in full


def robust_ridge(x: Values, y: Values) -> Values:
    """Weights ``[F + 1]`` of the columns of ``x [n, F]``, about as large as standardised ones, and the constant.

    >>> x = np.arange(-50.0, 50.0)[:, None] / 25
    >>> y = 3 * x[:, 0] + 1
    >>> y[:5] += 100
    >>> robust_ridge(x, y).round(1).tolist()
    [2.9, 1.0]
    """
    columns = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalty = np.diag([1.0] * x.shape[1] + [1e-9])
    counts, weights = np.ones(len(y)), np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        weighted = columns * counts[:, None]
        weights = np.linalg.solve(weighted.T @ columns + penalty, weighted.T @ y)
        residual = abs(y - columns @ weights)
        counts = np.minimum(1, USUAL * np.median(residual) / np.maximum(residual, np.finfo(np.float64).tiny))
        if not counts.any():  # more than half of the residuals are 0
            break
    return weights
