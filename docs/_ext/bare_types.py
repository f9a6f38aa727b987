"""Signatures show the types of parameters, not all that their declaration says: that stands in the docstring."""

from __future__ import annotations

from inspect import get_annotations
from typing import get_type_hints

from sphinx.application import Sphinx

from unrolled.parameters.declaration import Parameters, bare_type
from unrolled.tasks import estimators


def strip(app: Sphinx) -> None:
    groups = {base for each in estimators().values() for base in each.__mro__ if issubclass(base, Parameters)}
    hints = {base: get_type_hints(base, include_extras=True) for base in groups}
    for base in groups:
        base.__annotations__ = {name: bare_type(hints[base][name]) for name in get_annotations(base)}


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", strip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
