"""Is a player's own row complete and free of contradictions."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, func, or_

from checks import Bad, Row, Severity, row_check
from checks.rules.thresholds import NULL_IDS, RARE, ROUTINE
from etl.tables import players

PLAYER_ID = r"^(nndz|cnswpl)[-_][A-Za-z0-9+/=_-]{8,}$"
"""Ids are the platform's, behind its mark; a league's own scraper marks them differently."""
LOWEST_PTI, HIGHEST_PTI = -30, 100
"""The rating's own scale: the best players are below zero, beginners start at 100."""
ROUNDING = 0.1
MOST_MATCHES = 10_000


@row_check(players, severity=Severity.MEDIUM, threshold=ROUTINE, owner="players", tags={"daily"})
def player_without_name(row: Row) -> ColumnElement[bool]:
    """A player lacks a first or a last name."""
    return or_(*(func.btrim(func.coalesce(name, "")) == "" for name in (row.first_name, row.last_name)))


@row_check(players, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="players", tags={"daily"})
def player_without_place(row: Row) -> ColumnElement[bool]:
    """A player lacks league, club or series."""
    return row.league_id.is_(None) | row.club_id.is_(None) | row.series_id.is_(None)


@row_check(players, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="players", tags={"daily", "gate"})
def player_without_team(row: Row) -> Bad:
    """An active player is linked to no team."""
    return Bad(row.team_id.is_(None), among=row.is_active.is_not(False))


@row_check(players, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily"})
def malformed_player_id(row: Row) -> ColumnElement[bool]:
    """A player's id is not one that the league site gives out."""
    return row.tenniscores_player_id.op("!~")(PLAYER_ID)


@row_check(players, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily"})
def pti_out_of_range(row: Row) -> Bad:
    """A player's rating lies outside of -30 to 100. Players without a rating are left out."""
    return Bad((row.pti < LOWEST_PTI) | (row.pti > HIGHEST_PTI), among=row.pti.is_not(None))


@row_check(players, severity=Severity.LOW, threshold=RARE, owner="players", tags={"weekly"})
def win_percentage_contradicts_record(row: Row) -> Bad:
    """A player's win percentage is not what wins and losses give."""
    played = row.wins + row.losses
    share = case((played == 0, 0), else_=row.wins * 100.0 / func.nullif(played, 0))
    return Bad(func.abs(row.win_percentage - share) > ROUNDING, among=row.win_percentage.is_not(None))


@row_check(players, severity=Severity.LOW, threshold=RARE, owner="players", tags={"weekly"})
def impossible_player_record(row: Row) -> ColumnElement[bool]:
    """A player has a negative or an absurd number of wins, losses or matches."""
    figures = (row.wins, row.losses, row.career_wins, row.career_losses, row.career_matches)
    return or_(*(~figure.between(0, MOST_MATCHES) for figure in figures))


@row_check(players, severity=Severity.LOW, threshold=ROUTINE, owner="players", tags={"weekly"})
def more_wins_than_matches(row: Row) -> ColumnElement[bool]:
    """Career wins exceed the matches played. Players without a match count (NULL) are left to their own rule."""
    return row.career_wins > row.career_matches
