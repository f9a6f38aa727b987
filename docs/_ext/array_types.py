"""Arrays in annotations as ``ndarray``: what NumPy adds in brackets says nothing that a docstring's shape does not say better.

It must be loaded before autodoc, whose modules take Sphinx's function by its name.
"""

from __future__ import annotations

from typing import Any, get_origin

import numpy as np
from sphinx.application import Sphinx
from sphinx.util import inspect, typing

stringify_annotation = typing.stringify_annotation


def plain(annotation: Any, /, *arguments: Any, **options: Any) -> str:
    """The annotation as text; Sphinx calls it for its parts as well."""
    return stringify_annotation(
        np.ndarray if get_origin(annotation) is np.ndarray else annotation, *arguments, **options
    )


def setup(app: Sphinx) -> dict[str, bool]:
    typing.stringify_annotation = inspect.stringify_annotation = plain
    return {"parallel_read_safe": True, "parallel_write_safe": True}
