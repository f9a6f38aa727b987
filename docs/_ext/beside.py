"""The ``beside`` directive: an equation, and beside it the lines of the source that compute it.

The lines are read from the source when the pages are built, found by their text inside a function. A line that is
no longer there, or is there twice, fails the build, so that the page cannot drift from the code. ::

    ```{beside} lstm.py step "c = " "h = "
    c[t] = f \\circ c[t-1] + i \\circ g, \\quad h[t] = o \\circ \\tanh(c[t])
    ```

Each quoted text is the beginning of one line, without its indentation; the lines are shown in the order given.
"""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

CELLS = Path(__file__).parents[2] / "src" / "unrolled" / "cells"


def function_lines(source: str, name: str) -> list[str]:
    """The lines of the function or method called ``name``, without their indentation."""
    found = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == name]
    if len(found) != 1:
        raise ValueError(f"{len(found)} functions are called {name!r}")
    return [line.strip() for line in source.splitlines()[found[0].body[0].lineno - 1 : found[0].end_lineno]]


def pick(lines: list[str], beginning: str) -> str:
    """The one line that begins so."""
    found = [line for line in lines if line.startswith(beginning)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} lines begin with {beginning!r}")
    return found[0]


class Beside(SphinxDirective):
    """``{beside} FILE FUNCTION "line" …`` with LaTeX as its content."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        file, function, *beginnings = shlex.split(self.arguments[0])
        path = CELLS / file
        self.env.note_dependency(str(path))
        try:
            lines = function_lines(path.read_text(encoding="utf-8"), function)
            code = "\n".join(pick(lines, beginning) for beginning in beginnings)
        except ValueError as error:
            raise self.error(f"beside: {file}, {function}: {error}") from error
        latex = "\n".join(self.content)
        equation = nodes.math_block(latex, latex, nowrap=False, number=None, label=None)
        listing = nodes.literal_block(code, code, language="python")
        listing["classes"].append("beside-code")
        return [nodes.container("", equation, listing, classes=["beside"])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("beside", Beside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
