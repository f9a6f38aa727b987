"""From histories to a fitted model: how long to train is chosen on a tail kept back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.scaling import SeriesScaling
from unrolled.errors import MissingExtraError
from unrolled.runtime.es_rnn import EsRnnShape
from unrolled.tasks.evaluation import Case, Evaluation, evaluate_cases
from unrolled.tasks.forecast_model import CovariateScaling, ForecastModel, scaled_batch
from unrolled.tasks.forecast_settings import ForecastSettings
from unrolled.tasks.history import History

if TYPE_CHECKING:
    from unrolled.training.checkpoint import Checkpoint
    from unrolled.training.es_rnn import EsRnnModule
    from unrolled.training.loop import Progress

__all__ = ["Fitting", "fit_model"]

Values = NDArray[np.float64]


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
    shape: EsRnnShape,
    settings: ForecastSettings,
    checkpoint: Checkpoint,
    callback: Callable[[Progress], object] | None,
) -> Fitting:
    """Learn from every series of ``history``; each has at least ``input_window + horizon`` steps.

    Series of at least ``input_window + 2 horizon`` steps keep their last ``horizon`` steps back for validation; shorter
    ones are learned from as they are.
    """
    try:
        from unrolled.training.forecast import ForecastTraining
    except ModuleNotFoundError as error:
        raise MissingExtraError("fitting a Forecaster", error.name or "torch", "train") from None
    options = ForecastTraining(
        dropout=settings.dropout,
        oldest_weight=settings.oldest_weight,
        max_epochs=settings.max_epochs,
        patience=settings.patience,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        clip_norm=settings.clip_norm,
        seed=checkpoint.seed,
        callback=callback,
        checkpoint=checkpoint,
    )
    H = shape.horizon
    long_enough = [i for i, n in enumerate(history.lengths) if n >= shape.input_window + 2 * H]
    if not long_enough:
        model, run = _learn(history, shape, options, phase="training")
        return Fitting(model, None, run.losses, [], len(run.losses))
    earlier = history.without_last([H if i in long_enough else 0 for i in range(len(history.names))])
    known, truth = earlier.select(long_enough), np.stack([history.values[i][-H:] for i in long_enough])

    def validate(model: ForecastModel) -> float:
        scalings = [model.scalings[i] for i in long_enough]
        actual = np.stack([scaling.transform(values) for scaling, values in zip(scalings, truth, strict=True)])
        forecast = model.forecast(known, H)
        quantiles = np.stack([scaling.transform(q) for scaling, q in zip(scalings, forecast, strict=True)])
        return _pinball(actual, quantiles, np.array(shape.quantiles))

    model, run = _learn(earlier, shape, options, phase="validating", validate=validate)
    cases = [Case(*case) for case in zip(known.values, truth, model.forecast(known, H), strict=True)]
    validation = evaluate_cases(cases, shape.season, shape.quantiles)
    if settings.refit:
        model, _ = _learn(history, shape, options, phase="training", stop_after=run.best_epoch)
    return Fitting(replace(model, trained=history), validation, run.losses, run.validation_losses, run.best_epoch)


def _learn(
    history: History,
    shape: EsRnnShape,
    options: Any,
    *,
    phase: str,
    validate: Callable[[ForecastModel], float] | None = None,
    stop_after: int | None = None,
) -> tuple[ForecastModel, Any]:
    from unrolled.training.forecast import learn

    scalings = [SeriesScaling.fit(values, shape.season) for values in history.values]
    covariates = CovariateScaling.fit(history)
    z = [scaling.transform(values) for scaling, values in zip(scalings, history.values, strict=True)]

    def fitted(module: EsRnnModule) -> ForecastModel:
        return ForecastModel(shape, module.tensors(), scalings, module.parameters_of_series(), covariates, history)

    module, run = learn(
        shape,
        scaled_batch(history, z, covariates, shape.horizon),
        options,
        phase=phase,
        validate=None if validate is None else lambda module: validate(fitted(module)),
        stop_after=stop_after,
    )
    return fitted(module), run


def _pinball(actual: Values, quantiles: Values, levels: Values) -> float:
    """Mean of ``max(q (y - ŷ), (q - 1)(y - ŷ))``: ``actual [N, H]``, ``quantiles [N, H, Q]``."""
    error = actual[..., None] - quantiles
    return float(np.maximum(levels * error, (levels - 1) * error).mean())
