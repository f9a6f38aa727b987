"""The gates over real sequences, step by step: a slider moves through each of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.page import Page
from unrolled.errors import InputError
from unrolled.insight.equations import equations_of
from unrolled.insight.gates import LayerGates, gates
from unrolled.insight.report.case import Case, called, shortened
from unrolled.insight.report.gate_stepper import MARKUP, SCRIPT, STYLE
from unrolled.insight.report.section import Section

__all__ = ["gates_section"]

SEQUENCES, STEPS, UNITS, PLACES = 6, 80, 32, 4
LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def gates_section(case: Case) -> Section:
    """A few sequences with their gates, as far as a page can hold them.

    Raises:
        InputError: the layers cannot be looked into.
    """
    told = _one_by_one(case) if case.one_by_one else _side_by_side(case)
    data = {"levels": LEVELS, "sequences": [_written(case.places_inside[:PLACES], *each) for each in told]}
    return Section(
        "gates", "The gates, step by step",
        "A gate is a number between 0 and 1 by which each unit multiplies what passes: at 0 it is closed, at 1 open. Move"
        " the slider, or press its arrow keys, to go through a sequence: which gates open at which step, and what becomes of h?",
        equations_of(case.cell).forward, f"In {told[0][0]}, {told[0][1][case.main_place]}.",
        (partial(Page.markup, html=MARKUP.format(options=_options([name for name, _, _ in told])), style=STYLE),
         partial(Page.program, script=SCRIPT, data=data)),
    )  # fmt: skip


Told = tuple[str, dict[str, LayerGates], dict[str, list[str]]]
"""What a sequence is called, its gates by place, and the names of their steps by place."""


def _one_by_one(case: Case) -> list[Told]:
    chosen = case.looked_into[:: max(1, len(case.looked_into) // SEQUENCES)][:SEQUENCES]
    found = list[Told]()
    for n in chosen:
        layers = gates(case.estimator, case.some([n]))
        labels = {place: _labels(case, n, place, len(each.output)) for place, each in layers.items()}
        found.append((f"{case.place(n)}: {called(case, n, 40)}", layers, labels))
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
        found.append((f"stretch {n + 1} of {count}", own, labels))
    return found


def _of_sequence(each: LayerGates, n: int) -> LayerGates:
    alive = ~np.isnan(each.output[:, n]).all(1)
    values = {name: value[alive, n : n + 1] for name, value in each.values.items()}
    return LayerGates(each.place, each.cell, values, each.output[alive, n : n + 1])


def _stretch(case: Case, n: int, T: int) -> list[str]:
    """A long text is parted into stretches of the same length, of which each step reads the symbol before the one it says."""
    if not case.of_items:
        return [f"step {t + 1}" for t in range(T)]
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
    return [f"step {t + 1}" for t in range(T)]


def _symbols(sequence: Any) -> list[list[str]]:
    """What a sequence may have been split into."""
    if isinstance(sequence, str):
        return [list(sequence), sequence.split()]
    if isinstance(sequence, Sequence) and len(sequence) and isinstance(sequence[0], str):
        return [list(map(str, sequence))]
    return []


def _written(
    places: Sequence[str], name: str, layers: dict[str, LayerGates], labels: dict[str, list[str]]
) -> dict[str, Any]:
    return {"name": name, "layers": [_layer(layers[place], labels[place]) for place in places]}


def _layer(found: LayerGates, labels: list[str]) -> dict[str, Any]:
    """Numbers as letters, one of 64 levels each: gates from 0 to 1, candidates and states from -1 to 1."""
    shares = found.saturation
    rows = {name: (value[:STEPS, 0, :UNITS], name in shares) for name, value in found.values.items()}
    rows["h"] = found.output[:STEPS, 0, :UNITS], False
    return {
        "place": found.place, "units": found.output.shape[2], "cut": len(found.output) > STEPS,
        "steps": [shortened(label, 24) for label in labels[:STEPS]],
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
