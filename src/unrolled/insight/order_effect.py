r"""How much order matters: what is lost where the steps of a sequence are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.charts.decay import decay_figure
from unrolled.errors import InputError
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import is_estimator
from unrolled.insight.watching import arguments_of, require_module
from unrolled.kernels.admission import whole_number

__all__ = ["OrderEffect", "order_effect", "shuffled_places"]

ALONG = ("SequenceTagger",)
"""Estimators with a target for each step, which goes with it."""
KNOWN = ("SequenceClassifier", "SequenceRegressor", "SequenceTagger", "Seq2Seq")


@dataclass(frozen=True)
class OrderEffect:
    """A measure in the real order and where time is shuffled.

    Attributes:
        measure: its name, ``loss`` for a module.
        real: in the real order.
        windows: within how many steps they were shuffled, rising; the last is all of the longest sequence.
        shuffled: the measure of each window and each of the permutations, ``[W, P]``.
    """

    measure: str
    real: float
    windows: tuple[int, ...]
    shuffled: Values

    @property
    def effect(self) -> Values:
        """The mean of the shuffled less the real, of each window, ``[W]``."""
        return self.shuffled.mean(1) - self.real

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        mean, spread, P = self.shuffled[-1].mean(), self.shuffled[-1].std(), self.shuffled.shape[1]
        said = (
            f"{self.measure} is {self.real:.4g} in order and {mean:.4g} ± {spread:.2g} with all steps shuffled ({P}"
            f" permutation{'s' * (P != 1)})"
        )
        effect = self.effect
        if not np.isfinite(self.shuffled).all() or not np.isfinite(self.real):
            return f"{said}: not finite"
        if abs(effect[-1]) <= 2 * spread or not effect[-1]:
            return f"{said}: no effect of order can be told from chance"
        half = self.windows[int(np.flatnonzero(effect / effect[-1] >= 0.5)[0])]
        return f"{said}; shuffling within windows of {half} steps has half of that effect"

    def plot(self) -> Chart:
        """The measure by window, the real one as a line of its own; on a logarithmic axis, in the order of the windows.

        Raises:
            InputError: the measure is not above 0 everywhere.
        """
        means = self.shuffled.mean(1)
        if not self.real > 0 or not (means > 0).all():
            raise InputError(f"{self.measure} is not above 0 everywhere: take to_frame() for the numbers")
        lines = {"shuffled": np.array([self.real, *means]), "in order": np.full(len(means) + 1, self.real)}
        windows = [*map(str, (1, *self.windows))]
        label = f"{self.measure} with shuffled steps"
        return Chart(decay_figure(lines, "steps of the windows that were shuffled", label, names=windows))

    def to_frame(self) -> Any:
        """A polars frame with one row for each window and permutation: ``window`` (1 is the real order), ``permutation`` and the
        measure.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows: list[tuple[Any, ...]] = [(1, 0, self.real)]
        rows += [(self.windows[w], p, float(value)) for (w, p), value in np.ndenumerate(self.shuffled)]
        return frame_of(("window", "permutation", self.measure), rows)

    def __str__(self) -> str:
        return self.verdict


def order_effect(
    model: Any, data: Any, loss: Callable[[Any, Any], Any] | None = None, *, windows: Sequence[int] | None = None,
    permutations: int = 8, targets_too: bool = False, batch_first: bool = False, measure: str | None = None, seed: int = 0,
) -> OrderEffect:  # fmt: skip
    """Measure how much the order of steps matters to a model, by shuffling them within windows of time.

    A model that does as well on shuffled steps has not used their order, and one that does worse only where windows are long
    has used the order of what lies far apart.

    Args:
        model: any torch module, in evaluation mode, or a fitted SequenceClassifier, SequenceRegressor, SequenceTagger or Seq2Seq.
        data: a pair: for a module ``(inputs, targets)``, where the first input is ``x [T, B, ...]``; for an estimator
            ``(X, y)`` as its ``evaluate`` takes them, with lists of arrays, of lists of tokens, or of texts, whose words are
            shuffled.
        loss: of a module: ``loss(model(*inputs), targets)`` gives a number.
        windows: of how many steps; by default 2, 4, 8, ... and all.
        permutations: for each window.
        targets_too: whether a module's targets ``[T, B, ...]`` go with their steps; a tagger's do.
        batch_first: whether a module's ``x``, and targets that go with it, are ``[B, T, ...]``.
        measure: of an estimator, which of those that ``evaluate`` returns; by default the first.
        seed: of what is drawn.

    Returns:
        An :class:`OrderEffect`.

    Raises:
        InputError: the data or an option do not fit.
        MissingExtraError: a module without torch.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(8, 200, 1)
    >>> found = order_effect(torch.nn.GRU(1, 4).eval(), (x, x[-1]), lambda output, last: (output[0][-1] - last).square().mean())
    >>> found.windows, found.shuffled.shape
    ((2, 4, 8), (3, 8))
    """
    whole_number("permutations", permutations, 1)
    whole_number("seed", seed)
    if not isinstance(data, tuple) or len(cast("tuple[Any, ...]", data)) != 2:
        raise InputError(
            f"data is a {type(data).__name__}, expected a pair: (inputs, targets), or (X, y) for an estimator"
        )
    inputs, targets = cast("tuple[Any, Any]", data)
    if is_estimator(model):
        if loss is not None or targets_too or batch_first:
            raise InputError("loss, targets_too and batch_first are for modules: an estimator has evaluate()")
        name, longest, run = _of_estimator(model, inputs, targets, measure)
    else:
        if measure is not None:
            raise InputError("measure is for estimators: a module has loss=")
        name, longest, run = _of_module(model, inputs, targets, loss, targets_too, batch_first)
    chosen = _windows(windows, longest)
    generator = np.random.default_rng(seed)
    real = run(lambda length: np.arange(length))
    shuffled = np.array([
        [run(lambda length, window=window: shuffled_places(length, window, generator)) for _ in range(permutations)]
        for window in chosen
    ])  # fmt: skip
    return OrderEffect(name, real, chosen, shuffled)


def shuffled_places(length: int, window: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """The places of steps after each window of so many is shuffled by itself; the windows begin anywhere.

    >>> shuffled_places(6, 1, np.random.default_rng(0)).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    first = 0 if window >= length else int(generator.integers(window))
    of_window = (np.arange(length) + (window - first)) // window
    return np.lexsort((generator.random(length), of_window))


def _windows(asked: Sequence[int] | None, longest: int) -> tuple[int, ...]:
    if asked is None:
        return (*(2**k for k in range(1, 30) if 2**k < longest), longest)
    if not isinstance(asked, list | tuple):
        raise InputError(f"windows is {asked!r:.40}, expected a list of numbers of steps")
    found = sorted({whole_number("a window", each, 2) for each in asked})
    if not found:
        raise InputError("windows is empty, expected at least one number of steps")
    return tuple(found)


Run = Callable[[Callable[[int], NDArray[np.int64]]], float]
"""Places of the steps of a sequence of a length → the measure."""


def _of_module(
    model: Any, inputs: Any, targets: Any, loss: Callable[[Any, Any], Any] | None, targets_too: bool, batch_first: bool
) -> tuple[str, int, Run]:
    require_module(model)
    import torch

    if loss is None:
        raise InputError("a module needs loss=, a function of its output and the targets")
    x, *others = arguments_of(inputs)
    axis = int(batch_first)
    if not isinstance(x, torch.Tensor) or x.dim() < 2:
        raise InputError(f"the first input is a {type(x).__name__}, expected a tensor [T, B, ...]")
    if targets_too and (not isinstance(targets, torch.Tensor) or targets.shape[:2] != x.shape[:2]):
        raise InputError(f"targets do not go with steps: expected a tensor {list(x.shape[:2])} or with more axes")
    T, B = x.shape[axis], x.shape[1 - axis]

    def run(places_of: Callable[[int], NDArray[np.int64]]) -> float:
        places = torch.from_numpy(np.stack([places_of(T) for _ in range(B)], axis=1 - axis))

        def moved(a: Any) -> Any:
            index = places.reshape(*places.shape, *[1] * (a.dim() - 2)).expand(a.shape)
            return a.gather(axis, index)

        with torch.no_grad():
            value = loss(model(moved(x), *others), moved(targets) if targets_too else targets)
        if not hasattr(value, "__float__") or getattr(value, "shape", ()) not in ((), (1,)):
            shape = f" {list(value.shape)}" if hasattr(value, "shape") else ""
            raise InputError(f"loss gave a {type(value).__name__}{shape}, expected one number")
        return float(value)

    return "loss", T, run


def _of_estimator(model: Any, X: Any, y: Any, measure: str | None) -> tuple[str, int, Run]:
    name = type(model).__name__
    if name not in KNOWN:
        raise InputError(f"order_effect is for a torch module, or a {' or '.join(KNOWN)}, not for a {name}")
    if not isinstance(X, list | tuple | np.ndarray):
        raise InputError(f"X is a {type(X).__name__}, expected a list of arrays, of lists of tokens, or of texts")
    items: list[Any] = list(cast("Sequence[Any]", X))
    tags: list[Any] = list(y) if name in ALONG else []

    def run(places_of: Callable[[int], NDArray[np.int64]]) -> float:
        places = [places_of(len(_steps(item))) for item in items]
        moved = [_moved(item, order) for item, order in zip(items, places, strict=True)]
        told = [[tags[n][k] for k in order] for n, order in enumerate(places)] if tags else y
        found = model.evaluate(moved, told)
        chosen = next(iter(found)) if measure is None else measure
        if chosen not in found:
            raise InputError(f"measure is {measure!r}, expected one of those of evaluate: {', '.join(found)}")
        return float(found[chosen])

    in_order = model.evaluate(items, y)
    return measure or next(iter(in_order)), max((len(_steps(item)) for item in items), default=0), run


def _steps(item: Any) -> Any:
    return item.split() if isinstance(item, str) else item


def _moved(item: Any, places: NDArray[np.int64]) -> Any:
    """An item with its steps at other places."""
    if isinstance(item, np.ndarray):
        return cast("NDArray[Any]", item)[places]
    if isinstance(item, str):
        words = item.split()
        return " ".join(words[k] for k in places)
    if isinstance(item, list | tuple):
        return [item[k] for k in places]
    raise InputError(f"an item is a {type(item).__name__}, expected an array, a list of tokens or a text")
