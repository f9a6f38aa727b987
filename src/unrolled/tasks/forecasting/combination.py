r"""How much each part of a forecast counts: by its errors at rolling origins.

For series ``n`` with the mean absolute error :math:`E_{pn}` of part ``p`` at the origins inside its history, the mean
:math:`\bar E_p` of all series, and held-out steps for :math:`r_n` whole horizons,

.. math::
    w_{pn} \propto \exp\left(-8\, \frac{r_n \log E_{pn} + r_0 \log \bar E_p}{r_n + r_0}\right),

with one as :math:`\bar E_p` where there is one series only: the less there is to judge by, the more alike the parts count. A
combination is seldom much worse than the best of its parts, and nobody knows beforehand which that is: J. M. Bates and C. W. J.
Granger, "The combination of forecasts", 1969, doi 10.1057/jors.1969.103. The exponent and :math:`r_0 = 1` were chosen on one half
of the data of ``benchmarks/accuracy/abroad.py``.
"""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values

__all__ = ["combination_weights", "combined"]

SHARPNESS = 8
PRIOR = 1.0  # r_0, in horizons
LEAST = 1e-9  # error, on the scale of z: a perfect part leaves nothing to the others


def combination_weights(errors: Values, evidence: Values) -> Values:
    """Weights ``[P, N]``, which sum to one for each series.

    Args:
        errors: mean absolute errors ``[P, N]``; nan for a part that a series has not got. A series with none of them, which
            kept nothing back, has all parts but the last, the network.
        evidence: ``r`` of each series, ``[N]``.

    >>> combination_weights(np.array([[1.0], [1.5], [np.nan]]), np.array([2.0])).round(3).ravel().tolist()
    [0.897, 0.103, 0.0]
    """
    judged = ~np.isnan(errors).all(axis=0)
    has = ~np.isnan(errors)
    has[:-1, ~judged] = True
    evidence = np.where(judged, evidence, 0.0)
    score = evidence * np.log(np.maximum(np.where(np.isnan(errors), 1.0, errors), LEAST))
    if errors.shape[1] > 1 and judged.any():
        count = (~np.isnan(errors)).sum(axis=1, keepdims=True)
        common = np.nansum(errors, axis=1, keepdims=True) / np.maximum(count, 1)
        score = score + PRIOR * np.log(np.maximum(common, LEAST))
    score = np.where(has, SHARPNESS * score / (evidence + PRIOR), np.inf)
    weights = np.exp(score.min(axis=0) - score)
    return weights / weights.sum(axis=0)


def combined(weights: Values, forecasts: Values) -> Values:
    """The weighted mean ``[N, H]`` of ``forecasts [P, N, H]``; a part without weight may be nan.

    >>> combined(np.array([[0.5], [0.5], [0.0]]), np.array([[[1.0]], [[2.0]], [[np.nan]]])).tolist()
    [[1.5]]
    """
    total = np.zeros(forecasts.shape[1:])
    for share, forecast in zip(weights[..., None], forecasts, strict=True):
        total += np.where(share > 0, share * forecast, 0.0)
    return total
