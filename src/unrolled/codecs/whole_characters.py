r"""Text of whole characters: an emoji cut in two, as some programs leave it, is half of one, which no file can hold.

JSON writes characters above U+FFFF as two escapes; Python reads either of them alone as a text of one "lone surrogate",
which can be compared and looked up, but neither printed nor written.
"""

from __future__ import annotations

from unrolled.errors import InputError

__all__ = ["check_characters", "half_character"]


def half_character(text: str) -> str | None:
    r"""The first half of a character in a text, if there is one.

    >>> half_character("smile \ud83d"), half_character("smile \U0001f600")
    ('\ud83d', None)
    """
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return text[error.start]
    return None


def check_characters(text: str, called: str) -> None:
    r"""Raise an InputError that calls the text ``called`` if it holds half of a character.

    >>> check_characters("smile \ud83d", "text 3")
    Traceback (most recent call last):
    ...
    unrolled.errors.InputError: text 3 holds half of a character, '\ud83d', as a cut emoji leaves it: correct it or leave
    it out
    """
    broken = half_character(text)
    if broken is not None:
        raise InputError(
            f"{called} holds half of a character, {broken!r}, as a cut emoji leaves it: correct it or leave it out"
        )
