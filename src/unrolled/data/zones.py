"""Time zones by their names: places, and distances from UTC."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unrolled.errors import InputError

__all__ = ["zone_name", "zone_named"]

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})", re.ASCII)


def zone_named(name: str) -> tzinfo:
    """Return the zone of a name such as ``Europe/Berlin``, ``UTC`` or ``UTC+01:00``.

    Raises:
        InputError: this machine does not know it.

    >>> zone_named("+05:30").utcoffset(None)
    datetime.timedelta(seconds=19800)
    """
    offset = OFFSET.fullmatch(name)
    if offset is not None:
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-distance if offset[1] == "-" else distance)
    try:
        return timezone.utc if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(f"this machine does not know the time zone {name!r}: pip install tzdata") from None


def zone_name(zone: tzinfo) -> str:
    """Return the name of a zone; that of one at a fixed distance says how far it is.

    >>> zone_name(timezone(timedelta(hours=-3)))
    'UTC-03:00'
    """
    distance = None if isinstance(zone, ZoneInfo) else zone.utcoffset(None)
    if distance is None:
        return str(zone)
    return timezone(distance).tzname(None) or "UTC"
