"""Time zones by their names: places, and distances from UTC."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unrolled.errors import InputError

__all__ = ["UnknownZoneError", "zone_name", "zone_named"]

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})", re.ASCII)


class UnknownZoneError(InputError):
    """A time zone that this machine does not know; another one may."""


def zone_named(name: str) -> tzinfo:
    """Return the zone of a name such as ``Europe/Berlin``, ``UTC`` or ``UTC+01:00``.

    Raises:
        UnknownZoneError: this machine does not know it.
        InputError: this cannot be the name of one.

    >>> zone_named("+05:30").utcoffset(None)
    datetime.timedelta(seconds=19800)
    """
    offset = OFFSET.fullmatch(name)
    try:
        if offset is not None:
            distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            return timezone(-distance if offset[1] == "-" else distance)
        return timezone.utc if name == "UTC" else ZoneInfo(name)
    except ZoneInfoNotFoundError:
        raise UnknownZoneError(f"this machine does not know the time zone {name!r}: pip install tzdata") from None
    except (ValueError, OSError):  # a day or more, a path that leads elsewhere, a folder, another kind of file
        raise InputError(f"{name!r} is not the name of a time zone, such as 'Europe/Berlin' or 'UTC+01:00'") from None


def zone_name(zone: tzinfo) -> str:
    """Return the name of a zone; that of one at a fixed distance says how far it is.

    >>> zone_name(timezone(timedelta(hours=-3)))
    'UTC-03:00'
    """
    distance = None if isinstance(zone, ZoneInfo) else zone.utcoffset(None)
    if distance is None:
        return str(zone)
    return timezone(distance).tzname(None) or "UTC"
