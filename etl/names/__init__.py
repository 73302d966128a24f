"""Which team does a name mean? Pure: no database, no file, no clock. Here what the resolver is given and what it
answers.

Where a name means several teams of a league, the fixtures of a day are evidence: CITA's matches do not tell their
series, and most of its clubs play in ten; NSTF's say "Wilmette S1", where Wilmette has two teams. Results may swap home
and away: CITA's do, in every row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Strategy(StrEnum):
    """How a name was linked."""

    EXACT = "exact"
    NORMALISED = "normalised"
    STRUCTURAL = "structural"
    ALIAS = "alias"
    FUZZY = "fuzzy"


@dataclass(frozen=True, slots=True)
class Team:
    """A team is its league, its series and its name."""

    id: int
    league: str
    series: str
    name: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that a person confirmed; without a series it counts in the whole league."""

    league: str
    series: str | None
    name: str
    team_id: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A team that the name may mean, for a person to confirm; `confidence` is between 0 and 1."""

    team_id: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Link:
    """The answer for one name: its team and how it was found, or no team and why not.

    Without a link, suggestions come best first, and `candidates` are all teams that an ambiguous name can mean: one of
    them is the right one, and other evidence, such as a fixture of that day, may tell which (see Meetings).
    """

    team_id: int | None
    strategy: Strategy | None
    confidence: float
    reason: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    candidates: tuple[int, ...] = ()


class Meeting(NamedTuple):
    """One fixture whose two teams are known."""

    league: str
    day: date
    home_team_id: int
    away_team_id: int


class Meetings:
    """The fixtures of all leagues by day."""

    def __init__(self, meetings: Iterable[Meeting]) -> None:
        self._by_day: defaultdict[tuple[str, date], set[tuple[int, int]]] = defaultdict(set)
        for meeting in meetings:
            self._by_day[meeting.league, meeting.day].add((meeting.home_team_id, meeting.away_team_id))

    def between(self, league: str, day: date, home: Collection[int], away: Collection[int]) -> tuple[int, int] | None:
        """The home and the away team of that day's one fixture between these candidates; None if none or several."""
        pairs = self._by_day.get((league, day), set())
        found = {(one, other) for one, other in pairs if one in home and other in away}
        found |= {(other, one) for one, other in pairs if other in home and one in away}
        return found.pop() if len(found) == 1 else None
