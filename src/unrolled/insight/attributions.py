r"""Which steps an answer comes from: integrated gradients with respect to what is read at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.charts.heatmap import heatmap_figure
from unrolled.errors import InputError
from unrolled.insight.answers import Answer, answer_of_estimator, answer_of_module
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import is_estimator
from unrolled.kernels.admission import whole_number
from unrolled.progress import ShareBar, person_watches

__all__ = ["Attributions", "attributions"]

MOST_STEPS = 60
"""Steps that a picture can show."""
HALF = 0.5
AMISS = 0.05
"""The share by which a sum may miss before more points are taken, or the verdict asks for them."""
POINTS, MOST_POINTS = 32, 256
"""Of the integral at first, and at most."""


@dataclass(frozen=True)
class Attributions:
    """How much each number that was read has moved the answer away from that of the baseline.

    Attributes:
        values: ``[T, B, I]``, NaN past the end of a sequence.
        answer: of each sequence, ``[B]``.
        baseline: the answer where nothing but the baseline is read, ``[B]``.
        labels: what the steps of each sequence are called, such as the tokens of a text.
        points: of the integral.
        of_module: whether it is of a torch module, and not of an estimator.
    """

    values: Values
    answer: Values
    baseline: Values
    labels: tuple[tuple[str, ...], ...]
    points: int
    of_module: bool

    @property
    def by_step(self) -> Values:
        """Sums over what is read at one step, ``[T, B]``."""
        return self.values.sum(2)

    @property
    def missed(self) -> float:
        """The largest share of a difference ``answer - baseline`` by which the sum over all steps misses it."""
        difference = self.answer - self.baseline
        gap = np.abs(np.nansum(self.values, axis=(0, 2)) - difference)
        return float((gap / np.maximum(np.abs(difference), np.finfo(np.float32).eps)).max())

    @property
    def span(self) -> float:
        """How many last steps have half of all that moves the answer either way; the median over the sequences."""
        sizes = [np.abs(each[~np.isnan(each)])[::-1] for each in self.by_step.T]
        reached = [np.flatnonzero(np.cumsum(each) >= HALF * each.sum())[0] + 1 for each in sizes]
        return float(np.median(reached))

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        moved = f"from {self.baseline.mean():.3g} to {self.answer.mean():.3g}"
        if not np.isfinite(self.answer).all():
            return "The answer is not finite: inputs or weights are not."
        if not np.nan_to_num(self.values).any():
            return f"What is read does not move the answer, which is {self.answer.mean():.3g} in the mean."
        where = f"half of what moves it is in the last {self.span:g} of {len(self.values)} steps"
        said = f"What is read moves the answer {moved} in the mean; {where}"
        if self.missed > AMISS:
            said += f"; with {self.points} points the steps miss the difference by up to {self.missed:.0%}: take more points"
            said += ", or the model after eval()" * self.of_module
        return said

    def plot(self, sequence: int = 0) -> Chart:
        """What each step of one sequence, of a long one of the last, does to the answer: how much it raises or lowers it.

        Raises:
            InputError: there is no such sequence.
        """
        B = self.values.shape[1]
        whole_number("sequence", sequence, 0, B - 1)
        moved, names = self.by_step[:, sequence], self.labels[sequence][-MOST_STEPS:]
        moved = moved[~np.isnan(moved)][-MOST_STEPS:]
        shares = np.stack([moved.clip(0), -moved.clip(None, 0)]) / (np.abs(moved).max() or 1.0)
        return Chart(
            heatmap_figure(shares, ["raises", "lowers"], names, "what each step does to the answer, 1 at most")
        )

    def to_frame(self) -> Any:
        """A polars frame with one row for each step of each sequence: ``sequence``, ``step``, ``label``, ``attribution``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = [
            (b, t, label, float(self.by_step[t, b]))
            for b, labels in enumerate(self.labels)
            for t, label in enumerate(labels)
        ]
        return frame_of(("sequence", "step", "label", "attribution"), rows)

    def __str__(self) -> str:
        return self.verdict


def attributions(
    model: Any, inputs: Any, answer: Any = None, *, baseline: Any = 0.0, points: int | None = None, through: str | None = None,
    batch_first: bool = False, member: int = 0,
) -> Attributions:  # fmt: skip
    r"""How much each step has moved an answer, by integrated gradients.

    .. math::
        A_{ti} = (x_{ti} - x'_{ti}) \int_0^1 \frac{\partial f(x' + \alpha (x - x'))}{\partial x_{ti}}\, d\alpha, \qquad
        \sum_{ti} A_{ti} = f(x) - f(x')

    :math:`f` is the answer, :math:`x'` the baseline, which is to stand for nothing. The integral is a Gauss-Legendre sum, and
    the second equation says how good that is. The model runs in the mode it is in: give one with dropout after ``eval()``.
    Source: Sundararajan, Taly, Yan 2017, arXiv 1703.01365.

    Args:
        model: any torch module, or a fitted SequenceClassifier, SequenceRegressor or SequenceTagger.
        inputs: what a module is called with, a tuple if that is more than one, of which the first is ``x [T, B, I]``; or items
            as an estimator's ``predict`` takes them, or ``(X, y)``, of which ``y`` is not needed.
        answer: for a module a function of what it returns, which gives a tensor ``[B]``: a number for each sequence. Of a
            classifier a class, of which the score before softmax is looked at; by default the one that is predicted of
            each item. Of a regressor the place of a number, by default 0, in the unit of the targets. Of a tagger
            a pair of a step and a tag.
        baseline: a number, or a tensor like ``x``. What an estimator's networks read is standardised, so that 0 is the mean of
            each feature; of tokens it is an embedding of zeros.
        points: of the integral; unless given, 32, and twice as many again, up to 256, as long as the sum over the steps misses
            a difference by more than 5 %.
        through: the path of a part of a module, such as an embedding of tokens, whose output is looked at in place of ``x``.
        batch_first: whether ``x`` is ``[B, T, I]``.
        member: which network of an estimator.

    Returns:
        An :class:`Attributions`.

    Raises:
        InputError: there is no answer for each sequence, or something does not fit; the message says what.
        MissingExtraError: torch is not installed.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> rnn = torch.nn.GRU(2, 8)
    >>> found = attributions(rnn, torch.randn(30, 4, 2), lambda output: output[0][-1, :, 0])
    >>> print(found)
    What is read moves the answer from ... to ... in the mean; half of what moves it is in the last ... of 30 steps
    >>> found.values.shape, bool(np.allclose(found.by_step.sum(0), found.answer - found.baseline, atol=1e-4))
    ((30, 4, 2), True)
    """
    if points is not None:
        whole_number("points", points, 1)
    if is_estimator(model):
        if through is not None or batch_first:
            raise InputError(f"through and batch_first are for modules: a {type(model).__name__} knows how it reads")
        asked = answer_of_estimator(model, inputs, answer, member)
    else:
        asked = answer_of_module(model, inputs, answer, through, batch_first, member)
    names = asked.labels or [[str(t) for t in range(length)] for length in asked.lengths]
    taken, most = (points, points) if points is not None else (POINTS, MOST_POINTS)
    while True:
        with ShareBar(f"attributing at {taken} points", person_watches()) as bar:
            values, at, before = _integrated(asked, baseline, taken, bar)
        for b, length in enumerate(asked.lengths):
            values[length:, b] = np.nan
        found = Attributions(values, at, before, tuple(map(tuple, names)), taken, not is_estimator(model))
        if taken >= most or not found.missed > AMISS:
            return found
        taken *= 2


def _integrated(
    asked: Answer, baseline: Any, points: int, tell: Callable[[float, int], None]
) -> tuple[Values, Values, Values]:
    """Attributions ``[T, B, I]``, and the answers at ``x`` and at the baseline ``[B]``."""
    import torch

    x = asked.x.detach()
    try:
        start = torch.as_tensor(baseline, dtype=x.dtype)
    except (TypeError, ValueError, RuntimeError):
        start = torch.tensor(torch.nan)
    if (start.dim() and start.shape != x.shape) or not bool(torch.isfinite(start).all()):
        raise InputError(f"baseline is {baseline!r:.60}, expected a finite number, or a tensor {list(x.shape)}")
    start = start.expand(x.shape)
    places, weights = np.polynomial.legendre.leggauss(points)
    total = torch.zeros_like(x)
    with torch.enable_grad():
        for done, (place, weight) in enumerate(zip((places + 1) / 2, weights / 2, strict=True)):
            tell(done / points, done)
            between = (start + float(place) * (x - start)).requires_grad_()
            answers = asked.f(between)
            if not answers.requires_grad:
                raise InputError("the answer does not depend on what is read")
            gradient: Any = torch.autograd.grad(answers.sum(), [between], allow_unused=True)[0]
            if gradient is None:
                raise InputError("the answer does not depend on what is read")
            total += float(weight) * gradient
    with torch.no_grad():
        at, before = (asked.f(each).double().numpy() for each in (x, start))
    values = ((x - start) * total).double()
    return (values.transpose(0, 1) if asked.batch_first else values).contiguous().numpy(), at, before
