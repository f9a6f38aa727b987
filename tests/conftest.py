"""The code on the pages of the documentation, and the scripts beside the tests, for tests that read or run them."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^:(\w+): (.*)\n", re.MULTILINE)


class CodeCell(NamedTuple):
    """A cell that is executed when the page is built."""

    code: str
    shown: bool
    """Whether the page shows the code, at once or when it is unfolded."""


@pytest.fixture(scope="session")
def code_cells():
    """The code cells of a page, in their order."""

    def read(page: Path) -> list[CodeCell]:
        cells = []
        for body in CELL.findall(page.read_text(encoding="utf-8")):
            options = dict(OPTION.findall(body))
            code = OPTION.sub("", body)
            if "load" in options:
                code = (page.parent / options["load"]).read_text(encoding="utf-8")
            cells.append(CodeCell(code, "remove-input" not in options.get("tags", "")))
        return cells

    return read


@pytest.fixture(scope="session")
def scripts_of():
    """A context in which the scripts of a folder find each other, as they do when one is run; it imports them by name.

    Afterwards those that came with it are gone, and those that other tests hold are still there.
    """

    @contextmanager
    def found(folder: Path):
        held = set(sys.modules)
        sys.path.insert(0, str(folder))
        try:
            yield import_module
        finally:
            sys.path.remove(str(folder))
            for name in {path.stem for path in folder.glob("*.py")} - held:
                sys.modules.pop(name, None)

    return found
