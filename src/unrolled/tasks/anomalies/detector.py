"""Anomaly detection: scores, threshold, alarms, episodes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import ArrayLike, PathLike, Values
from unrolled.charts.chart import Chart
from unrolled.charts.figures import series_figure
from unrolled.codecs.episodes import episodes, peaks
from unrolled.data.channels import Channels, read_channels
from unrolled.data.frames import build_frame
from unrolled.data.panel import is_array
from unrolled.errors import InputError
from unrolled.metrics.alarms import AlarmEvaluation, compare_alarms
from unrolled.parameters.declaration import check_range
from unrolled.parameters.ranges import Range
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.anomalies.file import AnomalyConfig, check_config, restore
from unrolled.tasks.anomalies.fitting import fit_model, taught_by
from unrolled.tasks.anomalies.labelled_windows import read_windows
from unrolled.tasks.anomalies.model import AnomalyModel, highest
from unrolled.tasks.anomalies.parameters import DetectorParameters
from unrolled.tasks.anomalies.scored_channels import ScoredChannels
from unrolled.tasks.estimator import Estimator, FitContext
from unrolled.tasks.value_warnings import warn_of_values
from unrolled.tasks.weights_loss import Told

if TYPE_CHECKING:
    import polars

    from unrolled.training.taught import Taught
else:
    Taught = Any

__all__ = ["AnomalyDetector"]

Frame = TypeVar("Frame")
Self = TypeVar("Self", bound="AnomalyDetector")


class AnomalyDetector(Estimator, DetectorParameters):
    r"""Find where series behave differently from the past: scores, a threshold, alarms, episodes.

    ``method="forecast"``: a recurrent network forecasts the next steps after every step, with the mean absolute error it
    expects (:mod:`unrolled.networks.lead_forecast`). Two parts of the score of a step are :math:`|z - \mu| / b`, averaged over
    all earlier forecasts of it and over the last ``smoothing`` steps, and that of the last forecast alone.

    ``method="reconstruction"``: an encoder compresses the window that ends at the step into a few numbers, a decoder
    reconstructs it (:mod:`unrolled.networks.autoencoder`); the error of the last ``smoothing`` steps, and of the last one.

    Beside the network stand linear regressions, of each channel on its own past and on the other channels at the same step
    (:mod:`unrolled.tasks.anomalies.regressions`). Each part :math:`r_j` is measured in the unit :math:`\ell_j` at which it would
    be an alarm by itself, and what compares a step with the past and what compares the channels are two things, of which the
    higher counts:

    .. math:: s = \max_{\text{past}, \text{others}} \left(\operatorname{mean}_j \sqrt{r_j / \ell_j}\right)^2

    Of several channels' scores the highest counts. A score depends only on the step and earlier ones. A channel
    whose value never changed has score 0, and at any other value, however near, the largest there is.

    The last part of the training data is used for calibration instead of training. The threshold is the score that,
    according to this part, one episode in ``false_alarm_every`` steps exceeds (:mod:`unrolled.codecs.tail`), if the
    series continues to behave in the same way. This is an expected rate, estimated from the calibration part;
    ``calibration_`` says how, and from how many steps. A warning says so if hardly any value could reach it.

    If there are many anomalies in the training data, they are learned as normal; leave out those you know of.

    Attributes:
        threshold_: an alarm is a score above it.
        calibration_: how the threshold was chosen, an :class:`unrolled.codecs.tail.Calibration`.
        channels_: names of the watched columns; also ``feature_names_in_`` if they have names.
        context_: steps before the first one that can have a score.
        merge_: steps within which alarms form one episode.
        inferred_: one sentence for each thing that was inferred from the data.
        losses_: losses by epoch, of one network after the other.
        seed_: the value of ``random_state``, or the seed drawn instead.
        model_: the model, a :class:`unrolled.tasks.anomalies.model.AnomalyModel`.

    >>> t = np.arange(800)
    >>> wave = np.sin(t / 5) + np.random.default_rng(0).normal(scale=0.1, size=800)
    >>> detector = AnomalyDetector(members=1, max_epochs=10, random_state=0).fit(wave[:600])
    >>> wave[700] += 3
    >>> [int(start) for start, end, peak in detector.windows(wave)]
    [700]
    """

    _parameters = DetectorParameters
    _config_type = AnomalyConfig

    def fit(
        self: Self,
        data: Any,
        y: None = None,
        *,
        values: Sequence[str] = (),
        time: str | None = None,
        time_format: str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn normal behaviour. A previous model is replaced only after the training has succeeded.

        Args:
            data: a pandas, polars or pyarrow frame or series with one row a time step, an array ``[T]`` or ``[T, C]``, or the
                path of a CSV file.
            y: nothing; scikit-learn's tools pass it.
            values: columns to watch; by default all numeric columns.
            time: the time column; inferred if there is only one candidate.
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
        channels = read_channels(data, values, time, missing=settings.missing, time_format=time_format)
        return self.fit_channels(channels, checkpoint=checkpoint)

    def fit_channels(self: Self, channels: Channels, *, checkpoint: str | os.PathLike[str] | None = None) -> Self:
        """:meth:`fit` on data that are already read."""
        settings = self._checked()
        named = zip(channels.names, channels.values.T, strict=True)
        warn_of_values(named, "any other value will be an alarm", stacklevel=3)
        self._log(channels.inferred)
        self._train(channels, (channels.values, channels.times), settings, checkpoint)
        found = self.calibration_
        if found.reach is not None and found.reach < found.threshold:
            message = (
                f"an alarm is a score above {found.threshold:.3g}, but of values up to half the range beyond those seen none"
                f" would have had more than {found.reach:.3g}; ask for a false_alarm_every below {found.every}, or give more data"
            )
            warnings.warn(message, UserWarning, stacklevel=3)
        return self

    def _learn(
        self, data: Channels, settings: DetectorParameters, context: FitContext
    ) -> tuple[AnomalyConfig, AnomalyModel]:
        fitting, times = fit_model(data, settings, context), data.times
        self._log(fitting.notes)
        config = AnomalyConfig(
            settings=context.settings,
            seed=context.seed,
            shape=fitting.model.shape,
            channels=fitting.model.channels,
            names=data.names,
            time=data.time,
            clock="none" if times is None else "datetime" if times.dtype.kind == "M" else "integer",
            frequency=data.frequency,
            frame_like=data.frame_like,
            calibration=fitting.calibration,
            losses=fitting.losses,
            inferred=[*data.inferred, *fitting.notes],
        )
        rows = slice(-fitting.model.shape.history, None)
        history: dict[str, NDArray[Any]] = {"values": data.values[rows]}
        if times is not None:
            history["times"] = times[rows].astype(np.int64)
        return config, replace(fitting.model, history=history)

    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        self._refuse_y(y)
        return taught_by(self.model_, self.read(X), self._settings, member)

    def score_samples(self, data: Any) -> Values:
        """The score of each row, ``[T]``, in the order of the rows: higher means more unusual, the opposite of
        scikit-learn's sign.

        The first ``context_`` steps have none (NaN), unless the data follow on the training data by their times, or a
        channel that never changed does.

        Raises:
            InputError: no step would have a score, and so on.
        """
        channels = self.read(data)
        return channels.of_rows(highest(self._scores(channels)))

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        if isinstance(X, ScoredChannels):
            raise InputError("the data have their scores already: give them as they were read")
        return Told("scores", self.score_samples(X))

    @overload
    def predict(self, data: ArrayLike, *, threshold: float | None = None) -> NDArray[np.void]: ...
    @overload
    def predict(self, data: PathLike, *, threshold: float | None = None) -> polars.DataFrame: ...
    @overload
    def predict(self, data: Frame, *, threshold: float | None = None) -> Frame: ...
    def predict(self, data: Any, *, threshold: float | None = None) -> Any:
        """Score, threshold and alarm of each row: a frame of the given kind, or for an array a structured array.

        There is one row of output per row of input, in the same order and with the same pandas index, whatever the
        order of the times. Without an index, steps added by ``missing`` are rows too, and all rows are in order of
        time.

        Args:
            data: as in :meth:`fit`, with the same columns.
            threshold: instead of ``threshold_``.
        """
        channels = self.read(data)
        score, level = channels.of_rows(highest(self._scores(channels))), self._level(threshold)
        columns = {"score": score, "threshold": np.full(len(score), level), "alarm": _above(score, level)}
        return self._as_given(columns, channels)

    @overload
    def windows(self, data: ArrayLike, *, threshold: float | None = None) -> NDArray[np.void]: ...
    @overload
    def windows(self, data: PathLike, *, threshold: float | None = None) -> polars.DataFrame: ...
    @overload
    def windows(self, data: Frame, *, threshold: float | None = None) -> Frame: ...
    def windows(self, data: Any, *, threshold: float | None = None) -> Any:
        """Episodes of alarms: ``start``, ``end``, the highest score ``peak``, and with several channels the one that
        had it.

        Returns:
            A frame of the given kind, or for an array a structured one whose starts and ends are row numbers.
        """
        channels = self.read(data)
        scores = self._scores(channels)
        score = highest(scores)
        found = self._episodes(score, self._level(threshold))
        at = peaks(score, found)
        stamps = np.arange(len(score)) if channels.times is None else channels.times
        columns: dict[str, NDArray[Any]] = {"start": stamps[found[:, 0]], "end": stamps[found[:, 1]], "peak": score[at]}
        if len(channels.names) > 1:
            columns["channel"] = np.array(channels.names)[np.nanargmax(scores[at], axis=1)]
        return self._as_given(columns, channels, times=("start", "end"))

    def plot(self, data: Any, *, threshold: float | None = None) -> Chart:
        """Draw the channels and their score, with the threshold, in front of the episodes of alarms.

        Args:
            data: as in :meth:`fit`, with the same columns.
            threshold: instead of ``threshold_``.

        Returns:
            A chart that a notebook shows, and that ``save`` keeps as SVG; of many channels the first five are in it.
        """
        channels = self.read(data)
        score, level = highest(self._scores(channels)), self._level(threshold)
        spans = [(int(start), int(end)) for start, end in self._episodes(score, level)]
        stamps = np.arange(len(score)) if channels.times is None else channels.times
        charts = [
            series_figure(stamps, column, spans, "history", f"{name} with the episodes of alarms")
            for name, column in zip(channels.names[:5], channels.values.T, strict=False)
        ]
        return Chart(*charts, series_figure(stamps, score, spans, "forecast", "the score and the threshold", level))

    def evaluate(self, data: Any, windows: Any, *, threshold: float | None = None) -> AlarmEvaluation:
        """Compare the alarms with windows in which something was known to be wrong.

        Args:
            data: as in :meth:`fit`, with the same columns.
            windows: pairs of a first and a last time, or row number if there are no times; or a frame with the columns
                ``start`` and ``end``.
            threshold: instead of ``threshold_``.

        Raises:
            InputError: a window holds no row of the data, and so on.
        """
        channels = self.read(data)
        level = self._level(threshold)
        wanted = read_windows(windows, channels.times, len(channels.values), channels.frame_like)
        score = highest(self._scores(channels))
        return compare_alarms(self._episodes(score, level), wanted, level, len(score))

    @classmethod
    def _restore(cls, model_file: ModelFile, config: AnomalyConfig, settings: DetectorParameters) -> AnomalyModel:
        check_config(config, settings)
        return restore(model_file, config, settings)

    def _adopt(self: Self, settings: DetectorParameters, config: AnomalyConfig, model: AnomalyModel) -> Self:
        self.threshold_ = config.calibration.threshold
        self.calibration_ = config.calibration
        self.channels_ = config.names
        self.context_ = config.shape.context
        self.merge_ = config.calibration.merge
        return super()._adopt(settings, config, model)

    def _learned(self) -> str:
        shown = ", ".join(map(repr, self.channels_[:3])) + (", ..." if len(self.channels_) > 3 else "")
        return f"watches {shown}, an alarm is a score above {self.threshold_:.3g}"

    def _feature_names(self) -> Sequence[str]:
        config = self._fitted()
        return () if config.frame_like.kind == "numpy" else config.names

    def read(self, data: Any) -> Channels:
        """The data as :meth:`predict` and :meth:`windows` take them, too: read once, with the columns that ``fit`` had.

        Raises:
            InputError: not fitted, or the data will not do.
        """
        if isinstance(data, Channels):
            return data
        config = self._fitted()
        self._remember(data)
        named = config.frame_like.kind != "numpy"
        if is_array(data):
            channels = read_channels(data, missing=self.missing)
            if config.time is not None:
                raise InputError(f"an array has no times, but the detector learned from those in {config.time!r}")
        else:
            frequency = config.frequency if config.time is not None else None
            channels = read_channels(
                data, config.names if named else (), config.time, missing=self.missing, frequency=frequency,
                time_style=config.frame_like.time_style,
            )  # fmt: skip
        if len(channels.names) != len(config.names):
            raise InputError(
                f"the data has {len(channels.names)} channels, the detector was trained on {len(config.names)}:"
                f" {', '.join(map(repr, config.names[:12]))}"
            )
        return channels

    def read_and_score(self, data: Any) -> ScoredChannels:
        """The data with their scores, as :meth:`predict` and :meth:`windows` take them, too: the networks run once.

        Raises:
            InputError: not fitted, the data will not do, or no step would have a score.
        """
        channels = self.read(data)
        return ScoredChannels(**vars(channels), scores=self._scores(channels))

    def _scores(self, channels: Channels) -> Values:
        """Scores of each channel ``[T, C]``; data that continue the training data are scored from its end on."""
        if isinstance(channels, ScoredChannels):
            return channels.scores
        config = self._fitted()
        before, times, values = 0, channels.times, channels.values
        if times is not None and "times" in self.model_.history:
            earlier = self.model_.history["times"].astype(times.dtype)
            if times[0] == config.frequency.after(earlier[-1], 1)[0]:
                before = len(earlier)
                times = np.concatenate([earlier, times])
                values = np.concatenate([self.model_.history["values"], values])
        if len(values) <= self.context_:
            raise InputError(
                f"the data has {len(values)} rows, need at least {self.context_ + 1} for one to have a score: its context of"
                f" {self.context_} steps comes before it"
            )
        return self.model_.scores(values, times)[before:]

    def _level(self, threshold: float | None) -> float:
        if threshold is None:
            return self.threshold_
        check_range("threshold", threshold, Range(0))
        return float(threshold)

    def _episodes(self, score: Values, threshold: float) -> NDArray[np.int64]:
        return episodes(_above(score, threshold), self.merge_)

    def _as_given(self, columns: dict[str, NDArray[Any]], channels: Channels, times: Sequence[str] = ()) -> Any:
        """Columns as a frame of the user's kind, steps with their times; or as a structured array."""
        like = channels.frame_like
        if like.kind == "numpy":
            rows = len(next(iter(columns.values())))
            table = np.empty(rows, [(name, column.dtype) for name, column in columns.items()])
            for name, column in columns.items():
                table[name] = column
            return table
        if times:
            return build_frame(columns, replace(like, time_is_index=False), times)
        if channels.times is not None and channels.time is not None and not like.time_is_index:
            columns = {channels.time: channels.of_rows(channels.times), **columns}
        frame = build_frame(columns, replace(like, time_is_index=False))
        return frame if channels.index is None else frame.set_axis(channels.index, axis=0)


def _above(score: Values, threshold: float) -> NDArray[np.bool_]:
    """Whether each step has a score above the threshold; one without a score has no alarm."""
    return np.nan_to_num(score, nan=-np.inf) > threshold
