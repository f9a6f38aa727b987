"""The equations of a cell as lines of text, from the docstring that its code is written beside."""

from __future__ import annotations

import re
import sys
from functools import partial
from typing import NamedTuple

from unrolled.cells import Cell

__all__ = ["Equations", "equations_of"]

WORDS = {
    r"\\(?:q?quad|;|,| )": "  ", r"\\mathrel\{(.)\}=": r"\1=", r"\\text\{([^}]*)\}": r"\1", r"\\left|\\right": "",
    r"\\frac\{([^{}]*)\}\{([^{}]*)\}": r"(\1) / (\2)", r"\\sum_\{k=1\}\^\{K\}": "Σ_k",
    r"\^\\?T": "ᵀ", r"\^2": "²", r"\^k": "^k", r"\\neq": "≠", r"\\ldots": "…", r"\\circ": "∘", r"\\hat y": "ŷ", r"\\sum": "Σ",
    r"\\(tanh|log|max)": r"\1", r"N'\^?ᵀ": "N′ᵀ", r"'": "′",
    **{rf"\\{name}(?![a-z])": letter for name, letter in {
        "sigma": "σ", "delta": "δ", "varphi": "φ", "alpha": "α", "beta": "β", "zeta": "ζ", "nu": "ν", "tau": "τ", "Delta": "Δ",
    }.items()},
    r"δ (?=[a-z])": "δ", r"_\{(\w+)\}": r"_\1", r"e\^\{([^{}]*)\}": r"exp(\1)",
}  # fmt: skip
"""What is written in LaTeX, and the same in letters, one after the other."""


class Equations(NamedTuple):
    """A line for each equation."""

    forward: tuple[str, ...]
    """From what is read to the states."""
    backward: tuple[str, ...]
    """From the gradients of the states to those of all else; ``δv`` is that of ``v``."""


def equations_of(cell: Cell) -> Equations:
    """The equations of one step of a cell.

    >>> from unrolled.cells import get_cell
    >>> for line in equations_of(get_cell("lstm")).forward:
    ...     print(line)
    i, f, o = σ(a_i, a_f, a_o)
    g = tanh(a_g)
    a_* = W_* x[t] + U_* h[t-1] + b_*
    c[t] = f ∘ c[t-1] + i ∘ g
    h[t] = o ∘ tanh(c[t])
    """
    text = sys.modules[cell.step.__module__].__doc__ or ""  # python -OO has none
    text = re.sub(r"\\begin\{cases\}(.*?)\\end\{cases\}", partial(_case_of, cell), text, flags=re.DOTALL)
    forward, _, backward = text.partition("Backward")
    said = [f"φ = {cell.activations[0].name}"] if len(cell.activations) == 1 else []
    said += ["f = 1 - i"] if cell.keeps == "-i" else []
    said += ["p = 0"] if "p_o" in text and "weight_ch" not in dict(cell.parameters) else []
    return Equations((*_lines(forward), *said), _lines(backward))


def _lines(text: str) -> tuple[str, ...]:
    blocks = re.findall(r"\.\. math::\n((?: .*\n|\n(?= ))+)", text + "\n")
    each = [part for block in blocks for part in re.split(r",?\s*\\q?quad\s*|,\s*\n", " ".join(block.split("\n")))]
    return tuple(line for line in map(_plain, each) if line)


def _case_of(cell: Cell, cases: re.Match[str]) -> str:
    """The case that bears the cell's name."""
    rows = (row.partition("&") for row in cases[1].split(r"\\"))
    return next(value.strip() for value, _, name in rows if cell.name in name.lower())


def _plain(latex: str) -> str:
    for pattern, plain in WORDS.items():
        latex = re.sub(pattern, plain, latex)
    return " ".join(latex.split()).strip(" ,")
