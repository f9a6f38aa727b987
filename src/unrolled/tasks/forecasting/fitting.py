"""From histories to a fitted model: how long to train is chosen on a tail kept back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.conformal import conformal_factors, scores_needed
from unrolled.codecs.scaling import SeriesScaling, is_constant
from unrolled.errors import InputError
from unrolled.metrics.forecasts import Case, Evaluation, evaluate_cases
from unrolled.networks.es_rnn import EsRnnConfig
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import CovariateScaling, ForecastModel, scaled_batch
from unrolled.tasks.forecasting.parameters import ForecasterParameters, ForecastTraining, forecast_training

if TYPE_CHECKING:
    from unrolled.training.engine import NetworkModule
    from unrolled.training.es_rnn import EsRnnModule
    from unrolled.training.options import TrainingOptions
    from unrolled.training.state import TrainingRun

__all__ = ["Fitting", "fit_model"]


TAIL = 10  # one step of so many is kept back, in whole horizons


@dataclass(frozen=True)
class Fitting:
    """A fitted model and how it came to be.

    ``validation`` compares forecasts of the tail, by a model that never saw it, with what came; None where the
    series are too short to keep a tail back.
    """

    model: ForecastModel
    validation: Evaluation | None
    losses: list[float]
    validation_losses: list[float]
    epochs: int


def fit_model(
    history: History,
    shape: EsRnnConfig | WindowRnnConfig,
    settings: ForecasterParameters,
    context: FitContext,
    *,
    positive: Sequence[bool] | None = None,
) -> Fitting:
    """Learn from every series of ``history``; each has at least ``input_window + horizon`` steps.

    ``positive`` says which series may be modelled on their logarithm; by default those whose values are all above zero,
    also the values that are kept back.

    Series of at least ``input_window + 2 horizon`` steps keep their last ``horizon`` steps back for validation, or with
    method ``windows`` about their last tenth; shorter ones are learned from as they are.

    Raises:
        InputError: conformal intervals were asked for, and what is kept back is too little for them.
    """
    training = forecast_training(settings, shape.method)
    options = context.options(training)
    if positive is None:
        positive = [bool(values.min() > 0) for values in history.values]
    earlier, kept = _kept_back(history, shape)
    judges = _of_change(kept)
    if settings.intervals == "conformal":
        _check_scores(judges, shape)
    if not kept:
        model, run = _learn(history, shape, training, options, positive, phase="training")
        return Fitting(model, None, run.losses, [], len(run.losses))

    def validate(model: ForecastModel) -> float:
        pairs = [_scaled(model, origin) for origin in judges]
        return float(np.mean([_pinball(*pair, np.array(shape.quantiles)) for pair in pairs]))

    model, run = _learn(earlier, shape, training, options, positive, phase="validating", validate=validate)
    cases = [case for origin in kept for case in _cases(model, origin)]
    validation = evaluate_cases(cases, shape.season, shape.quantiles)
    factors = None
    if settings.intervals == "conformal":
        actual, quantiles = zip(*(_scaled(model, origin) for origin in judges), strict=True)
        factors = conformal_factors(np.concatenate(actual), np.concatenate(quantiles), shape.quantiles)
    if settings.refit:
        model, _ = _learn(history, shape, training, options, positive, phase="training", stop_after=run.best_epoch)
    model = replace(model, trained=history, factors=factors)
    return Fitting(model, validation, run.losses, run.validation_losses, run.best_epoch)


@dataclass(frozen=True)
class _Origin:
    """Series as they were known at a time within the tail kept back, and the ``[N, H]`` values that came next."""

    known: History
    truth: Values


def _kept_back(history: History, shape: EsRnnConfig | WindowRnnConfig) -> tuple[History, list[_Origin]]:
    """The series without their tails, and the origins that forecasts of the tails start from."""
    W, H = shape.input_window, shape.horizon
    long_enough = [i for i, n in enumerate(history.lengths) if n >= W + 2 * H]
    if not long_enough:
        return history, []
    shortest = min(history.lengths[i] for i in long_enough)
    origins = 1 if isinstance(shape, EsRnnConfig) else max(1, min(shortest // (TAIL * H), (shortest - W - H) // H))
    earlier = history.without_last([origins * H if i in long_enough else 0 for i in range(len(history.names))])
    kept: list[_Origin] = []
    for before in range(origins, 0, -1):
        known = history.select(long_enough).without_last(before * H)
        ends = [n - (before - 1) * H for n in history.lengths]
        truth = np.stack([history.values[i][ends[i] - H : ends[i]] for i in long_enough])
        kept.append(_Origin(known, truth))
    return earlier, kept


def _of_change(kept: list[_Origin]) -> list[_Origin]:
    """The origins without the series that never changed before the first of them, whose forecast nothing is to be
    learned for; as they are if there are no others.
    """
    if not kept:
        return kept
    changing = [i for i, values in enumerate(kept[0].known.values) if not is_constant(values)]
    if len(changing) in (0, len(kept[0].truth)):
        return kept
    return [_Origin(origin.known.select(changing), origin.truth[changing]) for origin in kept]


def _check_scores(kept: list[_Origin], shape: EsRnnConfig | WindowRnnConfig) -> None:
    scores, needed = sum(origin.truth.size for origin in kept), scores_needed(shape.quantiles)
    if scores < needed:
        raise InputError(
            f"intervals is 'conformal', which needs at least {needed} values kept back for the quantiles"
            f" {', '.join(map(str, shape.quantiles))}, got {scores}: a series keeps its last {shape.horizon} from"
            f" {shape.input_window + 2 * shape.horizon} steps on; give more history, or quantiles nearer to one half"
        )


def _scaled(model: ForecastModel, origin: _Origin) -> tuple[Values, Values]:
    """On the scale of ``z``, what came ``[N, H]`` and the quantiles of its forecast ``[N, H, Q]``."""
    scalings, quantiles = model.scaled_forecast(origin.known, model.shape.horizon)
    actual = [scaling.transform(values) for scaling, values in zip(scalings, origin.truth, strict=True)]
    return np.stack(actual), quantiles


def _cases(model: ForecastModel, origin: _Origin) -> list[Case]:
    forecasts = model.forecast(origin.known, model.shape.horizon)
    return [Case(*case) for case in zip(origin.known.values, origin.truth, forecasts, strict=True)]


def _learn(
    history: History,
    shape: EsRnnConfig | WindowRnnConfig,
    training: ForecastTraining,
    options: TrainingOptions,
    positive: Sequence[bool],
    *,
    phase: str,
    validate: Callable[[ForecastModel], float] | None = None,
    stop_after: int | None = None,
) -> tuple[ForecastModel, TrainingRun]:
    from unrolled.training.engine import NetworkOptions
    from unrolled.training.es_rnn import EsRnnModule
    from unrolled.training.forecast import es_rnn_problem, window_rnn_problem
    from unrolled.training.loop import train

    scalings = [
        SeriesScaling.fit(values, shape.season, log=None if above else False)
        for values, above in zip(history.values, positive, strict=True)
    ]
    covariates = CovariateScaling.fit(history)
    z = [scaling.transform(values) for scaling, values in zip(scalings, history.values, strict=True)]
    batch = scaled_batch(history, z, covariates, shape.horizon)

    def fitted(module: EsRnnModule | NetworkModule) -> ForecastModel:
        smoothing = module.parameters_of_series() if isinstance(module, EsRnnModule) else None
        return ForecastModel(shape, module.tensors(), scalings, smoothing, covariates, history)

    more: dict[str, Any] = {
        "oldest_weight": training.oldest_weight,
        "phase": phase,
        "validate": None if validate is None else lambda module: validate(fitted(module)),
        "stop_after": stop_after,
    }
    network = NetworkOptions.of(training)
    if isinstance(shape, EsRnnConfig):
        module, run = train(es_rnn_problem(shape, batch, network, options, **more), options)
    else:
        module, run = train(window_rnn_problem(shape, batch, network, options, **more), options)
    return fitted(module), run


def _pinball(actual: Values, quantiles: Values, levels: Values) -> float:
    """Mean of ``max(q (y - ŷ), (q - 1)(y - ŷ))``: ``actual [N, H]``, ``quantiles [N, H, Q]``."""
    error = actual[..., None] - quantiles
    return float(np.maximum(levels * error, (levels - 1) * error).mean())
