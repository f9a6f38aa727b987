"""Code on the pages: what a page shows can be pasted, and every line beside an equation is there in the source."""

from __future__ import annotations

import ast
import builtins
import re
import runpy
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(
    page for page in DOCS.rglob("*.md") if "_build" not in page.parts and "{code-cell}" in page.read_text("utf-8")
)
PACKAGE = Path(__file__).parents[1] / "src" / "unrolled"
BESIDE = re.compile(r"^```\{beside\} (.+)$", re.MULTILINE)
HELPERS = {module.stem for folder in (DOCS, DOCS / "_ext") for module in folder.glob("*.py")}


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages that some code imports."""
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[0] for name in names}


def undefined(tree: ast.AST) -> set[str]:
    """The names that some code uses and nowhere defines."""
    used, defined = set(), set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and node.name:
            defined.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            defined.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
    return used - defined


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_what_a_page_shows_can_be_pasted(page, code_cells):
    shown = ast.parse("\n".join(cell.code for cell in code_cells(page) if cell.shown))
    assert not imported(shown) & HELPERS
    assert not undefined(shown)


def test_a_helper_and_a_name_from_a_hidden_cell_are_noticed():
    tree = ast.parse("from picture import chart\nchart({name: values for name in names})")
    assert imported(tree) & HELPERS == {"picture"}
    assert undefined(tree) == {"values", "names"}


def test_every_line_beside_an_equation_is_in_the_source():
    statements, pick = (runpy.run_path(str(DOCS / "_ext" / "statements.py"))[name] for name in ("statements", "pick"))
    directives = {directive for page in DOCS.rglob("*.md") for directive in BESIDE.findall(page.read_text("utf-8"))}
    assert len(directives) > 100
    for directive in directives:
        file, function, *beginnings = shlex.split(directive)
        found = statements((PACKAGE / file).read_text(encoding="utf-8"), function)
        assert [pick(found, beginning) for beginning in beginnings], directive
