"""Dates and times as league sites write them, never by the locale, each distinct text parsed once."""

from __future__ import annotations

import re
from datetime import date, time
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1990, 2100
_MONTHS = dict(jan=1, feb=2, mar=3, apr=4, may=5, jun=6, jul=7, aug=8, sep=9, oct=10, nov=11, dec=12)  # noqa: C408  # twelve quoted keys would not fit a line
_US = re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})", re.ASCII)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_SHORT = re.compile(r"(?P<day>\d{1,2})-(?P<month>[A-Za-z]{3})-(?P<year>\d{2}|\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([ap])?\.?(?:m\.?)?", re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=50_000)
def parse_date(text: str) -> date | None:
    """The day that `MM/DD/YYYY`, `YYYY-MM-DD` or `DD-Mon-YY` names; None for any other text and any other age."""
    trimmed = text.strip()
    found = _US.fullmatch(trimmed) or _ISO.fullmatch(trimmed) or _SHORT.fullmatch(trimmed)
    if not found:
        return None
    month = _MONTHS.get(found["month"].lower()) or (int(found["month"]) if found["month"].isdigit() else 0)
    year = int(found["year"])
    try:
        # strptime's %y turns 69 into 1969, and its %b asks the locale
        day = date(year + 2000 if year < 100 else year, month, int(found["day"]))
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


@lru_cache(maxsize=5_000)
def parse_time(text: str) -> time | None:
    """The time of day that `06:30 pm`, `10:30 AM` or `18:30` names; None for any other text."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        return None
    hour, minute, second, half = int(found[1]), int(found[2]), int(found[3] or 0), found[4]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half.lower() == "p")
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None
