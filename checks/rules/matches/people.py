"""Did four different people play, who exist and belong to the sides that they played for."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, union_all
from sqlalchemy.sql.selectable import Subquery

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import NULL_IDS, PATCHY, RARE, ROUTINE
from checks.rules.words import result_keys
from etl.tables import match_scores, players, teams

HOME = ("home_player_1_id", "home_player_2_id")
AWAY = ("away_player_1_id", "away_player_2_id")


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily"})
def player_on_both_sides(row: Row) -> ColumnElement[bool]:
    """One player stands on both sides of a match."""
    return or_(*(row[home] == row[away] for home in HOME for away in AWAY))


@row_check(match_scores, severity=Severity.MEDIUM, threshold=RARE, owner="matches", tags={"daily"})
def player_twice_in_pair(row: Row) -> ColumnElement[bool]:
    """One player is both halves of a pair."""
    return or_(row[HOME[0]] == row[HOME[1]], row[AWAY[0]] == row[AWAY[1]])


@row_check(match_scores, severity=Severity.LOW, threshold=PATCHY, owner="matches", tags={"weekly"})
def result_with_missing_player(row: Row) -> Bad:
    """A played match names some of its players, but not all. Leagues that give no ids at all are left out."""
    known = func.num_nonnulls(*(row[name] for name in HOME + AWAY))
    return Bad(known < len(HOME + AWAY), among=(known > 0) & row.winner.is_not(None))


@check(severity=Severity.MEDIUM, threshold=NULL_IDS, table=match_scores, owner="matches", tags={"daily"})
def result_of_unknown_player() -> Bad:
    """Somebody who played is not among the players of the league. Leagues without any players are left out."""
    seat, person = _seats(), _seats()
    judged = select(players.c.league_id)
    known = exists().where(
        players.c.league_id == person.c.league_id, players.c.tenniscores_player_id == person.c.player_id
    )
    # people first, then their seats: millions of seats are a few thousand people
    people = select(person.c.league_id, person.c.player_id).distinct()
    unknown = people.where(person.c.league_id.in_(judged), ~known).subquery()
    same = (unknown.c.league_id == seat.c.league_id) & (unknown.c.player_id == seat.c.player_id)
    seats = result_keys().add_columns(seat.c.seat, seat.c.player_id).join(seat, seat.c.id == match_scores.c.id)
    return Bad(seats.join(unknown, same), among=select(seat).where(seat.c.league_id.in_(judged)))


@check(severity=Severity.LOW, threshold=ROUTINE, table=match_scores, owner="matches", tags={"weekly"})
def player_of_another_club() -> Bad:
    """Somebody played for a club that is none of theirs. A substitute from another team of the club is in order."""
    seat, own = _seats(), teams.alias("own")
    same_person = (players.c.league_id == seat.c.league_id) & (players.c.tenniscores_player_id == seat.c.player_id)
    of_club = (own.c.id == seat.c.team_id) & (own.c.club_id == players.c.club_id)
    known, at_home = exists().where(same_person), exists().where(same_person, of_club)
    judged = (seat.c.team_id.is_not(None), known)
    strangers = result_keys().add_columns(seat.c.seat, seat.c.player_id).join(seat, seat.c.id == match_scores.c.id)
    return Bad(strangers.where(*judged, ~at_home), among=select(seat).where(*judged))


def _seats() -> Subquery:
    """Who played where: one row for each named player of each match."""
    return union_all(*(_seat(name) for name in HOME + AWAY)).subquery()


def _seat(name: str) -> Select[tuple[int, int, int, str, str]]:
    row = match_scores.c
    team_id = row.home_team_id if name in HOME else row.away_team_id
    seat = select(
        row.id, row.league_id, team_id.label("team_id"), row[name].label("player_id"), literal(name).label("seat")
    )
    return seat.where(row[name].is_not(None))
