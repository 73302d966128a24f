"""What the resolver is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
