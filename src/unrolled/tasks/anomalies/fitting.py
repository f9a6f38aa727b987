"""From channels to a fitted detector: networks learn from the first part, the threshold comes from the second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.cycles import Cycle
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.tail import Calibration, calibrate
from unrolled.data.channels import Channels
from unrolled.data.spans import steps_of
from unrolled.errors import InputError
from unrolled.networks.autoencoder import AutoencoderConfig
from unrolled.networks.lead_forecast import LeadForecastConfig
from unrolled.networks.spread import SMALLEST_SPREAD
from unrolled.networks.stack import StackConfig
from unrolled.parameters.declaration import require
from unrolled.tasks.anomalies.model import AnomalyModel, highest
from unrolled.tasks.anomalies.parameters import DetectorParameters
from unrolled.tasks.anomalies.regressions import fit_regressions
from unrolled.tasks.anomalies.shape import ScoringConfig
from unrolled.tasks.ensemble import train_members
from unrolled.tasks.estimator import FitContext

if TYPE_CHECKING:
    from unrolled.training.engine import NetworkModule
    from unrolled.training.problem import Problem
    from unrolled.training.taught import Taught

__all__ = ["AnomalyFitting", "Sizes", "fit_model", "leads_to", "shape_of", "taught_by", "taught_rows"]

TIMES_SEEN = 3  # times the training part must go through a season before it is one
FEWEST = 50  # scores that a threshold is calibrated on


@dataclass(frozen=True)
class Sizes:
    """Every span in steps, and which part of the data is for what."""

    train: int
    """Steps to learn from; the rest calibrates."""
    window: int
    horizon: int
    smoothing: int
    merge: int
    every: int
    cycles: tuple[Cycle, ...]
    seasons: tuple[int, ...]
    notes: list[str]

    @classmethod
    def choose(cls, channels: Channels, settings: DetectorParameters) -> Sizes:
        """By the settings, and where those are None by the data.

        Raises:
            InputError: the data is too short, or two sizes do not fit each other.
        """
        frequency, T = channels.frequency, len(channels.values)
        train = T - round(settings.calibration_fraction * T)
        found: dict[Cycle, int] = frequency.cycles
        lasting: dict[Cycle, int] = {cycle: m for cycle, m in found.items() if TIMES_SEEN * m <= train}
        rebuilds = settings.method == "reconstruction"
        seasons = tuple(lasting.values()) if settings.seasons is None else tuple(settings.seasons)
        shortest = min((*lasting.values(), *seasons), default=0)
        usual = int(np.clip(shortest, 16, 64)) if shortest else 32

        def steps(name: str, default: int) -> int:
            span: int | str | None = getattr(settings, name)
            return default if span is None else steps_of(name, span, frequency)

        window = steps("window", usual)
        if rebuilds and settings.seasons is None:  # a shorter one would show the decoder the window's own values
            seasons = tuple(m for m in seasons if m >= window)
        sizes = cls(
            train=train,
            window=window,
            horizon=steps("horizon", window),
            smoothing=steps("smoothing", max(1, window // 8)),
            merge=steps("merge", found.get("day", window)),
            every=steps("false_alarm_every", 1),
            cycles=tuple(lasting),
            seasons=seasons,
            notes=[],
        )
        sizes._check(T, settings)
        return replace(sizes, notes=sizes._notes(found, settings))

    @property
    def least(self) -> int:
        """Steps that are needed to learn from."""
        return max(self.seasons, default=0) + 2 * self.window + self.horizon

    def _check(self, T: int, settings: DetectorParameters) -> None:
        require("window", self.window, self.window >= 2, "at least 2")
        if self.train < self.least or T - self.train < FEWEST:
            raise InputError(
                f"the data has {T} rows, {self.train} to learn from and {T - self.train} to calibrate on"
                f" (calibration_fraction={settings.calibration_fraction:g}); need at least {self.least} (window"
                f" {self.window}, horizon {self.horizon}, seasons {list(self.seasons)}) and {FEWEST}; give more data, or"
                " choose less of these"
            )
        if settings.method == "reconstruction":
            longest = f"at most window = {self.window}: the last steps of each window count"
            require("smoothing", self.smoothing, self.smoothing <= self.window, longest)
            apart = f"numbers of at least window = {self.window}, or the values to rebuild would be read there"
            require("seasons", self.seasons, min(self.seasons, default=self.window) >= self.window, apart)
        expected = f"more than merge = {self.merge} steps, within which alarms are one episode"
        require("false_alarm_every", self.every, self.every > self.merge, expected)

    def _notes(self, found: Mapping[Cycle, int], settings: DetectorParameters) -> list[str]:
        notes = [f"the first {self.train} rows are learned from, the other rows calibrate the threshold"]
        notes += [f"the network sees the time of the {cycle}" for cycle in self.cycles]
        short = [cycle for cycle in found if cycle not in self.cycles]
        notes += [f"the {cycle} is left out: there are fewer than {TIMES_SEEN} to learn from" for cycle in short]
        notes += [f"the network sees the values of the last seasons of {m} steps" for m in self.seasons]
        ahead = f"forecasts 1 to {self.horizon}" if settings.method == "forecast" else "rebuilds them"
        notes.append(
            f"the network reads {self.window} steps at once and {ahead}; scores are means of {self.smoothing} steps"
        )
        notes.append(
            f"alarms within {self.merge} steps are one episode; one false one is meant to come in {self.every} steps"
        )
        return notes


@dataclass(frozen=True)
class AnomalyFitting:
    """A fitted model, its threshold, and how they came to be."""

    model: AnomalyModel
    calibration: Calibration
    losses: list[float]
    notes: list[str]


def fit_model(channels: Channels, settings: DetectorParameters, context: FitContext) -> AnomalyFitting:
    """Train the members one after the other on the first part, and calibrate on the rest.

    Raises:
        InputError: the data is too short.
        TrainingError: the loss is not finite or exploded.
    """
    sizes = Sizes.choose(channels, settings)
    scaling = [_scaling(column, sizes.train) for column in channels.values.T]
    shape = shape_of(
        settings, len(channels.names), window=sizes.window, horizon=sizes.horizon, smoothing=sizes.smoothing,
        code=settings.code_size, cycles=sizes.cycles, seasons=sizes.seasons,
    )  # fmt: skip
    model = AnomalyModel(shape, scaling, [])
    z, times = model.scaled(channels.values), channels.times
    learned, then = z[: sizes.train], None if times is None else times[: sizes.train]
    x = model.inputs(learned, then)
    members, runs = train_members(
        lambda _, phase: _problem(shape, x, learned.astype(np.float32), settings, phase), settings, context
    )
    model = replace(model, members=members, regressions=fit_regressions(shape, learned, then))
    model, calibration = _calibrated(model, channels, sizes)
    losses = [loss for run in runs for loss in run.losses]
    return AnomalyFitting(model, calibration, losses, [*sizes.notes, *_calibration_notes(calibration)])


def _calibrated(model: AnomalyModel, channels: Channels, sizes: Sizes) -> tuple[AnomalyModel, Calibration]:
    """The model with the unit of each part of a score, and the threshold of all of them together."""
    z, times, rest = model.scaled(channels.values), channels.times, sizes.train - model.shape.context
    parts = model.parts(z, times, z)
    units = [[calibrate(part, sizes.every, sizes.merge).threshold for part in each.T] for each in parts[:, rest:]]
    model = replace(model, units=np.maximum(units, SMALLEST_SPREAD))
    calibration = calibrate(highest(model.scored(channels.values, parts)[sizes.train :]), sizes.every, sizes.merge)
    low, high = z.min(axis=0), z.max(axis=0)
    extremes = [np.broadcast_to(most, z.shape) for most in (low - (high - low) / 2, high + (high - low) / 2)]
    reach = max(float(model.combined(model.parts(z, times, each)[:, rest:]).max()) for each in extremes)
    return model, replace(calibration, reach=reach)


def _calibration_notes(found: Calibration) -> list[str]:
    if found.method == "counted":
        return [f"the threshold {found.threshold:.3g} is what {found.episodes} episodes in {found.steps} steps passed"]
    notes = [
        f"the threshold {found.threshold:.3g} is extrapolated from {found.peaks} episodes in {found.steps} steps to one in"
        f" {found.every}"
    ]
    if found.left_out:
        notes.append(f"the highest {found.left_out} of these are left out: by the others they are no noise")
    return notes


def _scaling(column: NDArray[np.float64], train: int) -> Standardization:
    """Of the steps learned from; of all where the channel changes later, which then is nothing that cannot be."""
    learned = Standardization.fit(column[:train])
    return Standardization.fit(column) if learned.constant else learned


def taught_by(model: AnomalyModel, channels: Channels, settings: DetectorParameters, member: int) -> Taught:
    """A network of the model as the module that it was when its fit ended, and its loss over all channels.

    Raises:
        InputError: the data are too short.
    """
    from unrolled.training.taught import taught

    shape, z = model.shape, model.scaled(channels.values)
    places = taught_rows(shape, len(z)) - shape.settling
    problem = _problem(shape, model.inputs(z, channels.times), z.astype(np.float32), settings, "")
    return taught(problem.make, model.members[member], lambda module: problem.loss(module, places))


def taught_rows(shape: ScoringConfig, rows: int) -> NDArray[np.int64]:
    """The rows of data that each window of :func:`taught_by` reads, ``[window, N]``.

    Raises:
        InputError: the data are too short.
    """
    from unrolled.training.subsequences import all_subsequences

    network = shape.network
    window, ahead = (
        (shape.window, 0) if isinstance(network, AutoencoderConfig) else (2 * shape.window, network.leads[-1])
    )
    least = shape.settling + window + ahead
    if least > rows:
        raise InputError(f"the data has {rows} rows, need at least {least}: as many are read to learn from one window")
    return shape.settling + all_subsequences(rows - shape.settling - ahead, window)


def _problem(
    shape: ScoringConfig, x: NDArray[np.float32], z: NDArray[np.float32], settings: DetectorParameters, phase: str
) -> Problem[NetworkModule, Any]:
    from unrolled.training.autoencoder import autoencoder_problem
    from unrolled.training.engine import NetworkOptions
    from unrolled.training.lead_forecast import lead_forecast_problem

    options, size = NetworkOptions.of(settings), settings.batch_size
    x, z = x[shape.settling :], z[shape.settling :]
    if isinstance(shape.network, AutoencoderConfig):
        return autoencoder_problem(shape.network, x, z, options, size, phase=phase)
    return lead_forecast_problem(shape.network, x, z, shape.window, options, size, phase=phase)


def shape_of(
    settings: DetectorParameters,
    channels: int,
    *,
    window: int,
    horizon: int,
    smoothing: int,
    code: int | None,
    cycles: tuple[Cycle, ...],
    seasons: tuple[int, ...],
) -> ScoringConfig:
    """The network's sizes: some are of the data, the others follow from the settings."""
    C, known = channels, 2 * len(cycles)
    if settings.method == "forecast":
        leads = leads_to(horizon)
        inputs = C + known + len(seasons) * len(leads) * C
        network = LeadForecastConfig(StackConfig.of(settings, inputs), leads, C)
    else:
        whole = window * C
        code = max(1, whole // 8) if code is None else code
        require("code_size", code, code < whole, f"less than the {whole} numbers of a window, or nothing is left out")
        known += len(seasons) * C
        network = AutoencoderConfig(
            StackConfig.of(settings, C + known), StackConfig.of(settings, code + known), code, window, C
        )
    return ScoringConfig(network, window, smoothing, cycles, seasons)


def leads_to(horizon: int) -> tuple[int, ...]:
    """1, 2, 4, … and the horizon."""
    powers = [1 << k for k in range(horizon.bit_length()) if 1 << k < horizon]
    return (*powers, horizon)
