"""What a linter does not see of the style: names that cross files, and the dialect of docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "unrolled"
FILES = {path.relative_to(SOURCES).as_posix(): path for path in sorted(SOURCES.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}

COMPILED = "_native"
"""The compiled module, which has no file of Python."""


def file_of(module: str) -> str | None:
    """The file of a module of this package; None for modules of others and for the compiled one."""
    if module.partition(".")[0] != "unrolled":
        return None
    stem = module.removeprefix("unrolled").replace(".", "/").lstrip("/")
    names = (f"{stem}.py", f"{stem}/__init__.py" if stem else "__init__.py")
    return next((name for name in names if name in FILES), None)


def exported(tree: ast.Module) -> set[str]:
    """The names in ``__all__``."""
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    return {name for names in lists for name in ast.literal_eval(names)}


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that is imported from a file of the package, and that file; modules themselves are no names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            source = file_of(node.module)
            for alias in node.names:
                if source is not None and alias.name != COMPILED and file_of(f"{node.module}.{alias.name}") is None:
                    yield source, alias.name


@pytest.mark.parametrize("file", FILES)
def test_names_that_cross_files_are_in_all(file):
    for source, name in imported(TREES[file]):
        assert name in exported(TREES[source]), f"{file} imports {name}, which is not in __all__ of {source}"
        assert not name.startswith("_"), f"{file} imports {name}, a private name of {source}"


OTHER_DIALECT = re.compile(
    r"^\s*:(?:param|type|raises|returns?|rtype)\b|^(?:Parameters|Returns|Raises|Yields|Examples?)\n---|^Examples?:$",
    re.M,
)

SECTION = re.compile(r"^(?:Args|Attributes|Returns|Yields|Raises):$", re.M)


@pytest.mark.parametrize("file", FILES)
def test_docstrings_have_sections_as_google_writes_them(file):
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            docstring, where = ast.get_docstring(node) or "", f"{file}, {getattr(node, 'name', 'the module')}"
            other = OTHER_DIALECT.search(docstring)
            assert other is None, f"{where}: {other[0].strip()!r}"
            examples = re.split(r"^>>> ", docstring, maxsplit=1, flags=re.M)[1:]
            late = SECTION.search("".join(examples))
            assert late is None, f"{where}: {late[0]!r} after the example"
