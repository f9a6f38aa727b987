"""From histories to a fitted model: how long to train is chosen on a tail kept back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    seed: int,
    callback: Callable[[Progress], object] | None,
) -> Fitting:
    """Learn from every series of ``history``; each has at least ``input_window + horizon`` steps.

    Series of at least ``input_window + 2 horizon`` steps keep their last ``horizon`` steps back for validation.
    """
    try:
        from unrolled.training.forecast import TrainingOptions
    except ModuleNotFoundError as error:
        raise MissingExtraError("fitting a Forecaster", error.name or "torch", "train") from None
    options = TrainingOptions(
        dropout=settings.dropout,
        oldest_weight=settings.oldest_weight,
        max_epochs=settings.max_epochs,
        patience=settings.patience,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        clip_norm=settings.clip_norm,
        seed=seed,
        callback=callback,
    )
    long_enough = [i for i, n in enumerate(history.lengths) if n >= shape.input_window + 2 * shape.horizon]
    if not long_enough:
        model, run = _learn(history, shape, options, phase="training", stop_after=None)
        return Fitting(model, None, run.losses, [], len(run.losses))
    held_out = history.select(long_enough)
    earlier = held_out.without_last(shape.horizon)
    truth = np.stack([values[-shape.horizon :] for values in held_out.values])

    def validate(model: ForecastModel) -> float:
        scaled = [scaling.transform(values) for scaling, values in zip(model.scalings, truth, strict=True)]
        predicted = model.forecast(earlier, shape.horizon)
        z = np.stack([s.transform(q) for s, q in zip(model.scalings, predicted, strict=True)])
        return _pinball(np.stack(scaled), z, np.array(shape.quantiles))

    model, run = _learn(earlier, shape, options, phase="validating", validate=validate)
    forecasts = model.forecast(earlier, shape.horizon)
    cases = [Case(*case) for case in zip(earlier.values, truth, forecasts, strict=True)]
    validation = evaluate_cases(cases, shape.season, shape.quantiles)
    if settings.refit:
        model, _ = _learn(history, shape, options, phase="training", stop_after=run.best_epoch)
    return Fitting(model, validation, run.losses, run.validation_losses, run.best_epoch)


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
