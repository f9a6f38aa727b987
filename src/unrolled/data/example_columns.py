"""The roles of the columns of a table of examples: specified by the user, or inferred."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from unrolled.data.index_columns import index_columns, left_out_note
from unrolled.data.step_order import order_columns
from unrolled.data.table import Column, listed
from unrolled.data.time_columns import is_time
from unrolled.errors import InputError

__all__ = ["SERIES_NAMES", "ExampleColumns", "assign_columns"]

LABEL_NAMES = {"label", "class", "target"}
WEAK_LABEL_NAMES = {"y"}  # may as well be a coordinate
SERIES_NAMES = {"series", "series_id", "sequence", "sequence_id", "id"}


@dataclass(frozen=True)
class ExampleColumns:
    """The names of the columns by role; plain values only, so that a model file can hold them.

    In a ``text`` table each row is a text; in a ``long`` table each row is a step, and ``series`` names the sequences;
    in a ``wide`` table each row is a sequence with one column per step. ``tokens`` is a CoNLL file, of which only the
    label can be chosen; ``frames`` are a list of
    tables, each a sequence whose channels ``features`` names.
    """

    layout: Literal["text", "long", "wide", "tokens", "frames"]
    label: str | None = None
    text: str | None = None
    series: str | None = None
    features: tuple[str, ...] = ()
    times: tuple[str, ...] = ()  # of a long table: by these the steps of a sequence are put in order

    def __post_init__(self) -> None:
        """Check that the layout has its columns, and none has two roles."""
        needed = {"text": self.text, "long": self.series and self.features, "tokens": "no name"}
        if not needed.get(self.layout, self.features):
            raise InputError(f"columns lack what a table of layout {self.layout!r} is read from")
        named = [name for name in (self.label, *self.read) if name is not None]
        if len(set(named)) < len(named):
            raise InputError(f"columns {listed(named)}: expected one role for each")

    @property
    def read(self) -> tuple[str, ...]:
        """The columns needed for a prediction."""
        return tuple(name for name in (self.text, self.series, *self.features) if name is not None)


def assign_columns(
    sample: Mapping[str, Column],
    source: str,
    *,
    label: str | None,
    text: str | None,
    series: str | None,
    features: Sequence[str],
    needs_label: bool,
    unnamed: Collection[str] = (),
) -> tuple[ExampleColumns, list[str]]:
    """Determine the role of each column from the user's options and the first rows of the table.

    Columns that number the rows are left out.

    Raises:
        InputError: a specified column does not exist or is specified twice, or there are several candidates.
    """
    inference = _Inference(sample, source)
    inference.claim(label=label, text=text, series=series, features=features)
    inference.leave_out_indices(unnamed)
    if text is not None and (series is not None or features):
        raise InputError(f"{source}: text= is for a text a row, series= and features= for numbers; leave one out")
    label = label or inference.named_label(LABEL_NAMES)
    series = series or (inference.series() if text is None else None)
    text = text or (inference.text(label) if series is None and not features else None)
    label = label or inference.label(text) or (inference.named_label(WEAK_LABEL_NAMES) if needs_label else None)
    if needs_label and label is None:
        raise InputError(f"{source}: which column is the label? name one with label=; the columns are {listed(sample)}")
    times: tuple[str, ...] = ()
    if text is None:
        if series is not None:
            times = inference.order(series, label)
        features = features or inference.features(with_times=series is None)
        inference.say_features(features, series)
    layout: Literal["text", "long", "wide"] = "text" if text else "long" if series else "wide"
    if times:
        inference.notes.append(f"the steps of a sequence are in the order of {' and '.join(map(repr, times))}")
    if inference.free:
        inference.notes.append(f"not used: {listed(inference.free)}")
    return ExampleColumns(layout, label, text, series, tuple(features), times), inference.notes


class _Inference:
    """The columns that have no role yet, and notes on the roles that were inferred."""

    def __init__(self, sample: Mapping[str, Column], source: str) -> None:
        self.free = dict(sample)
        self.notes: list[str] = []
        self._all, self._source = sample, source

    def claim(self, *, label: str | None, text: str | None, series: str | None, features: Sequence[str]) -> None:
        given = {"label": label, "text": text, "series": series}
        pairs = [(name, role) for role, name in given.items() if name is not None]
        for name, role in [*pairs, *((name, "features") for name in features)]:
            if name not in self._all:
                raise InputError(f"{self._source}: no column {name!r} ({role}=); the columns are {listed(self._all)}")
            if name not in self.free:
                raise InputError(f"{self._source}: column {name!r} is named twice; a column has one role")
            del self.free[name]

    def leave_out_indices(self, unnamed: Collection[str]) -> None:
        """Leave out the columns that number the rows."""
        for name in index_columns(self.free, unnamed):
            if name.lower() not in SERIES_NAMES:
                del self.free[name]
                self.notes.append(left_out_note(name, unnamed))

    def order(self, series: str, label: str | None) -> tuple[str, ...]:
        """The columns that say when each step was; one that holds no numbers to learn from is no longer free."""
        names = order_columns({name: column for name, column in self._all.items() if name != label}, series)
        for name in names:
            if name in self.free and is_time(name, self.free[name]):
                del self.free[name]
        return names

    def named_label(self, names: set[str]) -> str | None:
        """The only free column of such a name."""
        return self._take([name for name in self.free if name.lower() in names], "the label is {}", "label")

    def series(self) -> str | None:
        """A column of such a name in which a value comes twice."""
        names = [name for name, column in self.free.items() if name.lower() in SERIES_NAMES and _repeats(column)]
        return self._take(names, "sequences are told apart by {}", "series")

    def text(self, label: str | None) -> str | None:
        """The only column of prose, or the only one of text in a table without numbers."""
        texts = [name for name, column in self.free.items() if column.kind == "text" and not is_time(name, column)]
        prose = [name for name in texts if name.lower() == "text" or _is_prose(self.free[name])]
        if not prose and not any(self._is_number(name) for name in self.free):
            if len(texts) > 1 and label is None:
                raise InputError(
                    f"{self._source}: which column is the text, which the label? name them with text= and label=; the"
                    f" columns are {listed(self._all)}"
                )
            prose = texts
        return self._take(prose, "the text is {}", "text")

    def label(self, text: str | None) -> str | None:
        """Beside a text the only other column; among numbers the only one of words."""
        names = [n for n, column in self.free.items() if n.lower() not in SERIES_NAMES and not is_time(n, column)]
        if text is None:
            names = [name for name in names if self.free[name].kind == "text"]
        return self._take(names, "the label is {}", "label") if len(names) == 1 else None

    def features(self, *, with_times: bool) -> list[str]:
        """Columns of numbers, none of which is an identifier; nor, in a long table, a time."""
        names = [
            name
            for name, column in self.free.items()
            if self._is_number(name) and (with_times or not is_time(name, column))
        ]
        if not names:
            raise InputError(f"{self._source}: no column of numbers left to read; the columns are {listed(self._all)}")
        for name in names:
            del self.free[name]
        return names

    def say_features(self, features: Sequence[str], series: str | None) -> None:
        if series is not None:
            self.notes.append(f"the numbers of a step are {listed(features)}")
        else:
            span = repr(features[0]) if len(features) == 1 else f"{features[0]!r} to {features[-1]!r}"
            self.notes.append(f"a row is a sequence of {len(features)} steps, {span}; other layouts: series= or text=")

    def _is_number(self, name: str) -> bool:
        return self.free[name].kind == "number" and name.lower() not in SERIES_NAMES

    def _take(self, names: list[str], sentence: str, role: str) -> str | None:
        if len(names) > 1:
            raise InputError(
                f"{self._source}: several columns could be the {role}: {listed(names)}; name one with {role}="
            )
        if not names:
            return None
        del self.free[names[0]]
        self.notes.append(sentence.format(repr(names[0])))
        return names[0]


def _repeats(column: Column) -> bool:
    values = column.values.tolist() if column.texts is None else column.texts
    return len(set(values)) < len(values)


def _is_prose(column: Column) -> bool:
    """Whether most cells hold two words or more."""
    texts = [text for text in column.values.tolist() if text is not None]
    return 2 * sum(len(text.split()) > 1 for text in texts) > len(texts)
