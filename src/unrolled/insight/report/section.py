"""A section of the page: what is shown, the equation of it, two sentences, and what was found here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from unrolled.charts.page import Page

__all__ = ["Found", "Part", "Section", "table"]

Part = Callable[[Page], None]
"""What adds something to a page."""


class Found(NamedTuple):
    """What a section has found: the equation of it, a sentence with the numbers, and the tables and pictures."""

    equations: tuple[str, ...]
    finding: str
    parts: list[Part]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Part:
    """A table as a part of a page."""
    return partial(Page.table, head=head, rows=rows, words=True)


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        key: for links to it.
        title: its heading.
        says: two sentences on what is shown.
        equations: of what is shown, in letters.
        finding: one sentence with the numbers found.
        parts: the pictures and tables.
    """

    key: str
    title: str
    says: str
    equations: tuple[str, ...] = ()
    finding: str = ""
    parts: tuple[Part, ...] = ()

    def draw(self, page: Page) -> None:
        """Add it to a page."""
        page.heading(self.title, self.key)
        page.paragraph(self.says)
        page.equations(self.equations)
        if self.finding:
            page.finding(self.finding)
        for part in self.parts:
            part(page)
