"""One key per series, whatever a feed calls it: "Chicago 20", "Series 20", "Division 20" and "20" are one."""

from __future__ import annotations

import re
from functools import lru_cache

from etl.names.text import bare, words

PREFIXES = frozenset({"series", "division", "div", "ser"})
CITY = "chicago"
"""APTA Chicago's prefix; before anything but a figure it belongs to a club ("Chicago Highlands")."""
_SHORT = re.compile(r"s\d+[a-z]?")


@lru_cache(maxsize=10_000)
def series_key(text: str) -> str:
    """What all spellings of a series have in common, such as "20", "9 sw", "2a" or "3.5 and under wed"."""
    parts = bare(words(text))
    while len(parts) > 1 and (parts[0] in PREFIXES or (parts[0] == CITY and parts[1][0].isdigit())):
        parts = parts[1:]
    if len(parts) == 1 and _SHORT.fullmatch(parts[0]):
        parts = (parts[0][1:],)
    return " ".join(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)
