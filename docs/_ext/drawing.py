"""The ``drawing`` directive: one of the drawings of ``figures.py``, in the page itself, so that it follows its colours.

::

    ```{drawing} lstm_cell
    The caption, in the page's own markup.
    ```
"""

from __future__ import annotations

from pathlib import Path

import figures
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Drawing(SphinxDirective):
    """``{drawing} NAME`` with the caption as its content."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in figures.DRAWINGS:
            raise self.error(f"no drawing is called {name!r}; there are {', '.join(figures.DRAWINGS)}")
        self.env.note_dependency(str(Path(figures.__file__)))
        caption = nodes.caption()
        self.state.nested_parse(self.content, self.content_offset, caption)
        words = caption.children[0].children if caption.children else []
        picture = nodes.raw("", figures.DRAWINGS[name](), format="html")
        return [nodes.figure("", picture, nodes.caption("", "", *words), classes=["drawing"])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("drawing", Drawing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
