"""The most frequent answer in training: the class; of a word its tag, and of an unknown one that of all unknown words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.tokens import TokenIds
from unrolled.comparison.classify import ClassifyTask
from unrolled.comparison.plain import Fitted, PlainFamily
from unrolled.comparison.tag import TagTask

__all__ = ["MOST_FREQUENT"]


def _classes(task: ClassifyTask, seed: int) -> Fitted:
    best = int(np.bincount(task.targets[0]).argmax())
    label = f"class {task.classes[best]}"
    return Fitted(lambda: np.full(len(task.targets[2]), best), 1, 0, 0, label)


def _tags(task: TagTask, seed: int) -> Fitted:
    """Words that occur once are unknown, so that there are such in training."""
    tags = np.concatenate(task.targets[0])
    usual = int(np.bincount(tags).argmax())
    if task.encoded.tokens is None:
        found = [np.full(len(each), usual) for each in task.targets[2]]
        return Fitted(lambda: found, 1, 0, 0, f"tag {task.tags[usual]}")
    counts = np.zeros((task.encoded.tokens.words, len(task.tags)), np.int64)
    np.add.at(counts, (np.concatenate([_words(item) for item in task.encoded.parts[0]]), tags), 1)
    best = np.where(counts.any(1), counts.argmax(1), usual)
    return Fitted(
        lambda: [best[_words(item)] for item in task.encoded.parts[2]], len(best), 1, 0, f"{len(best):,} words"
    )


def _words(item: TokenIds) -> NDArray[np.int64]:
    return item.words


MOST_FREQUENT = PlainFamily("most-frequent", {"classify": _classes, "tag": _tags}, "it knows classes and tags only")
