"""Pages: one HTML file that needs nothing beside it and loads nothing, in the reader's own light or dark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from unrolled.charts.chart import html_table

__all__ = ["Figure", "Page", "equation_html"]

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2024; --quiet: #5f6872; --line: #e3e6e9; --code: #f4f5f7;
  --forecast: #0b62c4; --truth: #c2480a; --interval: rgba(11, 98, 196, .16); --shade: rgba(28, 32, 36, .28);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ink: #e8eaed; --quiet: #9aa4ae; --line: #2c3237; --code: #1e2327;
    --forecast: #6cb2ff; --truth: #ff9a5c; --interval: rgba(108, 178, 255, .2); --shade: rgba(232, 234, 237, .3);
  }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 40px 20px 60px; }
h1 { font-size: 28px; line-height: 1.25; margin: 0 0 10px; }
h2 { font-size: 19px; margin: 44px 0 6px; }
p { margin: 0 0 12px; max-width: 68ch; }
.quiet, figcaption, footer { color: var(--quiet); font-size: 14px; }
figure { margin: 12px 0 0; }
.scroll { overflow-x: auto;  /* with a shadow on each side on which there is more */
  background: linear-gradient(to right, var(--paper) 30%, transparent) left / 40px 100% no-repeat local,
    linear-gradient(to left, var(--paper) 30%, transparent) right / 40px 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / 14px 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / 14px 100% no-repeat scroll; }
.sideways { display: none; }
@media (max-width: 680px) { .sideways { display: block; color: var(--quiet); font-size: 14px; } }
.latest { direction: rtl; }  /* on a narrow screen the end is in view first */
.latest > * { direction: ltr; }
svg { display: block; width: 100%; height: auto; }
svg path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { stroke: var(--quiet); stroke-width: 1; }
svg .now { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 3 4; }
svg text { fill: var(--quiet); font: 13px system-ui, sans-serif; }
svg path.history, svg path.training { stroke: var(--quiet); }
svg path.truth { stroke: var(--truth); }
svg path.forecast, svg path.validation { stroke: var(--forecast); }
svg path.interval { fill: var(--interval); }
svg path.dashed { stroke-dasharray: 6 4; }
svg path.dotted { stroke-dasharray: 2 3; }
svg circle.truth { fill: var(--truth); }
svg circle.forecast { fill: var(--forecast); }
svg text.validation { fill: var(--forecast); }
.key { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 10px 0 0; padding: 0; list-style: none; font-size: 14px; }
.key li::before { content: ""; display: inline-block; width: 20px; height: 3px; margin-right: 8px; vertical-align: 4px;
  background: var(--key); }
.key li.wide::before { height: 12px; vertical-align: -1px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: 12px; }
th, td { padding: 6px 18px 6px 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; color: var(--quiet); font-size: 14px; }
.words-table th, .words-table td { text-align: left; vertical-align: top; }
.words-table td:nth-child(2) { min-width: 5em; }
.words-table td:first-child { overflow-wrap: break-word; }  /* a place: broken between its words only */
.words-table td:nth-child(2) { overflow-wrap: anywhere; }  /* names, not numbers */
@media (max-width: 680px) { th, td { padding-right: 10px; } }
tr.own td { font-weight: 600; color: var(--forecast); }
pre { background: var(--code); border-radius: 8px; padding: 14px 16px; overflow-x: auto; font-size: 14px; }
footer { margin-top: 48px; border-top: 1px solid var(--line); padding-top: 14px; }
svg rect.cell { fill: var(--forecast); }
svg rect.frame { fill: none; stroke: var(--line); }
a { color: var(--forecast); }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; padding: 0; list-style: none; }
:focus-visible { outline: 3px solid var(--forecast); outline-offset: 2px; border-radius: 3px; }
.equation { font: 18px/1.7 "STIX Two Text", Cambria, "Times New Roman", serif; margin: 6px 0; max-width: none; }
.equation sub { font-size: 70%; line-height: 0; }
.finding { border-left: 4px solid var(--forecast); padding-left: 12px; font-weight: 600; }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What the browser may load: nothing from anywhere else."""
PHONE = 350
"""The width in px that the text of a page has on a phone."""
LEGIBLE = 0.72
"""How far a picture may be made smaller."""


@dataclass(frozen=True)
class Figure:
    """A picture, what its colours mean (CSS colour, words, whether it is an area) and a sentence below it.

    ``latest``: its right end is what matters.
    """

    svg: str
    key: Sequence[tuple[str, str, bool]]
    caption: str
    latest: bool = False


class Page:
    """An HTML page put together from top to bottom.

    >>> page = Page("Title")
    >>> page.paragraph("a < b")
    >>> "<p>a &lt; b</p>" in page.html()
    True
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts = [f"<h1>{escape(title)}</h1>"]
        self._styles, self._scripts = [STYLE], list[str]()

    def heading(self, text: str, key: str = "") -> None:
        """Begin a section, which links find by ``key``."""
        place = f' id="{escape(key)}"' if key else ""
        self._parts.append(f"<h2{place}>{escape(text)}</h2>")

    def contents(self, entries: Iterable[tuple[str, str]]) -> None:
        """Add links to sections: their keys and titles."""
        links = "".join(f'<li><a href="#{escape(key)}">{escape(title)}</a></li>' for key, title in entries)
        self._parts.append(f'<nav aria-label="Sections"><ul>{links}</ul></nav>')

    def equations(self, lines: Iterable[str]) -> None:
        """Add equations, as :func:`equation_html` writes them."""
        self._parts.append("\n".join(f'<p class="equation">{equation_html(line)}</p>' for line in lines))

    def point(self, lead: str, text: str) -> None:
        """Add a paragraph whose first words stand out."""
        self._parts.append(f"<p><strong>{escape(lead)}</strong> {escape(text)}</p>")

    def finding(self, text: str) -> None:
        """Add what was found, which stands out."""
        self._parts.append(f'<p class="finding">{escape(text)}</p>')

    def markup(self, html: str, style: str = "") -> None:
        """Add HTML of one's own, in which all data is escaped, and the style rules that it needs."""
        self._parts.append(html)
        self._styles.append(style)

    def program(self, script: str, data: Any) -> None:
        """Run a script at the end of the page, with ``data`` as its variable of that name."""
        known = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
        self._scripts.append(f"<script>\n(function () {{\nconst data = {known};\n{script}}})();\n</script>")

    def paragraph(self, text: str, *, quiet: bool = False) -> None:
        """Add a paragraph, in a smaller and paler type if it is ``quiet``."""
        kind = ' class="quiet"' if quiet else ""
        self._parts.append(f"<p{kind}>{escape(text)}</p>")

    def figure(self, figure: Figure) -> None:
        """Add a picture with its key above and its caption below."""
        wide = ' class="wide"'
        marks = "".join(
            f'<li style="--key: {escape(colour)}"{wide if area else ""}>{escape(words)}</li>'
            for colour, words, area in figure.key
        )
        key = f'<ul class="key">{marks}</ul>\n' if marks else ""
        caption = f"<figcaption>{escape(figure.caption)}</figcaption>"
        kind = "scroll latest" if figure.latest else "scroll"
        svg = f'<div class="{kind}" {_scrolled("picture")}>{_sized(figure.svg)}</div>'
        more = '<p class="sideways">↔ scrolls sideways</p>\n' if _least(figure.svg) > PHONE else ""
        self._parts.append(f"<figure>\n{key}{more}{svg}\n{caption}\n</figure>")

    def table(
        self, head: Sequence[str], rows: Iterable[Sequence[str]], *, own: int | None = None, words: bool = False
    ) -> None:
        """Add a table; row ``own`` stands out. ``words``: it has no columns of numbers that are to be compared."""
        kind = "scroll words-table" if words else "scroll"
        self._parts.append(f'<div class="{kind}" {_scrolled("table")}>{html_table(head, rows, own=own)}</div>')

    def code(self, lines: Iterable[str]) -> None:
        """Add lines to be typed."""
        self._parts.append(f"<pre><code>{escape(chr(10).join(lines))}</code></pre>")

    def footer(self, text: str) -> None:
        """Add the last line."""
        self._parts.append(f"<footer>{escape(text)}</footer>")

    def html(self) -> str:
        """Return the whole page."""
        body = "\n".join(self._parts)
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f"<title>{escape(self._title)}</title>\n<style>{''.join(self._styles)}</style>\n</head>\n"
            f"<body>\n<main>\n{body}\n</main>\n{''.join(self._scripts)}\n</body>\n</html>\n"
        )


SHORT_WORDS = ("an", "at", "if", "in", "is", "it", "of", "to")
"""Which are no products of two variables."""


def equation_html(text: str) -> str:
    """An equation in letters as HTML: names in italics, and what stands behind ``_`` or in brackets below the line.

    >>> equation_html("h[t-1] < W_f x")
    '<i>h</i><sub>t−1</sub> &lt; <i>W</i><sub>f</sub> <i>x</i>'
    """
    found = list[str]()
    for name, below, other in re.findall(r"([^\W\d_]+[ᵀ′]*)((?:_\w+|_\*|\[(?:t[^\]]*|\d+|T)\])*)|(.)", text):
        lower = re.sub(r"[_\[]", " ", below).replace("]", "").strip().replace("-", "−")
        upright = len(name.rstrip("ᵀ′")) > 2 or name in SHORT_WORDS
        written = escape(name) if upright else f"<i>{escape(name)}</i>"
        found.append(
            (written if name else "")
            + (f"<sub>{escape(lower)}</sub>" if below else "")
            + escape("−" if other == "-" else other)
        )
    return "".join(found)


def _scrolled(what: str) -> str:
    """So that the keyboard can move what is wider than the screen."""
    return f'tabindex="0" role="group" aria-label="{what}, scrolls sideways on a narrow screen"'


def _width(svg: str) -> float:
    return float((re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+)', svg) or [0, 860])[1])


def _least(svg: str) -> float:
    """The width below which a picture could not be read."""
    return min(LEGIBLE * _width(svg), 640)


def _sized(svg: str) -> str:
    """A picture that neither grows far beyond its own size nor becomes too small to be read."""
    sizes = f"max-width: {1.25 * _width(svg):.0f}px; min-width: {_least(svg):.0f}px"
    return svg.replace("<svg ", f'<svg style="{sizes}" ', 1)
