"""What estimators of sequences are given: items and their targets, side by side or in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unrolled.data.containers import in_order, is_frame
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import ReadOptions, TargetLevel
from unrolled.data.frame_examples import read_frame_examples
from unrolled.data.frame_sequences import channel_names
from unrolled.data.items import ItemKind, kind_of, read_items
from unrolled.errors import InputError

__all__ = ["Given", "read_as_trained", "read_to_learn"]


@dataclass(frozen=True)
class Given:
    """Items that were read, and their targets as the user gave them.

    Attributes:
        columns: what the columns of a frame are for; None where nothing has a name.
        inferred: one sentence for each thing inferred.
        learned: how many of the items, the first ones, are to be learned from; the others validate.
    """

    items: list[Any]
    y: Any
    kind: ItemKind
    columns: ExampleColumns | None = None
    inferred: tuple[str, ...] = ()
    learned: int = 0


def read_to_learn(X: Any, y: Any, options: ReadOptions, target_level: TargetLevel) -> Given:
    """Read what is learned from.

    Args:
        X: items, or a frame.
        y: their targets; None where these are in the frame.
        options: which columns of the frame to read.
        target_level: whether each item has a target, or each of its steps.

    Raises:
        InputError: naming the item or the row and column, and what is wrong.
    """
    if is_frame(X):
        if options.label is not None and y is not None:
            raise InputError("label= names the column of the targets, and y holds them, too: leave one out")
        examples, columns, notes = read_frame_examples(X, options, target_level=target_level if y is None else "none")
        items = read_items(examples.items, kind=examples.kind)
        return Given(items, examples.targets if y is None else y, examples.kind, columns, tuple(notes))
    named = next((name for name, value in vars(options).items() if value), None)
    if named is not None:
        raise InputError(
            f"{named}= names a column, but the data is a {type(X).__name__}: give a frame, or leave it out"
        )
    kind = kind_of(X)
    items = read_items(X, kind=kind)
    first = None if kind != "numbers" else in_order(X, "sequences")[0]
    names = channel_names(first) if is_frame(first) else ()
    return Given(items, y, kind, ExampleColumns("frames", features=names) if names else None)


def read_as_trained(
    X: Any,
    y: Any,
    kind: ItemKind,
    channels: int | None,
    columns: ExampleColumns | None,
    target_level: TargetLevel = "none",
) -> Given:
    """Read as :func:`read_to_learn` did: the same kind of items, the same columns of frames by their names.

    Args:
        X: items, or a frame.
        y: their targets; None where these are in the frame.
        kind, channels, columns: of what was learned from.
        target_level: which targets are read of a frame where ``y`` is None.
    """
    if is_frame(X):
        examples, _, _ = read_frame_examples(
            X, ReadOptions(), target_level=target_level if y is None else "none", columns=columns
        )
        items = read_items(examples.items, kind=kind, channels=channels)
        return Given(items, examples.targets if y is None else y, kind, columns)
    names = columns.features if columns is not None and columns.layout == "frames" else ()
    return Given(read_items(X, kind=kind, channels=channels, names=names), y, kind, columns)
