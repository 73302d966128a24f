"""Copies of one thing become one row; what refers to the others follows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, or_, select

from checks import fix
from checks.fixes.rows import merged
from checks.rules.matches.fixtures import SAME, duplicate_result
from checks.rules.players.people import PLACE, duplicate_player
from checks.rules.schedule.copies import duplicate_match, fixture_under_two_names
from checks.rules.standings.teams import FIGURES, duplicate_standing
from checks.rules.teams.names import duplicate_team
from etl.repairs import Merge
from etl.tables import match_scores, players, schedule, series_stats, teams


@fix(duplicate_match)
def keep_one_row_of_each_match() -> Merge:
    """Keep the linked, newest row of each match; the other copies are removed.

    A copy without a league belongs to the rows of the only league that has such a match.
    """
    row = schedule.c
    names = (row.match_date, row.home_team, row.away_team)
    least, most = (pick(row.league_id).over(partition_by=names) for pick in (func.min, func.max))
    league = func.coalesce(row.league_id, case((least == most, least)), 0).label("league")
    rows = select(schedule, league).subquery()
    key = (rows.c.match_date, rows.c.home_team, rows.c.away_team, rows.c.league)
    linked = func.num_nonnulls(rows.c.home_team_id, rows.c.away_team_id).desc()
    in_league = rows.c.league_id.is_(None)
    return Merge(schedule, merged(rows, (linked, in_league, *_newest(rows)), key))


@fix(fixture_under_two_names)
def keep_one_row_of_each_fixture() -> Merge:
    """Keep the newest row of two teams' match on one day; its rows under other names are removed."""
    return one_row_of_each_fixture()


def one_row_of_each_fixture() -> Merge:
    """Rows of one day and the same two teams that differ in a name, merged into the newest."""
    row = schedule.c
    teams_of = (row.match_date, row.home_team_id, row.away_team_id)
    home, away = (
        func.min(name).over(partition_by=teams_of) != func.max(name).over(partition_by=teams_of)
        for name in (row.home_team, row.away_team)
    )
    known = row.home_team_id.is_not(None) & row.away_team_id.is_not(None)
    every = select(schedule, or_(home, away).label("respelled")).where(known).subquery()
    rows = select(every).where(every.c.respelled).subquery()
    return Merge(schedule, merged(rows, _newest(rows), (rows.c.match_date, rows.c.home_team_id, rows.c.away_team_id)))


@fix(duplicate_team)
def keep_one_row_of_each_team() -> Merge:
    """Keep the first row of each team; players, matches and standings of the others become its own."""
    rows = select(teams).subquery()
    key = (*(func.coalesce(rows.c[name], 0) for name in ("league_id", "series_id")), rows.c.team_name)
    return Merge(teams, merged(rows, (rows.c.id,), key))


@fix(duplicate_result)
def keep_one_row_of_each_result() -> Merge:
    """Keep the linked, first row of each result; the other copies are removed."""
    named = or_(*(match_scores.c[name].is_not(None) for name in SAME if "player" in name))
    rows = select(match_scores).where(named).subquery()
    linked = func.num_nonnulls(rows.c.home_team_id, rows.c.away_team_id).desc()
    return Merge(match_scores, merged(rows, (linked, rows.c.id), [_text(rows.c[name]) for name in SAME]))


@fix(duplicate_standing)
def keep_one_row_of_each_standing() -> Merge:
    """Keep the linked, newest row of standings that repeat team and figures; the other copies are removed."""
    rows = select(series_stats).subquery()
    key = [_text(rows.c[name]) for name in ("league_id", "series", "team", *FIGURES)]
    return Merge(series_stats, merged(rows, (rows.c.team_id.is_(None), *_newest(rows)), key))


@fix(duplicate_player)
def keep_one_row_of_each_membership() -> Merge:
    """Keep the linked, first row of a player's membership in a team; history of the other copies becomes its own."""
    rows = _memberships().subquery()
    key = (rows.c.tenniscores_player_id, *(_text(rows.c[name]) for name in PLACE), _text(rows.c.of_team))
    return Merge(players, merged(rows, (rows.c.team_id.is_(None), rows.c.id), key))


def _memberships() -> Any:
    """Players with the team that a row belongs to: a row without one is half of the first that has one."""
    place = (players.c.tenniscores_player_id, *(func.coalesce(players.c[name], 0) for name in PLACE))
    other = func.min(players.c.team_id).over(partition_by=place)
    return select(players, func.coalesce(players.c.team_id, other).label("of_team"))


def _newest(rows: Any) -> tuple[ColumnElement[Any], ...]:
    return rows.c.created_at.desc().nulls_last(), rows.c.id.desc()


def _text(value: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(cast(value, Text), "")
