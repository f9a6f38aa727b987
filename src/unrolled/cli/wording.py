"""Messages in the words of whoever reads them: the library names arguments as Python does, a terminal shows flags.

What the user's data say stands in quotes, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from shlex import quote
from typing import Any

__all__ = ["current_command", "in_flags", "knows", "printable", "speaking"]

QUOTED = r"(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)|\"(?:[^\"\\]|\\.)*\""
VALUES = r"'[^']*'(?:, '[^']*')*(?: or '[^']*')?|[\w+-][\w.+-]*\b|\([^()]*\)"

_FLAGS: ContextVar[Mapping[str, str]] = ContextVar("_FLAGS")
_COMMAND: ContextVar[str] = ContextVar("_COMMAND", default="")


@contextmanager
def speaking(flags: Mapping[str, str], command: str = "") -> Generator[None, None, None]:
    """Let :func:`in_flags` know the flags of a command, by the names of the arguments they stand for."""
    tokens = _FLAGS.set(flags), _COMMAND.set(command)
    try:
        yield
    finally:
        _FLAGS.reset(tokens[0])
        _COMMAND.reset(tokens[1])


def current_command() -> str:
    """The words by which the command that runs was called, such as ``fit forecast``."""
    return _COMMAND.get()


def in_flags(message: str) -> str:
    """A message with flags in place of the arguments it names.

    >>> with speaking({"missing": "--missing", "hidden_size": "--hidden-size", "time": "--time"}):
    ...     print(in_flags("a.csv, line 3, column 'time': the value is missing; choose missing='previous' or 'zero'"))
    ...     print(in_flags("name it with time=, or lower hidden_size (now 64); 'hidden_size=' is a label"))
    ...     print(in_flags("hidden_size is 0, expected at least 1"))
    a.csv, line 3, column 'time': the value is missing; choose --missing previous or zero
    name it with --time, or lower --hidden-size (now 64); 'hidden_size=' is a label
    --hidden-size is 0, expected at least 1
    >>> with speaking({"missing": "--fix missing="}):
    ...     print(in_flags("fill it, or choose how with missing='interpolate', 'previous' or 'zero'"))
    fill it, or choose how with --fix missing=interpolate, previous or zero
    >>> with speaking({"transpose": "--transpose"}):
    ...     print(in_flags("transpose is 3, but the pieces are no music: leave it out"))
    --transpose is 3, but the pieces are no music: leave it out
    """
    flags = _FLAGS.get({})
    if not flags:
        return message
    names = "|".join(sorted(map(re.escape, flags), key=len, reverse=True))
    compound = "|".join(sorted((name for name in flags if "_" in name), key=len, reverse=True)) or r"(?!)"
    message = re.sub(rf" \((?!(?:{names})=)\w+=\)", "", message)  # what this command has no flag for
    pattern = re.compile(
        rf"{QUOTED}|(?<![\w./=-])(?:(?P<name>{names})=(?P<values>{VALUES})?|(?P<word>{compound})(?![\w=(]))"
        rf"|^(?P<first>{names})(?= is .+, (?:expected|but))"
    )

    def replace(found: re.Match[str]) -> str:
        name = found["name"] or found["word"] or found["first"]
        if name is None:
            return found[0]
        values = re.sub(r"'([^']*)'", lambda value: quote(value[1]), found["values"] or "")
        return f"{flags[name]}{'' if flags[name].endswith('=') else ' '}{values}".rstrip(" =")

    return re.sub(r"^(--[\w-]+) is .+, expected None: ", r"leave \1 out: ", pattern.sub(replace, message))


def knows(name: str) -> bool:
    """Whether the command has a flag for an argument."""
    return name in _FLAGS.get({})


def printable(text: Any) -> str:
    r"""Text with what would steer a terminal written out.

    >>> printable("\x1b[31mred"), printable("a\u202eb"), printable("Straße, 東京"), printable("two\nlines\tand a tab")
    ('\\x1b[31mred', 'a\\u202eb', 'Straße, 東京', 'two\nlines\tand a tab')
    """
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in str(text))
