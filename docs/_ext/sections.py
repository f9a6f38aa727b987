"""Docstrings with sections, whose headings end in a colon, become field lists.

Only docstrings that have such headings are touched: elsewhere a colon is only a colon.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

SETTINGS = Config(napoleon_use_rtype=False)
HEADING = re.compile(r"\s*(Args|Attributes|Returns|Raises|Yields):\s*$")


def convert(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    if any(HEADING.match(line) for line in lines):
        lines[:] = GoogleDocstring(lines, SETTINGS, app, what, name, obj, options).lines()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
