"""One id per league, whatever the feed calls it.

Folders, rows and people spell leagues in their own ways (`APTACHICAGO`, `nsft`, `NTSF`). Everything behind the
reading of feeds knows canonical ids only.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

ALL = "all"
"""What stands for the league of a feed of several."""
_NAMES = {"APTA_CHICAGO": "APTA Chicago", "CITA": "CITA", "CNSWPL": "CNSWPL", "NSTF": "NSTF"}
LEAGUES = tuple(_NAMES)
"""Ids of the leagues that Rally has met before."""
_SPELLINGS = {
    "APTACHICAGO": "APTA_CHICAGO",
    "CITA": "CITA",
    "CNSWPL": "CNSWPL",
    # the scraper and its operators swapped the letters more than once
    "NSTF": "NSTF",
    "NTSF": "NSTF",
    "NSFT": "NSTF",
}
_NO_LEAGUE = frozenset({"NONE", "NULL", "NA", "NAN", "UNDEFINED"})
"""What programs write where they have no league."""
_OTHER = re.compile(r"[^A-Z0-9]+")
_CHICAGO_SERIES = re.compile(r"chicago \d{1,2}(?: sw)?", re.IGNORECASE)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The league's id; an unknown league is upper-cased and cleaned.

    Text without letters or digits, and what programs write for nothing ("None", "null", "N/A"), gives "".
    """
    folded = unicodedata.normalize("NFKC", text).upper()
    if _OTHER.sub("", folded) in _NO_LEAGUE:
        return ""
    return _SPELLINGS.get(_OTHER.sub("", folded)) or _OTHER.sub("_", folded).strip("_")


def is_known(league_id: str) -> bool:
    """Whether this is the id of a league that Rally has met before."""
    return league_id in _NAMES


def name_of(league_id: str) -> str:
    """How people call the league; an unknown one is called by its id."""
    return _NAMES.get(league_id, league_id)


def of_series(series: str) -> str | None:
    """The league that alone names its series so: only APTA Chicago has a "Chicago 20" or a "Chicago 9 SW"."""
    return "APTA_CHICAGO" if _CHICAGO_SERIES.fullmatch(" ".join(series.split())) else None
