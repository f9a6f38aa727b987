"""The sizes of a forecaster's networks, which follow from the data and the parameters."""

from __future__ import annotations

from unrolled.codecs.period import season_of
from unrolled.codecs.ranges import LARGEST_COUNT
from unrolled.data.panel import Panel
from unrolled.networks.es_rnn import EsRnnConfig
from unrolled.networks.stack import layer_options
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.parameters.declaration import require
from unrolled.parameters.network import cell_spec
from unrolled.tasks.forecasting.parameters import ForecasterParameters, forecast_training, model_quantiles

__all__ = ["MANY_WINDOWS", "network_shape", "shape_of"]

MANY_WINDOWS = 10_000  # from here on a network learns more from them than smoothing tells it
SEASONS_AT_ONCE = 14  # in a window, where series are twice as long


def network_shape(panel: Panel, settings: ForecasterParameters) -> tuple[EsRnnConfig | WindowRnnConfig, list[str]]:
    """The network's sizes for these data, and what to say about those that were not given."""
    lengths = [len(values) for values in panel.values]
    season, notes = settings.season_length, []
    if season is None:
        calendar = panel.frequency.season
        season = season_of(panel.values, calendar)
        if max(lengths) < 2 * season:
            notes.append(f"the season of {season} steps is left out: no series is two seasons long")
            season = 1
        elif season != calendar:
            notes.append(f"the season is {season} steps, after which the values repeat; season_length= sets another")
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
    covariates = {"past": len(panel.past), "future": len(panel.future), "static": len(panel.static)}
    sizes = {"input_window": window, "horizon": horizon, "season": season, **covariates}
    return shape_of(settings, EsRnnConfig if method == "smoothing" else WindowRnnConfig, **sizes), notes


def shape_of(
    settings: ForecasterParameters,
    kind: type[EsRnnConfig] | type[WindowRnnConfig],
    *,
    input_window: int,
    horizon: int,
    season: int,
    past: int,
    future: int,
    static: int,
) -> EsRnnConfig | WindowRnnConfig:
    """The network's sizes: some are of the data, the others follow from the settings."""
    require("season_length", season, season <= LARGEST_COUNT, f"at most {LARGEST_COUNT}")
    training = forecast_training(settings, kind.method)
    return kind(
        cell=cell_spec(settings),
        hidden_size=training.hidden_size,
        num_layers=settings.num_layers,
        input_window=input_window,
        horizon=horizon,
        quantiles=model_quantiles(settings),
        season=season,
        members=training.members,
        past=past,
        future=future,
        static=static,
        distribution=settings.distribution,
        **layer_options(settings),
    )
