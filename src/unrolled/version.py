"""The version of the installed library, read only when somebody asks: importlib.metadata costs milliseconds."""

from __future__ import annotations

from functools import cache

__all__ = ["library_version"]


@cache
def library_version() -> str:
    """Return the version of the installed distribution, or ``0+source`` where the sources run without being installed.

    >>> library_version()[0].isdigit()
    True
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("unrolled")
    except PackageNotFoundError:
        return "0+source"
