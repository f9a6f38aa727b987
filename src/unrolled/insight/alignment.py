"""Attention as an alignment: what is read of the source for each token that is said, and whether it goes on in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.errors import InputError
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import is_estimator

__all__ = ["Alignment", "alignment"]


@dataclass(frozen=True)
class Alignment:
    r"""What attention reads.

    Attributes:
        weights: of each source, ``[U_i, T_i]``: what is read of step ``j`` for token ``u``, 1 in all for each token.
        picture: of the same, by the estimator itself.
    """

    weights: list[Values]
    picture: Chart

    @property
    def places(self) -> list[Values]:
        r"""Where each token reads, :math:`p_u = \sum_j w_{uj}\, j`, ``[U_i]`` for each source."""
        return [each @ np.arange(each.shape[1]) for each in self.weights]

    @property
    def monotonicity(self) -> Values:
        r"""Of each source Kendall's :math:`\tau` of tokens and places, ``[N]``: 1 if attention only goes on, -1 if only back,
        near 0 if it jumps; NaN where there are less than two tokens."""
        return np.array([_kendall(places) for places in self.places])

    @property
    def sharpness(self) -> Values:
        """Of each source the mean of the largest weight of each token, ``[N]``: 1 where one step is read alone."""
        return np.array([each.max(1).mean() if each.size else np.nan for each in self.weights])

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        tau = self.monotonicity[~np.isnan(self.monotonicity)]
        if not len(tau):
            return "No answer has two tokens, so that attention cannot go anywhere."
        kind = "goes on through the source" if tau.mean() > 0.5 else "goes back" if tau.mean() < -0.5 else "jumps"
        return (
            f"Attention {kind}: Kendall's τ of tokens and what they read is {tau.mean():.2f} in the mean of {len(tau)}, from"
            f" {tau.min():.2f} to {tau.max():.2f}; the step that is read most has {np.nanmean(self.sharpness):.0%} of it"
        )

    def plot(self) -> Chart:
        """What is read of each source for each token."""
        return self.picture

    def to_frame(self) -> Any:
        """A polars frame with one row for each source, token and step: ``source``, ``token``, ``step``, ``weight``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = [(n, *at, float(w)) for n, each in enumerate(self.weights) for at, w in np.ndenumerate(each)]
        return frame_of(("source", "token", "step", "weight"), rows)

    def __str__(self) -> str:
        return self.verdict


def alignment(model: Any, X: Any, y: Any = None) -> Alignment:
    r"""Look at what the attention of an encoder-decoder reads.

    .. math::
        p_u = \sum_j w_{uj}\, j, \qquad
        \tau = \frac{2}{U (U - 1)} \sum_{u < v} \mathrm{sign}(p_v - p_u)

    Args:
        model: a fitted Seq2Seq with attention.
        X: sources.
        y: their targets; by default what is predicted.

    Returns:
        An :class:`Alignment`.

    Raises:
        InputError: the model is another one, or has no attention.

    >>> from unrolled import Seq2Seq
    >>> X, y = ["a b", "b c a", "c", "a c b"] * 5, ["b a", "a c b", "c", "b c a"] * 5
    >>> model = Seq2Seq(hidden_size=16, max_epochs=5, learning_rate=0.02, random_state=0).fit(X, y)
    >>> found = alignment(model, ["b c a"], ["a c b"])
    >>> print(found)
    Attention ...: Kendall's τ of tokens and what they read is ... in the mean of 1, from ... to ...; the step that is read most
    has ...% of it
    >>> found.weights[0].shape
    (3, 3)
    """
    if not is_estimator(model) or type(model).__name__ != "Seq2Seq":
        raise InputError(f"alignment is of a fitted Seq2Seq with attention, not of a {type(model).__name__}")
    return Alignment(model.attention_weights(X, y), model.plot(X, y))


def _kendall(places: Values) -> float:
    U = len(places)
    if U < 2:
        return float("nan")
    u, v = np.triu_indices(U, 1)
    return float(np.sign(places[v] - places[u]).mean())
