"""Equations as MathML, which every current browser draws itself: pages load no script and read offline."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

# What docutils does not know or sets wrongly, by what looks the same: an accent's index must not go under the letter,
# and ``\tfrac12`` needs its braces.
REWRITTEN = {
    r"\\(mathrel|textstyle|[bB]ig[lr]?)(?![a-z])": "",
    r"\\dots(?![a-z])": r"\\ldots",
    r"(\\(?:hat|tilde)\s*\{?\w\}?)_": r"\1{}_",
    r"\\t?frac(\d)(\d)": r"\\frac{\1}{\2}",
}


def mathml(latex: str, *, block: bool) -> str:
    """The MathML of ``latex``; an equation that cannot be translated fails the build."""
    for pattern, replacement in REWRITTEN.items():
        latex = re.sub(pattern, replacement, latex)
    try:
        return str(tex2mathml(latex, as_block=block))
    except MathError as error:
        raise ExtensionError(f"cannot translate to MathML: {latex!r}: {error}") from error


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), block=False))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math">{mathml(node.astext(), block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
