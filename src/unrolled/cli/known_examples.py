"""The examples of a file with what is known of them, as a model is evaluated on them: so many as are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.data_options import TableOptions
from unrolled.cli.example_streams import Opening, stream
from unrolled.cli.messages import say
from unrolled.cli.task import Known, Model

if TYPE_CHECKING:
    from unrolled.data.example_file import Examples, TargetLevel

__all__ = ["read_known"]

MOST = 2000
"""Items that are looked at."""


def read_known(
    model: Model,
    file: Path,
    columns: TableOptions | None,
    targets: Callable[[Examples], Iterable[Any]],
    *,
    level: TargetLevel,
    opening: Opening | None = None,
) -> Known:
    """The first items of a file, at most 2,000, with their targets.

    Args:
        model, file, columns, level, opening: as of :func:`unrolled.cli.example_streams.stream`.
        targets: those of some examples, checked.
    """
    items, y, places, notes = list[Any](), list[Any](), list[str](), list[str]()
    with closing(stream(model, file, columns, "reading", notes, level=level, opening=opening)) as batches:
        for examples in batches:
            items += examples.items
            y.extend(targets(examples))
            places += [str(place) for place in examples.places]
            if len(items) > MOST:
                notes.append(f"the first {MOST:,} items are looked at")
                say(notes[-1])
                break
    return Known((items[:MOST], y[:MOST]), places[:MOST], notes)
