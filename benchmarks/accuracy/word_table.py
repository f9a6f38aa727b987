r"""A translation word for word: the least that anything that learns from pairs has to beat.

.. math::
    t(f \mid e) \propto \sum_{(x, y)} \sum_{j, i} [y_j = f]\,[x_i = e]\, \frac{t(f \mid e)}{t(f) + \sum_{i'} t(f \mid x_{i'})}

is the expectation maximisation of IBM's model 1, in which :math:`t(f)` says what comes of no word (Brown et al. 1993, "The
mathematics of statistical machine translation", Computational Linguistics 19:2). Each word becomes the most probable of its
translations, where it stands; one that was never seen stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

__all__ = ["WordTable"]

ROUNDS = 5


class WordTable:
    """What each word becomes.

    >>> table = WordTable(["the house", "the book", "a book"], ["das Haus", "das Buch", "ein Buch"])
    >>> table(["a house, the house"])
    ['ein Haus, das Haus']
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        x, y = ([_words(text) for text in texts] for texts in (sources, targets))
        e_names, f_names = (sorted({word for words in each for word in words}) for each in (x, y))
        e_place = {word: place for place, word in enumerate(e_names, 1)}  # 0 is no word
        f_place = {word: place for place, word in enumerate(f_names)}
        e, f, of, at = [], [], [], 0
        for own, said in zip(x, y, strict=True):
            rows = [0, *(e_place[word] for word in own)]
            e.append(np.tile(rows, len(said)))
            f.append(np.repeat([f_place[word] for word in said], len(rows)))
            of.append(np.repeat(np.arange(at, at + len(said)), len(rows)))
            at += len(said)
        key, place = np.unique(np.concatenate(e) * len(f_names) + np.concatenate(f), return_inverse=True)
        word, asked = key // len(f_names), np.concatenate(of)
        t = np.ones(len(key))
        for _ in range(ROUNDS):
            share = t[place] / np.bincount(asked, t[place], at)[asked]
            counts = np.bincount(place, share, len(key))
            t = counts / np.bincount(word, counts)[word]
        order = np.lexsort((t, word))
        best = order[np.flatnonzero(np.diff(word[order], append=-1))]
        self._of = {e_names[word[n] - 1]: f_names[key[n] % len(f_names)] for n in best if word[n]}

    def __call__(self, sources: Sequence[str]) -> list[str]:
        """Their translations."""
        return [
            re.sub(r"\w+(?:['’]\w+)*|[^\w\s]", lambda found: self._of.get(found[0], found[0]), text) for text in sources
        ]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text)
