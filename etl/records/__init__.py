"""Feed rows become records, or rejects that say why not.

Records: feed rows that passed validation, as flat tuples that COPY takes; and rejects, rows that did not.

`index` is the row's place in its feed. Names are kept as scraped, double spaces included: resolving them is not
the business of this package. Player's and captain's names are personal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Literal, NamedTuple

FixtureKind = Literal["match", "bye", "practice"]
Side = Literal["home", "away"]
MatchOutcome = Literal["played", "tied", "undecided", "not_played"]


class Standing(NamedTuple):
    """One team's row in the standings of its series."""

    index: int  # type: ignore[assignment]  # here and below: hides tuple.index, which nobody asks of a record
    league: str
    series: str
    team: str
    points: Decimal | None
    matches_won: int | None
    matches_lost: int | None
    matches_tied: int | None
    matches_percentage: str | None
    lines_won: int | None
    lines_lost: int | None
    lines_for: int | None
    lines_ret: int | None
    lines_percentage: str | None
    sets_won: int | None
    sets_lost: int | None
    sets_percentage: str | None
    games_won: int | None
    games_lost: int | None
    games_percentage: str | None


class Fixture(NamedTuple):
    """One scheduled meeting; a practice has no away team, and its league is None where the feed does not tell."""

    index: int  # type: ignore[assignment]
    league: str | None
    series: str | None
    match_date: date
    match_time: time | None
    home_team: str
    away_team: str
    location: str | None
    kind: FixtureKind


class Player(NamedTuple):
    """One player of one team; a player of two teams has two rows with one id."""

    index: int  # type: ignore[assignment]
    league: str
    series: str
    team: str | None
    club: str | None
    location_id: str | None
    player_id: str
    first_name: str | None
    last_name: str | None
    pti: Decimal | None
    wins: int | None
    losses: int | None
    win_percentage: Decimal | None
    captain_status: str | None


class Match(NamedTuple):
    """One line of a meeting: four players, a score, a winner.

    `outcome` is "played" with a winner, "tied", "undecided" with a score but no winner (timed matches end in the
    middle of a set), "not_played" where a date stands in place of the score.
    """

    index: int  # type: ignore[assignment]
    league: str
    series: str | None
    source_match_id: str | None
    line: str | None
    match_date: date
    home_team: str
    away_team: str
    home_player_1: str | None
    home_player_2: str | None
    away_player_1: str | None
    away_player_2: str | None
    scores: str | None
    winner: Side | None
    outcome: MatchOutcome


Record = Standing | Fixture | Player | Match


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no record: why, in which field, and the row itself as JSON, storable and cut to RAW_LIMIT."""

    index: int
    reason: str
    field: str | None
    raw: str
