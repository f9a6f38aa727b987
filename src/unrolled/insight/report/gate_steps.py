"""The gates over real sequences, step by step: a slider moves through each of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any, NamedTuple

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.page import Page
from unrolled.data.frequency import stamp
from unrolled.errors import InputError
from unrolled.insight.equations import equations_of
from unrolled.insight.gates import LayerGates, gates
from unrolled.insight.report.case import Case, called, shortened
from unrolled.insight.report.gate_stepper import MARKUP, SCRIPT, STYLE
from unrolled.insight.report.section import Section

__all__ = ["gates_section"]

SEQUENCES, STEPS, UNITS, PLACES, NUMBERS = 6, 80, 32, 4, 4
LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def gates_section(case: Case) -> Section:
    """A few sequences with their gates, as far as a page can hold them.

    Raises:
        InputError: the layers cannot be looked into.
    """
    told = _one_by_one(case) if case.one_by_one else _side_by_side(case)
    data = {"levels": LEVELS, "sequences": [_written(case.places_inside[:PLACES], each) for each in told]}
    return Section(
        "gates", "The gates, step by step",
        "A gate is a number between 0 and 1 by which each unit multiplies what passes: at 0 it is closed, at 1 open. Move"
        " the slider, or press its arrow keys, to go through a sequence: which gates open at which step, and what becomes of h?",
        equations_of(case.cell).forward, f"In {told[0].name}, {told[0].layers[case.main_place]}.",
        (partial(Page.markup, html=MARKUP.format(options=_options([each.name for each in told])), style=STYLE),
         partial(Page.program, script=SCRIPT, data=data)),
    )  # fmt: skip


class Told(NamedTuple):
    """A sequence that can be stepped through."""

    name: str
    layers: dict[str, LayerGates]
    """By place."""
    labels: dict[str, list[str]]
    """What the steps of a place are called; an empty text is only counted."""
    reads: dict[str, list[str]]
    """What else there is to say of the steps of a place: the numbers that are read, or when."""


def _one_by_one(case: Case) -> list[Told]:
    chosen = case.looked_into[:: max(1, len(case.looked_into) // SEQUENCES)][:SEQUENCES]
    found = list[Told]()
    for n in chosen:
        layers = gates(case.estimator, case.some([n]))
        labels = {place: _labels(case, n, place, len(each.output)) for place, each in layers.items()}
        reads = {place: _reads(case, n, len(each.output)) for place, each in layers.items()}
        found.append(Told(f"{case.place(n)}: {called(case, n, 40)}", layers, labels, reads))
    return found


def _side_by_side(case: Case) -> list[Told]:
    """Windows of a table, or stretches of a long text, which run together."""
    layers = case.layers
    count = next(iter(layers.values())).output.shape[1]
    chosen = np.linspace(0, count - 1, min(SEQUENCES, count)).round().astype(int).tolist()
    found = list[Told]()
    for n in chosen:
        own = {place: _of_sequence(each, n) for place, each in layers.items()}
        labels = {place: _stretch(case, n, len(each.output)) for place, each in own.items()}
        rows = _window_rows(case, n)
        name = f"stretch {n + 1} of {count}"
        if rows:
            name += f", {_row_name(case, rows[0])} to {_row_name(case, rows[-1])}"
        reads = {place: [_row(case, row) for row in rows] for place in own if "decoder" not in place}
        found.append(Told(name, own, labels, reads))
    return found


def _of_sequence(each: LayerGates, n: int) -> LayerGates:
    alive = ~np.isnan(each.output[:, n]).all(1)
    values = {name: value[alive, n : n + 1] for name, value in each.values.items()}
    return LayerGates(each.place, each.cell, values, each.output[alive, n : n + 1])


def _stretch(case: Case, n: int, T: int) -> list[str]:
    """A long text is parted into stretches of the same length, of which each step reads the symbol before the one it says."""
    if not case.of_items:
        return [""] * T
    text = case.sample()[0][0]
    at = range(n * T, n * T + T)
    return [f"says {_visible(text[t])}" if t < len(text) else "" for t in at]


def _visible(symbol: Any) -> str:
    return {" ": "␣", "\n": "↵", "\t": "⇥"}.get(symbol, str(symbol))


def _labels(case: Case, n: int, place: str, T: int) -> list[str]:
    """The names of the steps: symbols where their number tells which they are, otherwise numbers."""
    item, target = case.items[n], None if case.targets is None else case.targets[n]
    said = case.family in ("answers", "transcripts") and "decoder" in place
    spelled = said or case.family == "pieces" or case.estimator.item_kind_ not in ("text", "tokens")
    for symbols in _symbols(target if said else item) if spelled else case.estimator.steps([item]):
        if len(symbols) == T:
            return [_visible(each) for each in symbols]
        if len(symbols) + 1 == T:  # the end of a source is read, too; a piece or an answer begins with nothing
            names = [_visible(each) for each in symbols]
            return ["(begin)", *names] if said or case.family == "pieces" else [*names, "(end)"]
    return [""] * T


def _reads(case: Case, n: int, T: int) -> list[str]:
    """The numbers of each step, or when it is in a recording; nothing where steps are not those of the item."""
    item = case.items[n]
    if hasattr(item, "samples"):
        seconds = len(item.samples) / item.rate
        return [f"from about {t / T * seconds:.2f} s on" for t in range(T)]
    shape = np.shape(item) if isinstance(item, np.ndarray) else ()
    if shape[:1] != (T,):
        return []
    columns = np.asarray(item, np.float64).reshape(T, -1)[:, :NUMBERS]
    named: Sequence[str] = getattr(getattr(case.estimator, "columns_", None), "features", ())
    names = [f"{name} " for name in named] if len(named) == columns.shape[1] or len(named) > NUMBERS else [""] * NUMBERS
    return [", ".join(f"{name}{value:.4g}" for name, value in zip(names, row, strict=False)) for row in columns]


def _window_rows(case: Case, n: int) -> list[int]:
    """The rows of a table of channels that a window has; nothing of other data, whose windows are not rows of one table."""
    from unrolled.tasks.anomalies.fitting import taught_rows

    if case.family != "channels":
        return []
    return taught_rows(case.estimator.model_.shape, len(case.data.values))[:, n].tolist()


def _row_name(case: Case, row: int) -> str:
    times = case.data.times
    return f"row {row + 1}" if times is None else stamp(times[row])


def _row(case: Case, row: int) -> str:
    numbers = zip(case.data.names[:NUMBERS], case.data.values[row], strict=False)
    return ", ".join([_row_name(case, row), *(f"{name} {value:.4g}" for name, value in numbers)])


def _symbols(sequence: Any) -> list[list[str]]:
    """What a sequence may have been split into."""
    if isinstance(sequence, str):
        return [list(sequence), sequence.split()]
    if isinstance(sequence, Sequence) and len(sequence) and isinstance(sequence[0], str):
        return [list(map(str, sequence))]
    return []


def _written(places: Sequence[str], told: Told) -> dict[str, Any]:
    shown = [_layer(told.layers[place], told.labels[place], told.reads.get(place, [])) for place in places]
    return {"name": told.name, "layers": shown}


def _layer(found: LayerGates, labels: list[str], reads: list[str]) -> dict[str, Any]:
    """Numbers as letters, one of 64 levels each: gates from 0 to 1, candidates and states from -1 to 1."""
    shares = found.saturation
    rows = {name: (value[:STEPS, 0, :UNITS], name in shares) for name, value in found.values.items()}
    rows["h"] = found.output[:STEPS, 0, :UNITS], False
    return {
        "place": found.place, "units": found.output.shape[2], "cut": len(found.output) > STEPS,
        "steps": [shortened(label, 24) for label in labels[:STEPS]],
        **({"reads": [shortened(each, 80) for each in reads[:STEPS]]} if reads else {}),
        "rows": [
            {"name": name, "share": share, "scale": _scale(value, share), "values": _letters(value, share)}
            for name, (value, share) in rows.items()
        ],
    }  # fmt: skip


def _scale(values: Values, share: bool) -> float:
    """What the largest level stands for."""
    return 1.0 if share else max(1.0, round(float(np.abs(values).max(initial=0.0)), 2))


def _letters(values: Values, share: bool) -> list[str]:
    scaled = values if share else values / _scale(values, share) / 2 + 0.5
    levels = (np.nan_to_num(scaled, nan=0.0).clip(0, 1) * (len(LEVELS) - 1)).round().astype(int)
    return ["".join(LEVELS[level] for level in row) for row in levels.tolist()]


def _options(names: Sequence[str]) -> str:
    if not names:
        raise InputError("no sequence can be looked into")
    return "".join(f'<option value="{n}">{escape(name)}</option>' for n, name in enumerate(names))
