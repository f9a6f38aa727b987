"""From histories to a fitted model: everything is judged on steps that were kept back, and then learned again from all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.scaling import SeriesScaling, is_constant, log_scales, scaled
from unrolled.metrics.forecasts import Evaluation
from unrolled.networks.es_rnn import EsRnnConfig
from unrolled.networks.window_rnn import WindowRnn, WindowRnnConfig
from unrolled.statistical.methods import StatisticalMethods
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.judgement import Judgement
from unrolled.tasks.forecasting.model import ForecastModel
from unrolled.tasks.forecasting.network_part import CovariateScaling, NetworkPart, scaled_batch
from unrolled.tasks.forecasting.origins import held_out, origins_of, roll
from unrolled.tasks.forecasting.parameters import (
    ForecasterParameters,
    ForecastTraining,
    forecast_training,
    network_says_spread,
)

if TYPE_CHECKING:
    from unrolled.training.engine import NetworkModule
    from unrolled.training.es_rnn import EsRnnModule
    from unrolled.training.options import TrainingOptions
    from unrolled.training.state import TrainingRun
    from unrolled.training.taught import Taught

__all__ = ["Fitting", "fit_model", "taught_by"]

TAIL = 6  # one step of so many is kept back from a network that reads windows, in whole horizons
LOOKED_AT = 500  # windows, evenly over all, that are enough to see what a network does
JUDGES = 4  # origins by which the number of epochs is chosen


@dataclass(frozen=True)
class Fitting:
    """A fitted model and how it came to be.

    ``validation`` compares forecasts from the rolling origins, by a model that never saw what followed, with what came; None
    where the series are too short to keep steps back.
    """

    model: ForecastModel
    validation: Evaluation | None
    losses: list[float]
    validation_losses: list[float]
    epochs: int


@dataclass(frozen=True)
class _Task:
    """What the network's two trainings have in common."""

    history: History
    shape: EsRnnConfig | WindowRnnConfig
    training: ForecastTraining
    options: TrainingOptions


def fit_model(
    history: History,
    shape: EsRnnConfig | WindowRnnConfig,
    settings: ForecasterParameters,
    context: FitContext,
    *,
    positive: Sequence[bool] | None = None,
) -> Fitting:
    """Learn from every series of ``history``, of one step at least.

    Each series keeps its last steps back. Methods and network that have seen nothing of them forecast them from rolling
    origins, and the errors say how many epochs the network is trained for, how much each part of the combination counts, and
    how far true values lie from it. Then everything is learned again from all steps, with ``refit``. Series
    of fewer than ``input_window + horizon`` steps that are not kept back have no network.

    ``positive`` says which series may be modelled on their logarithm; by default those whose values are all above zero.
    """
    training = forecast_training(settings, shape.method)
    task = _Task(history, shape, training, context.options(training))
    kept, before = _kept_back(history, shape)
    before_that, scalings = _scalings(history, kept, shape.season, positive)
    z = scaled(before_that, history.values)
    methods = StatisticalMethods.fit(_without_last(z, kept), shape.season, log_scales(before_that))
    network, run = _judged_network(task, z, methods, kept, before)
    judged = Judgement(
        history,
        before_that,
        shape,
        roll(history, z, kept, before, methods, network, shape.horizon, shape.quantiles),
        np.array(kept) / shape.horizon,
        by_network=network is not None and network_says_spread(settings, shape.method),
        conformal=settings.intervals == "conformal",
    )
    z = scaled(scalings, history.values)
    methods = StatisticalMethods.fit(z, shape.season, log_scales(scalings))
    if network is not None and run is not None and settings.refit:
        network, _ = _learn(task, history, z, methods, phase="training", stop_after=run.best_epoch)
    scales = [old.scale / new.scale for old, new in zip(before_that, scalings, strict=True)]
    model = ForecastModel(
        quantiles=shape.quantiles,
        horizon=shape.horizon,
        scalings=scalings,
        methods=methods,
        network=network,
        weights=judged.weights,
        spread=judged.spread().times(np.array(scales)),
        network_spread=judged.by_network,
        factors=judged.factors(),
        trained=history,
    )
    losses, validation_losses, epochs = (
        ([], [], 0) if run is None else (run.losses, run.validation_losses, run.best_epoch)
    )
    return Fitting(model, judged.evaluation(), losses, validation_losses, epochs)


def _kept_back(history: History, shape: EsRnnConfig | WindowRnnConfig) -> tuple[list[int], NDArray[np.int64]]:
    """How many steps each series keeps back, and how many steps before the ends the origins lie.

    One that never changed before keeps nothing back, if others do: its forecast says nothing of what may come.
    """
    W, H = shape.input_window, shape.horizon
    long_enough = [n for n in history.lengths if n >= W + 2 * H]
    whole_horizons = isinstance(shape, WindowRnnConfig) and bool(long_enough)
    if whole_horizons:
        shortest = min(long_enough)
        origins = max(1, min(shortest // (TAIL * H), (shortest - W - H) // H))
        kept = [origins * H if n >= W + 2 * H else 0 for n in history.lengths]
    else:
        kept = held_out(history.lengths, shape.season, H, W + H)
    pairs = zip(history.values, kept, strict=True)
    changing = [steps > 0 and not is_constant(values[: len(values) - steps]) for values, steps in pairs]
    if any(changing):
        kept = [steps if changes else 0 for steps, changes in zip(kept, changing, strict=True)]
    return kept, H * np.arange(max(kept) // H, 0, -1) if whole_horizons else origins_of(kept)


def _scalings(
    history: History, kept: Sequence[int], season: int, positive: Sequence[bool] | None
) -> tuple[list[SeriesScaling], list[SeriesScaling]]:
    """The scale of each series as it was before what is kept back, and that of all of it; with the logarithm in both or neither.

    A series that had never changed before takes that of all of it.
    """
    above = [bool(values.min() > 0) for values in history.values] if positive is None else positive
    earlier: list[SeriesScaling] = []
    scalings: list[SeriesScaling] = []
    for values, steps, may in zip(history.values, kept, above, strict=True):
        before = SeriesScaling.fit(values[: len(values) - steps], season, log=None if may else False)
        log = before.log if before.constant is None else (None if may else False)
        scalings.append(SeriesScaling.fit(values, season, log=log))
        earlier.append(before if before.constant is None else scalings[-1])
    return earlier, scalings


def _without_last(z: list[Values], kept: Sequence[int]) -> list[Values]:
    return [series[: len(series) - steps] for series, steps in zip(z, kept, strict=True)]


def _judged_network(
    task: _Task, z: list[Values], methods: StatisticalMethods, kept: Sequence[int], before: NDArray[np.int64]
) -> tuple[NetworkPart | None, TrainingRun | None]:
    """A network that has seen nothing of what is kept back, None where that leaves no series long enough."""
    shape, earlier = task.shape, task.history.without_last(kept)
    learned_from = _without_last(z, kept)
    judges = _judges(shape, z, kept, before)
    if not any(len(series) >= shape.input_window + shape.horizon for series in learned_from):
        return None, None

    def validate(network: NetworkPart) -> float:
        losses: list[float] = []
        for steps, rows in judges:
            known = task.history.select(rows).without_last(steps)
            ends = [z[n][: len(z[n]) - steps] for n in rows]
            quantiles = network.forecast(known, ends, [(n, True) for n in rows], shape.horizon)
            actual = np.stack([z[n][len(end) :][: shape.horizon] for n, end in zip(rows, ends, strict=True)])
            losses.append(_pinball(actual, quantiles, np.array(shape.quantiles)))
        return float(np.mean(losses))

    phase = "validating" if judges else "training on all but the last steps"
    return _learn(task, earlier, learned_from, methods, phase=phase, validate=validate if judges else None)


def _judges(
    shape: EsRnnConfig | WindowRnnConfig, z: list[Values], kept: Sequence[int], before: NDArray[np.int64]
) -> list[tuple[int, list[int]]]:
    """Origins that the number of epochs is chosen by: how many steps before the end, and the series that last a horizon."""
    W, H, judges = shape.input_window, shape.horizon, list[tuple[int, list[int]]]()
    whole = before[before >= H]
    for steps in whole[:: max(1, len(whole) // JUDGES)].tolist():
        rows = [n for n, series in enumerate(z) if kept[n] >= steps and len(series) - kept[n] >= W + H]
        if rows:
            judges.append((steps, rows))
    return judges


def _learn(
    task: _Task,
    history: History,
    z: list[Values],
    methods: StatisticalMethods,
    *,
    phase: str,
    validate: Callable[[NetworkPart], float] | None = None,
    stop_after: int | None = None,
) -> tuple[NetworkPart, TrainingRun]:
    """A network trained on those of the series that are long enough."""
    from unrolled.training.engine import NetworkOptions
    from unrolled.training.es_rnn import EsRnnModule
    from unrolled.training.forecast import es_rnn_problem, window_rnn_problem
    from unrolled.training.loop import train

    shape, training, options = task.shape, task.training, task.options
    learned = [n for n, series in enumerate(z) if len(series) >= shape.input_window + shape.horizon]
    history = history.select(learned)
    covariates = CovariateScaling.fit(history)
    batch = scaled_batch(history, [z[n] for n in learned], covariates, shape.horizon)

    def part(module: EsRnnModule | NetworkModule) -> NetworkPart:
        smoothing = module.parameters_of_series() if isinstance(module, EsRnnModule) else None
        return NetworkPart(shape, module.tensors(), learned, smoothing, covariates)

    more: dict[str, Any] = {
        "oldest_weight": training.oldest_weight,
        "phase": phase,
        "validate": None if validate is None else lambda module: validate(part(module)),
        "stop_after": stop_after,
    }
    network = NetworkOptions.of(training)
    if isinstance(shape, EsRnnConfig):
        speeds = methods.select(learned).speeds()
        module, run = train(es_rnn_problem(shape, batch, network, options, speeds=speeds, **more), options)
    else:
        module, run = train(window_rnn_problem(shape, batch, network, options, **more), options)
    return part(module), run


def taught_by(model: ForecastModel, history: History, settings: ForecasterParameters) -> Taught:
    """The networks of the model as the module that they were when their fit ended, and their loss over all series.

    Raises:
        InputError: there is no network, or no series is long enough.
    """
    from unrolled.training.engine import NetworkModule, NetworkOptions
    from unrolled.training.es_rnn import EsRnnModule, es_rnn_loss
    from unrolled.training.series_windows import SeriesWindows
    from unrolled.training.taught import Taught, taught
    from unrolled.training.window_rnn import window_rnn_loss

    batch, smoothing = model.learned_by_network(history)
    assert model.network is not None
    shape, tensors = model.network.shape, model.network.tensors
    training = forecast_training(settings, shape.method)
    options, oldest = NetworkOptions.of(training), training.oldest_weight
    if isinstance(shape, EsRnnConfig):
        assert smoothing is not None
        module = EsRnnModule.taught(shape, batch, options, tensors, smoothing, oldest_weight=oldest)
        series = np.arange(len(batch.lengths))
        return Taught(module, lambda: es_rnn_loss(shape, module(batch, series)))
    windows = SeriesWindows(batch, shape, oldest)
    count = len(windows)
    drawn = windows.draw(np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(np.int64))
    return taught(
        lambda _: NetworkModule(WindowRnn, shape, options),
        tensors,
        lambda module: window_rnn_loss(shape, module, drawn),
    )


def _pinball(actual: Values, quantiles: Values, levels: Values) -> float:
    """Mean of ``max(q (y - ŷ), (q - 1)(y - ŷ))``: ``actual [N, H]``, ``quantiles [N, H, Q]``."""
    error = actual[..., None] - quantiles
    return float(np.maximum(levels * error, (levels - 1) * error).mean())
