"""The statements of a function as text, found by their beginnings."""

from __future__ import annotations

import ast
import gc
from textwrap import dedent


def parsed(source: str) -> ast.Module:
    """The syntax tree, while no garbage is collected.

    Garbage of an executed page may hold an error that is reported when it is freed. Python 3.11 parses the lines of its
    traceback for that, and a parse within a parse is more than it can take (cpython issue 106905).
    """
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()


def statements(source: str, name: str) -> list[str]:
    """The statements of the function or method called ``name``, unindented; of a loop and the like the first line."""
    found = [n for n in ast.walk(parsed(source)) if isinstance(n, ast.FunctionDef) and n.name == name]
    if len(found) != 1:
        raise ValueError(f"{len(found)} functions are called {name!r}")
    lines = source.splitlines()
    inside = [node for node in ast.walk(found[0]) if isinstance(node, ast.stmt) and node is not found[0]]
    ends = {node.lineno: node.lineno if hasattr(node, "body") else node.end_lineno for node in inside}
    return [dedent("\n".join(lines[first - 1 : last])) for first, last in sorted(ends.items())]


def pick(found: list[str], beginning: str) -> str:
    """The one statement that begins so."""
    fitting = [statement for statement in found if statement.startswith(beginning)]
    if len(fitting) != 1:
        raise ValueError(f"{len(fitting)} statements begin with {beginning!r}")
    return fitting[0]
