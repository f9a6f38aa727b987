"""Numbers as tables write them: 102.5, 102,5, 1,102.5, 1.102,5, 1 102,5, $102, 12 %; in doubt refused.

>>> form, = number_forms([["1.102,5", "98,25"]])
>>> form.read("1.102,5"), form.read("n/a")
(1102.5, None)
>>> number_forms([["1,102", "2,250"]])[0].doubt
'it could be 1102 or 1.102; write it without the comma, or with another number of decimals'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["BLANK", "INTEGER", "NUMBER", "PLAIN", "NumberForm", "number_forms"]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)  # what surely fits an int64
BLANK = {"", "na", "n/a", "nan", "null", "none"}

ENOUGH = 1000  # cells, where they tell which mark is that of decimals
_SPACES = " '’\u00a0\u202f"  # between thousands, too
_FORMS = {  # decimal mark -> a number with it, without and with marks between thousands
    ".": re.compile(rf"[+-]?(?:\d{{1,3}}(?:,\d{{3}})+|\d{{1,3}}(?:[{_SPACES}]\d{{3}})+)(?:\.\d*)?", re.ASCII),
    ",": re.compile(
        rf"[+-]?(?:(?:\d{{1,3}}(?:\.\d{{3}})+|\d{{1,3}}(?:[{_SPACES}]\d{{3}})+|\d+)(?:,\d*)?|,\d+)(?:e[+-]?\d+)?",
        re.IGNORECASE | re.ASCII,
    ),
}
_GROUPED = {".": re.compile(r"[+-]?[1-9]\d{0,2},\d{3}"), ",": re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")}
_BESIDE = r"(?:[$€£¥]|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|kr|zł)"
_AFFIXED = re.compile(
    rf"(?P<sign>[+-]?)\s?(?P<before>{_BESIDE}?)\s?(?P<number>[+-]?[\d.,{_SPACES}]*\d[\d.,{_SPACES}]*?)\s?(?P<after>(?:{_BESIDE}|%)?)"
)

Mark = Literal[".", ","]


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Attributes:
        decimal: the mark before decimals.
        before, after: what stands beside each number, such as ``$`` or ``%``.
        doubtful: a number that could be read in two ways, if all leave that open.
    """

    decimal: Mark = "."
    before: str = ""
    after: str = ""
    doubtful: str = ""

    def read(self, cell: str) -> float | None:
        """The number, None if a cell is none of this form."""
        plain = self.decimal == "." and not (self.before or self.after)
        if plain and NUMBER.fullmatch(cell):
            return float(cell)
        cell = _signed(cell)
        if self.before or self.after:
            found = _AFFIXED.fullmatch(cell)
            if found is None or (found["before"], found["after"]) != (self.before, self.after):
                return None
            cell = found["sign"] + found["number"]
        if self.decimal == "." and NUMBER.fullmatch(cell):
            return float(cell)
        if not _FORMS[self.decimal].fullmatch(cell):
            return None
        for mark in _SPACES + ("," if self.decimal == "." else "."):
            cell = cell.replace(mark, "")
        return float(cell.replace(",", "."))

    @property
    def doubt(self) -> str:
        """The message about a number that could be read in two ways."""
        mark, name = (",", "comma") if "," in self.doubtful else (".", "point")
        return (
            f"it could be {self.doubtful.replace(mark, '')} or {self.doubtful.replace(',', '.')}; write it without the {name},"
            " or with another number of decimals"
        )


PLAIN = NumberForm()


def number_forms(columns: Sequence[Sequence[str]], delimiter: str = ",") -> list[NumberForm | None]:
    """How the numbers of each column are written, None where most cells are none.

    Args:
        columns: the cells of each.
        delimiter: what separates the cells in their file; where it is a comma, numbers with three decimals are no thousands.
    """
    given = [[_signed(cell) for cell in cells if cell.lower() not in BLANK] for cells in columns]
    affixes = [_affix(cells) for cells in given]
    bare = [cells if affix == ("", "") else _without(cells) for cells, affix in zip(given, affixes, strict=True)]
    proofs = [_proofs(cells) for cells in bare]
    together = (any(proof[0] for proof in proofs), any(proof[1] for proof in proofs))
    return [
        _form(cells, proof, together, affix, delimiter)
        for cells, proof, affix in zip(bare, proofs, affixes, strict=True)
    ]


def _signed(cell: str) -> str:
    """A number with its minus in front, which accounts write as brackets or behind it.

    >>> _signed("(1,50)"), _signed("1.5-"), _signed("-2")
    ('-1,50', '-1.5', '-2')
    """
    if cell[:1] == "(" and cell[-1:] == ")":
        return f"-{cell[1:-1]}"
    return f"-{cell[:-1]}" if cell[-1:] == "-" and cell[:1].isdigit() else cell


def _form(
    cells: Sequence[str], proof: tuple[int, int], together: tuple[bool, bool], affix: tuple[str, str], delimiter: str
) -> NumberForm | None:
    if not cells:
        return None
    point, comma = proof if any(proof) else together
    decimal: Mark = "," if comma > point else "."
    form = NumberForm(decimal, *affix)
    if decimal == "," or not all(map(NUMBER.fullmatch, cells)):
        count = sum(NumberForm(decimal).read(cell) is not None for cell in cells)
        if count == 0 or 2 * count < len(cells):
            return None
    if not any(proof) and together[0] == together[1]:
        doubtful = next((cell for cell in cells if _is_doubtful(cell, delimiter)), None)
        if doubtful is not None:
            return NumberForm(decimal, *affix, doubtful=doubtful)
    return form


def _is_doubtful(cell: str, delimiter: str) -> bool:
    """Whether the three digits behind a mark could be decimals or not."""
    return bool(_GROUPED["."].fullmatch(cell) or (delimiter == ";" and _GROUPED[","].fullmatch(cell)))


def _proofs(cells: Sequence[str]) -> tuple[int, int]:
    """How many numbers can only have a decimal point, and how many only a decimal comma."""
    point = comma = 0
    for n, cell in enumerate(cells):
        if "." not in cell and "," not in cell:
            continue
        if n >= ENOUGH and (point or comma):
            break
        digits = cell.lstrip("+-")
        as_point = bool(NUMBER.fullmatch(cell) or _FORMS["."].fullmatch(cell)) and not digits.startswith("0,")
        as_comma = _FORMS[","].fullmatch(cell) is not None and not digits.startswith("0.")
        point += as_point and not as_comma
        comma += as_comma and not as_point
    return point, comma


def _affix(cells: Sequence[str]) -> tuple[str, str]:
    """What stands before and after most numbers."""
    if 2 * sum(map(bool, map(NUMBER.fullmatch, cells))) >= len(cells):
        return "", ""
    found = [_AFFIXED.fullmatch(cell) for cell in cells]
    pairs = [(match["before"], match["after"]) for match in found if match is not None]
    pair = max(set(pairs), key=pairs.count, default=("", ""))
    return pair if 2 * pairs.count(pair) >= len(cells) else ("", "")


def _without(cells: Sequence[str]) -> list[str]:
    found = [_AFFIXED.fullmatch(cell) for cell in cells]
    return [
        cell if match is None else match["sign"] + match["number"] for cell, match in zip(cells, found, strict=True)
    ]
