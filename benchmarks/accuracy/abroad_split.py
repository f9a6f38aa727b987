"""The two halves of the benchmark's sets: defaults are chosen on one, results are reported of the other.

``abroad_split.json`` holds the half of every set by task, and was written before any result was seen. Within each kind, sets
are taken in the order of their names, those that were known before first; each goes to the half with fewer sets of its kind,
the known ones always to the chosen half.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

Half = Literal["chosen", "reported"]
FILE = Path(__file__).with_name("abroad_split.json")


def read_split(task: str) -> dict[str, Half]:
    """The half of every set of a task: ``forecast``, ``classify``, ``tag`` or ``detect``."""
    return json.loads(FILE.read_text())[task]


def split(kinds: Mapping[str, str], known: Iterable[str] = ()) -> dict[str, Half]:
    """The half of every set, from the kind of each and the names of those known before."""
    known = set(known)
    halves: dict[str, Half] = {}
    for kind in sorted(set(kinds.values())):
        names = [name for name in kinds if kinds[name] == kind]
        fewer = 0  # how many sets the reported half has fewer
        for name in sorted(names, key=lambda name: (name not in known, name)):
            half: Half = "reported" if fewer > 0 and name not in known else "chosen"
            halves[name], fewer = half, fewer + (1 if half == "chosen" else -1)
    return dict(sorted(halves.items()))


def write_split(task: str, kinds: Mapping[str, str], known: Iterable[str] = ()) -> None:
    """Put the halves of a task into the file; the halves of other tasks stay."""
    halves = json.loads(FILE.read_text()) if FILE.exists() else {}
    halves[task] = split(kinds, known)
    FILE.write_text(json.dumps(halves, indent=2, sort_keys=True) + "\n")
