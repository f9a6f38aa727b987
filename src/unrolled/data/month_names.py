"""Names of months, whole or cut short, in the languages tables come in: read, and written as the table writes them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["ENGLISH", "month_names", "month_numbers"]

LANGUAGES = (
    "January February March April May June July August September October November December",
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
)
ENGLISH = tuple(LANGUAGES[0].split())
_OTHER = {"mrz": 3, "mrt": 3}  # no beginning of März and maart, and usual
_SHORTEST = 3


def month_numbers(words: Iterable[str]) -> dict[str, int]:
    """Word -> month from 1 to 12; empty unless all of them are months of one language.

    >>> month_numbers(["Jan", "sept."]), month_numbers(["Mrz", "Okt"]), month_numbers(["May", "Mai"])
    ({'Jan': 1, 'sept.': 9}, {'Mrz': 3, 'Okt': 10}, {})
    """
    return _read(words)[0]


def month_names(words: Iterable[str]) -> tuple[str, ...]:
    """All twelve months as a table that has these would write them.

    >>> month_names(["MAR", "JUN"])[:3], month_names(["avril", "mai", "mars"])[0]
    (('JAN', 'FEB', 'MAR'), 'janvier')
    """
    found, language = _read(words)
    seen = {month: word for word, month in found.items()}
    bare = [word.rstrip(".") for word in found]
    whole = all(_plain(word) == _plain(language[found[text] - 1]) for word, text in zip(bare, found, strict=True))
    length = None if whole and max(map(len, bare)) > _SHORTEST else max(_SHORTEST, min(map(len, bare)))
    dot = "." * any(word.endswith(".") for word in found)
    return tuple(seen.get(n) or _cased(_cut(name, language, length), bare) + dot for n, name in enumerate(language, 1))


def _read(words: Iterable[str]) -> tuple[dict[str, int], Sequence[str]]:
    """The months the words are, and their names in the first language that has all of them."""
    distinct = list(dict.fromkeys(words))
    for names in LANGUAGES:
        language = names.split()
        found = {word: _month(_plain(word.rstrip(".")), language) for word in distinct}
        if all(found.values()):
            return found, language
    return {}, ENGLISH


def _month(word: str, language: Sequence[str]) -> int:
    """The only month that begins so, 0 if there is none."""
    if len(word) < _SHORTEST:
        return 0
    found = [n for n, name in enumerate(language, 1) if _plain(name).startswith(word)]
    return found[0] if len(found) == 1 else _OTHER.get(word, 0)


def _plain(word: str) -> str:
    """Lower case, without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))


def _cut(name: str, language: Sequence[str], length: int | None) -> str:
    """The beginning of a name, long enough to be that of no other."""
    if length is None:
        return name
    return next((name[:n] for n in range(length, len(name)) if _month(_plain(name[:n]), language)), name)


def _cased(name: str, like: Sequence[str]) -> str:
    if all(word.isupper() for word in like):
        return name.upper()
    return name.lower() if all(word.islower() for word in like) else name[:1].upper() + name[1:]
