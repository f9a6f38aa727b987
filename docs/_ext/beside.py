"""The ``beside`` directive: an equation, and beside it the statements that compute it.

Statements are read from the source when the pages are built, found by their beginning inside a function. One that is
no longer there, or is there twice, fails the build, so that the page cannot drift from the code. ::

    ```{beside} cells/lstm.py step "c = " "h = "
    c[t] = f \\circ c[t-1] + i \\circ g, \\quad h[t] = o \\circ \\tanh(c[t])
    ```

Each quoted text is the beginning of one statement; the statements are shown in the order given.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from statements import pick, statements

PACKAGE = Path(__file__).parents[2] / "src" / "unrolled"


class Beside(SphinxDirective):
    """``{beside} FILE FUNCTION "beginning" …`` with LaTeX as its content."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        file, function, *beginnings = shlex.split(self.arguments[0])
        path = PACKAGE / file
        self.env.note_dependency(str(path))
        try:
            found = statements(path.read_text(encoding="utf-8"), function)
            code = "\n".join(pick(found, beginning) for beginning in beginnings)
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
