"""Forecast series: exponential smoothing and a recurrent network, learned together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.scaling import is_constant
from unrolled.data.panel import Panel, build_frame, read_covariates, read_panel
from unrolled.data.table import FrameLike
from unrolled.errors import InputError
from unrolled.runtime.es_rnn import EsRnnShape
from unrolled.runtime.model_file import ModelFile, decode_config
from unrolled.runtime.window_rnn import WindowRnnShape
from unrolled.tasks.backtest import run_backtest
from unrolled.tasks.checks import check_count, chosen_seed
from unrolled.tasks.estimator import Estimator
from unrolled.tasks.evaluation import Backtest, Case, Evaluation, evaluate_cases
from unrolled.tasks.forecast_file import Columns, ForecastConfig, forecast_tensors, restore_model
from unrolled.tasks.forecast_fitting import fit_model
from unrolled.tasks.forecast_model import ForecastModel, called
from unrolled.tasks.forecast_settings import CELL_NAMES, ForecastSettings
from unrolled.tasks.history import History
from unrolled.tasks.known_ahead import follow_on
from unrolled.tasks.quantile_columns import quantile_columns

if TYPE_CHECKING:
    from unrolled.training.loop import Progress

__all__ = ["Forecaster"]

Values = NDArray[np.float64]

MANY_WINDOWS = 10_000  # from here on a network learns more from them than smoothing tells it
SEASONS_AT_ONCE = 14  # in a window, where series are twice as long


class Forecaster(Estimator):
    """Forecast one series or many, with intervals.

    There are two methods. With ``smoothing`` each series has its own exponential smoothing of level and season, on its
    logarithm where it varies in proportion to its level; what the smoothing leaves over a recurrent network reads and
    continues, one network for all series. Both are learned together by gradient descent, as several members side by
    side whose forecasts are averaged. It is for one series, or a few, or short ones. Equations:
    :mod:`unrolled.runtime.es_rnn`. Source: Smyl 2020, doi 10.1016/j.ijforecast.2019.03.017, the winner of the M4
    competition.

    With ``windows`` no series has anything of its own: a linear forecast and a recurrent network learn from windows of
    all of them. It is for long series and large panels, and is quick there. Equations:
    :mod:`unrolled.runtime.window_rnn`.

    Args:
        method: ``smoothing``, ``windows``, or ``auto``: the second from 10,000 windows on.
        cell: ``gru``, ``gru_reset_before``, ``lstm`` or ``rnn`` (tanh).
        hidden_size, num_layers: size and number of recurrent layers; ``hidden_size`` by default 16 with smoothing, 128
            with windows.
        input_window: how many steps the network sees; default with smoothing one season, or 8 without a season, with
            windows up to fourteen times as much, and at most half of the shortest series.
        horizon: how many steps ahead it learns to forecast; default one season, or 8 without a season.
        quantiles: bounds to forecast beside the median, each between 0 and 1.
        distribution: what the network says of each step ahead: the ``quantiles`` themselves, learned by their pinball
            loss, or ``student_t``, a location, a scale and degrees of freedom, learned by their likelihood, whose quantiles
            are then taken. Equations: :mod:`unrolled.runtime.forecast_head`.
        intervals: ``model``: quantiles as the network says them, or ``conformal``: their distances from the median
            stretched to what the steps kept back tell. Equations and what is promised: :mod:`unrolled.codecs.conformal`. The
            promise is that of a model that stays as it was, ``refit=False``; refitted on more it is usually kept.
        season_length: steps of a season; by default from the time stamps (12 for months, 24 for hours, …), 1 without.
        members: networks whose forecasts are averaged; by default 8 with smoothing, 2 with windows.
        dropout: share of hidden units left out in each training step, on the way to the output and between layers; by
            default 0.3 with smoothing, 0.2 with windows.
        oldest_weight: how much the oldest steps of a series count in training, where the newest count 1; by default 0.1
            with smoothing, 1 with windows.
        max_epochs: passes over all series (of windows, at most 20,000 of them) at most; the learning rate falls to zero
            along half a cosine over them. By default 100 with smoothing, 30 with windows.
        patience: epochs without a better validation loss after which training stops; by default 30 with smoothing, 10
            with windows.
        batch_size: series a training step, 32 by default, or windows, 256 by default.
        learning_rate: Adam's, at the start; by default 0.01 with smoothing, 0.003 with windows.
        clip_norm: gradients longer than this are shortened to it.
        refit: after the number of epochs is chosen on steps kept back, train anew for as long on everything; without it
            those steps stay unseen. Kept back are the last ``horizon`` steps, with windows about the last tenth.
        missing: blank values and missing time steps: ``raise``, ``interpolate``, ``previous`` or ``zero``.
        callback: called with an :class:`unrolled.training.loop.Progress` after every training step.
        random_state: a whole number; the same one gives the same forecaster, bit for bit, on the same build.

    Attributes:
        inferred_: one sentence for each thing the data told.
        validation_: accuracy and coverage on the steps kept back, from a model that had not seen them, its quantiles as
            the network says them; an :class:`unrolled.tasks.evaluation.Evaluation`, or None where the series are too short.
        losses_, validation_losses_: by epoch, of the training that had steps kept back.
        epochs_: the number of epochs chosen.
        feature_names_in_: names of the columns of numbers, the target first; arrays have none.
        columns_: the columns' names by role: ``target``, ``time``, ``series``, ``past``, ``future``, ``static``.
        method_, horizon_, input_window_, season_length_: as chosen.
        seed_: what ``random_state`` was, or what was drawn in its place.
        model_: the model, a :class:`unrolled.tasks.forecast_model.ForecastModel`.

    >>> sales = np.tile([10.0, 20.0, 30.0, 20.0], 8) * np.linspace(1, 2, 32)
    >>> forecaster = Forecaster(season_length=4, members=1, max_epochs=5, random_state=0).fit(sales)
    >>> forecaster.predict().shape
    (4,)
    """

    def __init__(
        self,
        *,
        method: str = "auto",
        cell: str = "gru",
        hidden_size: int | None = None,
        num_layers: int = 1,
        input_window: int | None = None,
        horizon: int | None = None,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        distribution: str = "quantiles",
        intervals: str = "model",
        season_length: int | None = None,
        members: int | None = None,
        dropout: float | None = None,
        oldest_weight: float | None = None,
        max_epochs: int | None = None,
        patience: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        clip_norm: float = 1.0,
        refit: bool = True,
        missing: str = "raise",
        callback: Callable[[Progress], object] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.method = method
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.input_window = input_window
        self.horizon = horizon
        self.quantiles = quantiles
        self.distribution = distribution
        self.intervals = intervals
        self.season_length = season_length
        self.members = members
        self.dropout = dropout
        self.oldest_weight = oldest_weight
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.clip_norm = clip_norm
        self.refit = refit
        self.missing = missing
        self.callback = callback
        self.random_state = random_state

    def fit(
        self,
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
    ) -> Forecaster:
        """Learn from data; what was learned before is replaced only when all has gone well.

        Args:
            data: a pandas, polars or pyarrow frame with one row for each time and series, an array ``[T]`` or
                ``[N, T]``, or the path of a CSV file.
            y: nothing; scikit-learn's tools pass it.
            target, time, series: columns; each is inferred where only one would do, and ``inferred_`` says so.
            past: columns of numbers known up to the present.
            future: columns of numbers known ahead, such as prices or holidays; ``predict`` asks for them.
            static: columns of numbers that do not change within a series.
            time_format: how the times are written, such as ``"%d/%m/%Y"``, in the directives of ``strftime`` and ``%q`` for a
                quarter; inferred where only one order of day and month would do.
            checkpoint: a file that keeps the training after each epoch, or every ten seconds, until :meth:`save` has written
                the model. Where it is there already, the training goes on from it to the same bits as if it had never stopped.

        Raises:
            InputError: the data or a parameter will not do, or the checkpoint is of others; the message names the culprit.
            TrainingError: the loss is not finite or exploded.
            MissingExtraError: torch is not installed.
        """
        self._refuse_y(y)
        settings = ForecastSettings.check(self.get_params())
        self._remember(data)
        panel = read_panel(
            data, target, time, series, past, future, static, missing=settings.missing, time_format=time_format
        )
        return self.fit_panel(panel, checkpoint=checkpoint)

    def predict(self, data: Any = None, *, horizon: int | None = None, future: Any = None) -> Any:
        """Forecast what follows the data of ``fit``, or a new history with the same columns, without learning again.

        Args:
            data: the history; default that of ``fit``. One that begins as it did in ``fit`` starts from the learned
                states, any other, also of a new series, from its own first seasons.
            horizon: steps ahead; default ``horizon_``. Beyond it the forecasts are fed back.
            future: a frame with the columns known ahead, one row for each step and series.

        Returns:
            A frame of the kind given to ``fit`` (or here as ``data``): time, series, the median under the target's
            name, and each quantile as ``target_q10``. For an array the median, ``[horizon]`` or ``[N, horizon]``.

        Raises:
            InputError: the history is too short, the columns known ahead are missing or do not follow on, and so on.
        """
        history, like = self._history(data)
        steps = self._steps(horizon)
        return self._as_given(history, like, self._forecast(history, steps, future))

    def predict_quantiles(self, data: Any = None, *, horizon: int | None = None, future: Any = None) -> Values:
        """As :meth:`predict`, but an array ``[N, horizon, Q]`` of ``quantiles_``: ascending, the median among them."""
        history, _ = self._history(data)
        return self._forecast(history, self._steps(horizon), future)

    def evaluate(self, data: Any) -> Evaluation:
        """Compare forecasts of the last ``horizon_`` steps of ``data``, from the steps before them, with what came.

        Meant for steps that ``fit`` has not seen; on others the result flatters.

        Raises:
            InputError: a series is shorter than ``input_window_ + horizon_``, and so on.
        """
        self._fitted()
        panel = self.read(data)
        panel.require_length(self.input_window_, self.horizon_)
        return evaluate_cases(self.cases(panel), self.season_length_, self.quantiles_)

    def score(self, data: Any, y: None = None) -> float:
        """``1 - MAE / MAE of the seasonal-naive forecast`` on the last ``horizon_`` steps: 1 is perfect; ``y`` is nothing."""
        self._refuse_y(y)
        return self.evaluate(data).skill

    def backtest(self, data: Any, *, windows: int = 4, step: int | None = None, refit: bool = False) -> Backtest:
        """Forecast from several past origins with a forecaster that never saw what came after, and compare.

        This forecaster need not be fitted, and is not changed: a new one with its parameters learns from what
        lies before the first origin, with ``refit`` anew before each. Columns are those of ``fit``, or inferred.

        Args:
            data: as in :meth:`fit`.
            windows: origins.
            step: steps from one origin to the next; default the horizon, so that windows do not overlap.
        """
        return run_backtest(self, self.read(data), windows, step, refit)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all; the data of ``fit`` are in it, ``callback`` is not.

        Raises:
            InputError: not fitted, or ``path`` is a folder, or a file that the data were read from.
            OSError: the system refused; an older file is intact.
        """
        self._write(path, "forecaster", self._fitted(), forecast_tensors(self.model_))

    @classmethod
    def from_model_file(cls, model_file: ModelFile) -> Forecaster:
        """The forecaster a model file holds; :func:`unrolled.load` reads the file first."""
        config = decode_config(model_file, ForecastConfig)
        model = restore_model(model_file, config)
        forecaster = cls(**{name: getattr(config.settings, name) for name in config.settings.__struct_fields__})
        return forecaster._adopt(config, model)

    def fit_panel(
        self,
        panel: Panel,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        positive: Sequence[bool] | None = None,
    ) -> Forecaster:
        """:meth:`fit` on data that are already read.

        ``positive`` says which series may be modelled on their logarithm; by default those whose values are all above zero.
        """
        from unrolled.training.checkpoint import resumable

        settings = ForecastSettings.check(self.get_params())
        shape, notes = network_shape(panel, settings)
        panel.require_length(shape.input_window, shape.horizon)
        _warn_of_constants(panel)
        history = History.from_panel(panel)
        with resumable(checkpoint, "forecaster", settings, history, chosen_seed(settings.random_state)) as saved:
            fitting = fit_model(history, shape, settings, saved, self.callback, positive=positive)
        times = panel.times[0]
        config = ForecastConfig(
            settings=settings,
            seed=saved.seed,
            columns=Columns(
                panel.target, panel.time, panel.series, tuple(panel.past), tuple(panel.future), tuple(panel.static)
            ),
            shape=shape,
            covariates=fitting.model.covariates,
            names=panel.names,
            rows=[len(values) for values in panel.values],
            times="none" if times is None else "datetime" if times.dtype.kind == "M" else "integer",
            frequency=panel.frequency,
            frame_like=panel.frame_like,
            inferred=[*panel.inferred, *notes, *_said_of_scalings(fitting.model, panel)],
            validation=fitting.validation,
            losses=fitting.losses,
            validation_losses=fitting.validation_losses,
            epochs=fitting.epochs,
            constant=[i for i, scaling in enumerate(fitting.model.scalings) if scaling.constant is not None],
        )
        self._adopt(config, fitting.model)
        self._checkpoint = saved.kept
        return self

    def shape_for(self, panel: Panel) -> EsRnnShape | WindowRnnShape:
        """The sizes the network would have for these data."""
        return network_shape(panel, ForecastSettings.check(self.get_params()))[0]

    def _adopt(self, config: ForecastConfig, model: ForecastModel) -> Forecaster:
        """Become a fitted forecaster."""
        self._config = config
        self.model_ = model
        self.inferred_ = config.inferred
        self.validation_ = config.validation
        self.losses_ = config.losses
        self.validation_losses_ = config.validation_losses
        self.epochs_ = config.epochs
        self.columns_ = msgspec.structs.asdict(config.columns)
        self.method_ = config.shape.method
        self.horizon_ = config.shape.horizon
        self.input_window_ = config.shape.input_window
        self.season_length_ = config.shape.season
        self.quantiles_ = config.shape.quantiles
        self.seed_ = config.seed
        return self

    def _fitted(self) -> ForecastConfig:
        if not hasattr(self, "_config"):
            raise self._unfitted("fit(data)")
        return self._config

    def _feature_names(self) -> Sequence[str]:
        config = self._fitted()
        columns = config.columns
        covariates = (*columns.past, *columns.future, *columns.static)
        return () if config.frame_like.kind == "numpy" else (columns.target, *covariates)

    def _steps(self, horizon: int | None) -> int:
        """The horizon asked for, or the one learned."""
        if horizon is None:
            return self.horizon_
        return check_count("horizon", horizon)

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
            history = follow_on(history, ahead, frequency, horizon)
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
        columns |= quantile_columns(config.columns.target, self.quantiles_, config.settings.quantiles, quantiles)
        return build_frame(columns, like)


def network_shape(panel: Panel, settings: ForecastSettings) -> tuple[EsRnnShape | WindowRnnShape, list[str]]:
    """The network's sizes for these data, and what to say about those that were not given."""
    lengths = [len(values) for values in panel.values]
    season, notes = settings.season_length, []
    if season is None:
        season = panel.frequency.season
        if max(lengths) < 2 * season:
            notes.append(f"the season of {season} steps is left out: no series is two seasons long")
            season = 1
        else:
            notes.append(
                f"the season is {season} steps" if season > 1 else "no season is assumed; season_length= sets one"
            )
    usual = season if season > 1 else 8
    horizon = settings.horizon or usual
    several = settings.input_window or usual * max(1, min(SEASONS_AT_ONCE, min(lengths) // (2 * usual)))
    count = sum(max(0, length - several - horizon + 1) for length in lengths)
    method = settings.method
    if method == "auto":
        method = "windows" if count >= MANY_WINDOWS else "smoothing"
        if method == "windows":
            notes.append(f"there are {count} windows to learn from: one network reads them without smoothing")
    window = settings.input_window or (usual if method == "smoothing" else several)
    if settings.input_window is None or settings.horizon is None:
        notes.append(f"the network reads {window} steps at once and forecasts {horizon}")
    training = settings.training(method)
    shape = (EsRnnShape if method == "smoothing" else WindowRnnShape)(
        cell=CELL_NAMES[settings.cell],
        hidden_size=training.hidden_size,
        num_layers=settings.num_layers,
        input_window=window,
        horizon=horizon,
        quantiles=settings.model_quantiles,
        season=season,
        members=training.members,
        past=len(panel.past),
        future=len(panel.future),
        static=len(panel.static),
        distribution="student_t" if settings.distribution == "student_t" else "quantiles",
    )
    return shape, notes


def _said_of_scalings(model: ForecastModel, panel: Panel) -> list[str]:
    logs, N = sum(scaling.log for scaling in model.scalings), len(panel.names)
    if not logs:
        return []
    if N == 1:
        return [f"{panel.target!r} is modelled on its logarithm: it varies in proportion to its level"]
    return [f"{logs} of {N} series are modelled on their logarithm: they vary in proportion to their level"]


def _warn_of_constants(panel: Panel) -> None:
    constant = [called(name) for name, values in zip(panel.names, panel.values, strict=True) if is_constant(values)]
    if constant:
        more = f" and {len(constant) - 3} more" if len(constant) > 3 else ""
        message = f"{', '.join(constant[:3])}{more}: every value is the same, so the forecast will be that value"
        warnings.warn(message, UserWarning, stacklevel=4)
