"""Runs of a task's methods on its sets, kept in a file: what is there is not run again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Run = dict[str, Any]
"""What was measured in one run, by the name of the measure."""
Found = dict[str, dict[str, list[Run]]]
"""Runs by set and method: one, or one for each seed."""


@dataclass(frozen=True)
class Method:
    """A method: what it measures on a set with a seed, and whether the seed matters."""

    measure: Callable[[Any, int], Run]
    seeded: bool = False


class Task(Protocol):
    """A module with the sets of a task by name, its methods by name, and the text of their results."""

    SETS: Mapping[str, Any]
    METHODS: Mapping[str, Method]

    def report(self, found: Found) -> str: ...


def complete(task: Task, names: Iterable[str], seeds: int, file: Path | None) -> Found:
    """Run what is missing, set by set; the file is written after each run."""
    kept: Found = json.loads(file.read_text()) if file and file.exists() else {}
    found: Found = {}
    for name in names:
        found[name] = {}
        for title, method in task.METHODS.items():
            runs = kept.setdefault(name, {}).setdefault(title, [])
            wanted = seeds if method.seeded else 1
            while len(runs) < wanted:
                _show(f"{name}: {title}" + f", seed {len(runs)}" * method.seeded)
                runs.append(method.measure(task.SETS[name], len(runs)))
                if file:
                    file.write_text(json.dumps(kept, indent=1))
            found[name][title] = runs[:wanted]
    _show("")
    return found


def _show(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
