"""Docstrings with sections become field lists, whether headings are underlined (NumPy) or end in a colon (Google).

Only docstrings that have such headings are touched: elsewhere a colon is only a colon.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring, NumpyDocstring

SETTINGS = Config(napoleon_use_rtype=False)
UNDERLINE = re.compile(r"\s*-{3,}\s*$")
HEADING = re.compile(r"\s*(Args|Attributes|Returns|Raises|Yields|Example|Examples):\s*$")


def convert(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    for heading, style in ((UNDERLINE, NumpyDocstring), (HEADING, GoogleDocstring)):
        if any(heading.match(line) for line in lines):
            lines[:] = style(lines, SETTINGS, app, what, name, obj, options).lines()
            return


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
