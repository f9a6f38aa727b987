"""Forecast series: exponential smoothing and a recurrent network, learned together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import ArrayLike, PathLike, Values
from unrolled.charts.chart import Chart
from unrolled.charts.figures import Interval, forecast_figure
from unrolled.data.panel import Panel, build_frame, is_array, read_covariates, read_panel
from unrolled.data.table import FrameLike, listed
from unrolled.errors import InputError
from unrolled.metrics.forecasts import Backtest, Case, Evaluation, evaluate_cases
from unrolled.networks.es_rnn import EsRnnConfig
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.runtime.engine import Storage
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.checks import check_count
from unrolled.tasks.estimator import Estimator, FitContext
from unrolled.tasks.forecasting.backtest import run_backtest
from unrolled.tasks.forecasting.file import Columns, ForecastConfig, check_config, forecast_tensors, restore_model
from unrolled.tasks.forecasting.fitting import Fitting, fit_model, taught_by
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.known_ahead import extend_future
from unrolled.tasks.forecasting.model import PARTS, ForecastModel, called
from unrolled.tasks.forecasting.networks import network_shape
from unrolled.tasks.forecasting.parameters import ForecasterParameters
from unrolled.tasks.forecasting.quantile_columns import quantile_columns
from unrolled.tasks.value_warnings import warn_of_values
from unrolled.tasks.weights_loss import Told

if TYPE_CHECKING:
    import polars

    from unrolled.training.taught import Taught
else:
    Taught = Any

__all__ = ["Forecaster"]

Frame = TypeVar("Frame")
Self = TypeVar("Self", bound="Forecaster")

MOST_STEPS = 2000  # ahead, unless as many were learned at once


@dataclass(frozen=True)
class TrainingSeries:
    """Series that are learned from, and the network for them."""

    panel: Panel
    history: History
    shape: EsRnnConfig | WindowRnnConfig
    notes: list[str]
    """One sentence for each of its sizes that was inferred."""
    positive: Sequence[bool] | None
    """Which series may be modelled on their logarithm; None where the values decide."""


class Forecaster(Estimator, ForecasterParameters):
    """Forecast one series or many, with prediction intervals.

    There are two methods. With ``smoothing``, each series has its own exponential smoothing of level and season, on a
    logarithmic scale if it varies in proportion to its level; one recurrent network for all series reads and continues
    the remainder. Both are trained jointly by gradient descent, as an ensemble whose forecasts are averaged. It is
    meant for one series, for a few, or for short ones. Equations:
    :mod:`unrolled.networks.es_rnn`. Source: Smyl 2020, doi 10.1016/j.ijforecast.2019.03.017, the winner of the M4
    competition.

    With ``windows``, there are no parameters for single series: a linear forecast and a recurrent network are trained
    on windows of all series. It is meant for long series and large panels, and is fast there. Equations:
    :mod:`unrolled.networks.window_rnn`.

    Attributes:
        inferred_: one sentence for each thing that was inferred from the data.
        validation_: accuracy and coverage on the held-out steps of a model that had not seen them, with the network's
            own quantiles; an :class:`unrolled.metrics.forecasts.Evaluation`, or None if the series are too short.
        parts_: how much each part of the combination counts, by name, the largest first; of several series the mean.
        losses_, validation_losses_: losses by epoch, of the training with held-out steps.
        epochs_: the chosen number of epochs.
        columns_: the names of the columns by role: ``target``, ``time``, ``series``, ``past``, ``future``, ``static``.
        method_, horizon_, input_window_, season_length_: the values in use.
        seed_: the value of ``random_state``, or the seed drawn instead.
        model_: the model, a :class:`unrolled.tasks.forecasting.model.ForecastModel`.

    >>> sales = np.tile([10.0, 20.0, 30.0, 20.0], 8) * np.linspace(1, 2, 32)
    >>> forecaster = Forecaster(season_length=4, members=1, max_epochs=5, random_state=0).fit(sales)
    >>> forecaster.predict().shape
    (4,)
    """

    _parameters = ForecasterParameters
    _config_type = ForecastConfig

    def fit(
        self: Self,
        data: Any,
        y: None = None,
        *,
        target: str | None = None,
        time: str | None = None,
        series: str | None = None,
        past: Sequence[str] = (),
        future: Sequence[str] = (),
        static: Sequence[str] = (),
        time_format: str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train on data. A previous model is replaced only after the training has succeeded.

        Args:
            data: a pandas, polars or pyarrow frame with one row for each time and series, an array ``[T]`` or
                ``[N, T]``, or the path of a CSV file.
            y: nothing; scikit-learn's tools pass it.
            target, time, series: names of the columns; each is inferred if there is only one candidate, and
                ``inferred_`` says so.
            past: numeric columns known up to the present.
            future: numeric columns known in advance, such as prices or holidays; ``predict`` needs their future values.
            static: numeric columns that are constant within a series.
            time_format: the format of the times, such as ``"%d/%m/%Y"``, in the directives of ``strftime`` and ``%q``
                for a quarter; inferred unless the order of day and month is ambiguous.
            checkpoint: a file in which the training is saved after each epoch, at most every ten seconds, until
                :meth:`save` has written the model. If it already exists, the training resumes from it, and the result
                has the same bits as if it had never stopped.

        Raises:
            InputError: the data or a parameter is invalid, or the checkpoint belongs to others; the message names the
                culprit.
            TrainingError: the loss is not finite or has exploded.
            MissingExtraError: torch is not installed.
        """
        self._refuse_y(y)
        settings = self._checked()
        self._remember(data)
        panel = read_panel(
            data, target, time, series, past, future, static,
            missing=settings.missing, minimum_rows=2 if is_array(data) else 1, time_format=time_format,
        )  # fmt: skip
        return self.fit_panel(panel, checkpoint=checkpoint)

    @overload
    def predict(self, data: None = None, *, horizon: int | None = None, future: Any = None) -> Any: ...
    @overload
    def predict(self, data: ArrayLike, *, horizon: int | None = None, future: Any = None) -> Values: ...
    @overload
    def predict(self, data: PathLike, *, horizon: int | None = None, future: Any = None) -> polars.DataFrame: ...
    @overload
    def predict(self, data: Frame, *, horizon: int | None = None, future: Any = None) -> Frame: ...
    def predict(self, data: Any = None, *, horizon: int | None = None, future: Any = None) -> Any:
        """Forecast the steps after the data of ``fit``, or after a new history with the same columns, without training
        again.

        Args:
            data: the history; by default that of ``fit``. A history that begins as in ``fit`` starts from the learned
                states; any other one, also of a new series, starts from its own first seasons.
            horizon: number of steps; by default ``horizon_``. Beyond it, forecasts are fed back as inputs, for 2,000 steps or a
                hundred times ``horizon_`` at most.
            future: a frame with the columns known in advance, one row for each step and series.

        Returns:
            A frame of the kind given to ``fit`` (or here as ``data``): time, series, the median under the target's
            name, and each quantile as ``target_q10``. For an array the median, ``[horizon]`` or ``[N, horizon]``.

        Raises:
            InputError: the history is too short, the columns known in advance are missing or do not continue the
                history, and so on.
        """
        history, like = self._history(data)
        steps = self._steps(horizon)
        return self._as_given(history, like, self._forecast(history, steps, future))

    def predict_quantiles(self, data: Any = None, *, horizon: int | None = None, future: Any = None) -> Values:
        """Like :meth:`predict`, but an array ``[N, horizon, Q]`` of ``quantiles_``, ascending and including the
        median."""
        history, _ = self._history(data)
        return self._forecast(history, self._steps(horizon), future)

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        return Told("forecast quantiles", self.predict_quantiles(X, future=y))

    def _stored(self) -> Storage | None:
        network = self.model_.network
        return None if network is None else network.weights

    def _stored_as(self, weights: Storage | None) -> ForecastModel:
        network = self.model_.network
        if network is None:
            raise InputError(
                "this forecaster has no network, whose weights could be stored otherwise: its series are too short"
            )
        return replace(self.model_, network=replace(network, weights=weights))

    def plot(
        self,
        data: Any = None,
        *,
        horizon: int | None = None,
        future: Any = None,
        series: str | None = None,
        steps: int | None = None,
    ) -> Chart:
        """Draw a forecast behind the series it continues; a notebook shows the chart, ``save`` keeps it as SVG.

        Args:
            data, horizon, future: as in :meth:`predict`.
            series: the name of the series to draw; default the first.
            steps: how much of its past is drawn; default five times the horizon.

        Raises:
            InputError: there is no such series, or what :meth:`predict` refuses.
        """
        history, _ = self._history(data)
        ahead, config = self._steps(horizon), self._fitted()
        if series is not None and series not in history.names:
            raise InputError(f"series is {series!r}, expected one of {listed(history.names)}")
        n = history.names.index(history.names[0] if series is None else series)
        past = 5 * ahead if steps is None else check_count("steps", steps)
        quantiles, values, times = self._forecast(history, ahead, future)[n], history.values[n], history.times[n]
        if times is None:
            stamps = np.arange(len(values) + ahead)
        else:
            stamps = np.concatenate([times, config.frequency.after(times[-1], ahead)])
        interval = Interval(quantiles[:, 0], quantiles[:, self.quantiles_.index(0.5)], quantiles[:, -1])
        name = f" of {history.names[n]}" if history.names[n] else ""
        label = f"{config.columns.target or 'the series'}{name} and the forecast of {ahead} steps"
        return Chart(forecast_figure(values[-past:], interval, None, stamps[-past - ahead :], label))

    def evaluate(self, data: Any) -> Evaluation:
        """Forecast the last ``horizon_`` steps of ``data`` from the steps before them, and compare with the true
        values.

        Use steps that ``fit`` has not seen; otherwise the result is too optimistic.

        Raises:
            InputError: a series is not longer than ``horizon_``, and so on.
        """
        self._fitted()
        panel = self.read(data)
        panel.require_length(self.horizon_)
        return evaluate_cases(self.cases(panel), self.season_length_, self.quantiles_)

    def score(self, data: Any, y: None = None) -> float:
        """``1 - MAE / MAE of the seasonal-naive forecast`` on the last ``horizon_`` steps: 1 is perfect; ``y`` is nothing."""
        self._refuse_y(y)
        return self.evaluate(data).skill

    def backtest(self, data: Any, *, windows: int = 4, step: int | None = None, refit: bool = False) -> Backtest:
        """Forecast from several past origins, with a forecaster that has not seen anything later, and compare.

        This forecaster need not be fitted and is not changed: a new one with the same parameters is trained on the data
        before the first origin, and with ``refit`` again before each origin. Columns are those of ``fit``, or inferred;
        season, window and horizon are those that ``fit`` would choose for all of ``data``.

        Args:
            data: as in :meth:`fit`.
            windows: number of origins.
            step: steps from one origin to the next; by default the horizon, so that windows do not overlap.
        """
        return run_backtest(self, self.read(data), windows, step, refit)

    def fit_panel(
        self: Self,
        panel: Panel,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        positive: Sequence[bool] | None = None,
    ) -> Self:
        """:meth:`fit` on data that are already read.

        ``positive`` says which series may be modelled on their logarithm; by default those whose values are all above zero.
        """
        settings = self._checked()
        longest = max(map(len, panel.values))
        if longest < 2:
            raise InputError(f"{called(panel.names[0])} has 1 row, need at least 2; give more history")
        shape, notes = network_shape(panel, settings)
        if shape.horizon > max(MOST_STEPS, longest):
            raise InputError(
                f"horizon is {shape.horizon:,}, at most {max(MOST_STEPS, longest):,} where the longest series has {longest} rows;"
                " give more history, or forecast fewer steps"
            )
        named = zip(map(called, panel.names), panel.values, strict=True)
        warn_of_values(named, "the forecast will be that value", stacklevel=3)
        history = History.from_panel(panel)
        self._log([*panel.inferred, *notes])
        return self._train(TrainingSeries(panel, history, shape, notes, positive), history, settings, checkpoint)

    def _networks_apart(self) -> int:
        return 1  # they learn together

    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        self._refuse_y(y)
        return taught_by(self.model_, History.from_panel(self.read(X)), self._settings)

    def _learn(
        self, data: TrainingSeries, settings: ForecasterParameters, context: FitContext
    ) -> tuple[ForecastConfig, ForecastModel]:
        panel, times = data.panel, data.panel.times[0]
        fitting = fit_model(data.history, data.shape, settings, context, positive=data.positive)
        network = fitting.model.network
        config = ForecastConfig(
            settings=context.settings,
            seed=context.seed,
            columns=Columns(
                panel.target, panel.time, panel.series, tuple(panel.past), tuple(panel.future), tuple(panel.static)
            ),
            shape=data.shape,
            learned=[] if network is None else network.learned,
            covariates=None if network is None else network.covariates,
            lags=fitting.model.methods.coefficients.shape[1] - 1,
            factors=fitting.model.factors is not None,
            names=panel.names,
            rows=[len(values) for values in panel.values],
            times="none" if times is None else "datetime" if times.dtype.kind == "M" else "integer",
            frequency=panel.frequency,
            frame_like=panel.frame_like,
            inferred=[
                *panel.inferred,
                *data.notes,
                *_scaling_notes(fitting.model, panel),
                *_combination_notes(fitting, panel, data.shape),
            ],
            validation=fitting.validation,
            losses=fitting.losses,
            validation_losses=fitting.validation_losses,
            epochs=fitting.epochs,
            constant=[i for i, scaling in enumerate(fitting.model.scalings) if scaling.constant is not None],
        )
        return config, fitting.model

    @classmethod
    def _restore(cls, model_file: ModelFile, config: ForecastConfig, settings: ForecasterParameters) -> ForecastModel:
        check_config(config, settings)
        return restore_model(model_file, config, settings)

    def _tensors(self) -> dict[str, NDArray[Any]]:
        return forecast_tensors(self.model_)

    def shape_for(self, panel: Panel) -> EsRnnConfig | WindowRnnConfig:
        """The sizes the network would have for these data."""
        return network_shape(panel, self._checked())[0]

    def _adopt(self: Self, settings: ForecasterParameters, config: ForecastConfig, model: ForecastModel) -> Self:
        self.validation_ = config.validation
        self.validation_losses_ = config.validation_losses
        self.epochs_ = config.epochs
        self.columns_ = msgspec.structs.asdict(config.columns)
        self.method_ = config.shape.method
        self.horizon_ = config.shape.horizon
        self.input_window_ = config.shape.input_window
        self.season_length_ = config.shape.season
        self.quantiles_ = config.shape.quantiles
        self.parts_ = _shares(model)
        return super()._adopt(settings, config, model)

    def _learned(self) -> str:
        names = self._fitted().names
        series = f"{len(names)} series" if len(names) > 1 else "1 series"
        return f"{series}, {self.horizon_} steps ahead, by the method {self.method_!r}"

    def _feature_names(self) -> Sequence[str]:
        config = self._fitted()
        columns = config.columns
        covariates = (*columns.past, *columns.future, *columns.static)
        return () if config.frame_like.kind == "numpy" else (columns.target, *covariates)

    def _steps(self, horizon: int | None) -> int:
        """The horizon asked for, or the one learned."""
        if horizon is None:
            return self.horizon_
        check_count("horizon", horizon)
        most = max(MOST_STEPS, 100 * self.horizon_)
        if horizon > most:
            raise InputError(
                f"horizon is {horizon:,}, at most {most:,}: the forecaster learned {self.horizon_} steps, and beyond them feeds"
                " its forecasts back; fit with a longer horizon, or join rows to longer steps"
            )
        return horizon

    def _history(self, data: Any) -> tuple[History, FrameLike]:
        """The series to forecast, and the kind of frame to answer in."""
        config = self._fitted()
        if data is None:
            return self.model_.trained, config.frame_like
        panel = self.read(data)
        return History.from_panel(panel), panel.frame_like

    def read(self, data: Any) -> Panel:
        """The data as :meth:`predict` and :meth:`evaluate` take them, too: read once, with the columns that ``fit`` had.

        Raises:
            InputError: the data will not do.
        """
        if isinstance(data, Panel):
            return data
        self._remember(data)
        config = getattr(self, "_config", None)
        if config is None:
            return read_panel(data, missing=self.missing)
        columns, missing = config.columns, self.missing
        if isinstance(data, np.ndarray | list | tuple) or config.frame_like.kind == "numpy":
            covariates = [*columns.past, *columns.future, *columns.static]
            if covariates:
                raise InputError(f"an array has no covariates, but the forecaster learned from {', '.join(covariates)}")
            return read_panel(data, missing=missing)
        return read_panel(
            data, columns.target, columns.time, columns.series, columns.past, columns.future, columns.static,
            missing=missing, frequency=config.frequency if columns.time is not None else None,
            time_style=config.frame_like.time_style,
        )  # fmt: skip

    def _forecast(self, history: History, horizon: int, future: Any) -> Values:
        columns, frequency = self._fitted().columns, self._fitted().frequency
        style = self._fitted().frame_like.time_style
        for last in {times[-1] for times in history.times if times is not None}:
            frequency.after(last, horizon)  # raises, before the work, where dates end
        if columns.future and future is None:
            raise InputError(
                f"the forecaster learned from {', '.join(map(repr, columns.future))}, known ahead: give"
                f" future=, a frame with {horizon} rows of them for each series"
            )
        if future is not None and not columns.future:
            raise InputError("future= was given, but fit had no columns known ahead (its future=)")
        if columns.future:
            self._remember(future)
            ahead = read_covariates(
                future, columns.future, time=columns.time, series=columns.series, missing=self.missing,
                frequency=frequency if columns.time is not None else None, time_style=style,
            )  # fmt: skip
            history = extend_future(history, ahead, frequency, horizon)
        return self.model_.forecast(history, horizon)

    def cases(self, panel: Panel) -> list[Case]:
        """Forecasts of each series' last ``horizon_`` steps from those before, beside what came."""
        history = History.from_panel(panel)
        earlier = history.without_last(self.horizon_)
        forecasts = self.model_.forecast(earlier, self.horizon_)
        actual = [values[-self.horizon_ :] for values in history.values]
        return [Case(*case) for case in zip(earlier.values, actual, forecasts, strict=True)]

    def _as_given(self, history: History, like: FrameLike, quantiles: Values) -> Any:
        """Forecasts ``[N, H, Q]`` as an array of medians, or as a frame of the user's kind and names."""
        config = self._fitted()
        median = quantiles[..., self.quantiles_.index(0.5)]
        if like.kind == "numpy":
            return median[0] if history.names == [""] else median
        horizon = median.shape[1]
        columns: dict[str, Any] = {}
        if like.time is not None:
            ahead = [config.frequency.after(times[-1], horizon) for times in history.times if times is not None]
            columns[like.time] = np.concatenate(ahead)
        if like.series is not None:
            columns[like.series] = [name for name in history.names for _ in range(horizon)]
        columns |= quantile_columns(config.columns.target, self.quantiles_, tuple(self._settings.quantiles), quantiles)
        return build_frame(columns, like)


def _scaling_notes(model: ForecastModel, panel: Panel) -> list[str]:
    logs, N = sum(scaling.log for scaling in model.scalings), len(panel.names)
    if not logs:
        return []
    if N == 1:
        return [f"{panel.target!r} is modelled on its logarithm: it varies in proportion to its level"]
    return [f"{logs} of {N} series are modelled on their logarithm: they vary in proportion to their level"]


def _combination_notes(fitting: Fitting, panel: Panel, shape: EsRnnConfig | WindowRnnConfig) -> list[str]:
    """What the forecast is made of, and by what that was judged."""
    shares = [f"{share:.0%} {name}" for name, share in _shares(fitting.model).items() if share >= 0.005]
    notes = [f"the forecast is {', '.join(shares)}"]
    validation = fitting.validation
    if validation is None:
        notes[0] += ", in equal parts: there are too few steps to try them on"
    else:
        made = f"{validation.cases} forecast{'s' * (validation.cases != 1)}"
        notes[0] += f", by their errors in {made} of steps that were kept back"
    network = fitting.model.network
    alone = [n for n in range(len(panel.names)) if network is None or n not in network.learned]
    if alone:
        named = ", ".join(f"{called(panel.names[n])} ({len(panel.values[n])} rows)" for n in alone[:3])
        more = f" and {len(alone) - 3} more" if len(alone) > 3 else ""
        notes.append(
            f"there is no network for {named}{more}: it needs input window {shape.input_window} + horizon {shape.horizon} ="
            f" {shape.input_window + shape.horizon} rows, and some to be judged by"
        )
    return notes


def _shares(model: ForecastModel) -> dict[str, float]:
    """How much each part counts on average over the series, the largest first."""
    shares = dict(zip(PARTS, model.weights.mean(axis=1).tolist(), strict=True))
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
