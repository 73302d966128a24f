"""Rows without their teams are linked again, by the names that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Table, func, or_, select

from checks import fix
from checks.fixes.copies import one_row_of_each_fixture
from checks.fixes.rows import ids
from checks.rules.matches.fixtures import result_of_unknown_team, result_without_teams
from checks.rules.schedule.links import match_of_unknown_team, match_with_one_team, match_without_teams
from etl.importing.link import resolver
from etl.names import Resolver
from etl.repairs import Step, Update
from etl.tables import BYE, PRACTICE, leagues, match_scores, schedule, series, teams

SIDES = ("home", "away")


@fix(match_without_teams)
def link_matches(connection: Connection) -> tuple[Step, ...]:
    """Link matches to the teams that their names mean; one that stands there under both names becomes one row."""
    return Update(schedule, linked(connection, schedule)), one_row_of_each_fixture()


@fix(match_with_one_team)
def link_other_sides(connection: Connection) -> tuple[Step, ...]:
    """Link the open side of matches to the team that its name means, in the series of the other side."""
    return Update(schedule, linked(connection, schedule)), one_row_of_each_fixture()


@fix(match_of_unknown_team)
def link_orphaned_matches(connection: Connection) -> tuple[Step, ...]:
    """Link matches of teams that are gone by their names; a side that means no team is left open."""
    return Update(schedule, linked(connection, schedule)), one_row_of_each_fixture()


@fix(result_without_teams)
def link_results(connection: Connection) -> Update:
    """Link results to the teams that their names mean."""
    return Update(match_scores, linked(connection, match_scores))


@fix(result_of_unknown_team)
def link_orphaned_results(connection: Connection) -> Update:
    """Link results of teams that are gone by their names; a side that means no team is left open."""
    return Update(match_scores, linked(connection, match_scores))


def linked(connection: Connection, table: Table) -> Any:
    """Both team ids of each row that lacks one or has one that leads nowhere, found by name where they can be."""
    known = resolver(connection)
    rows = connection.execute(_open_rows(table)).all()
    found = (new for row in rows for new in _linked(known, row))
    return ids(list(found), "id", "home_team_id", "away_team_id")


def _open_rows(table: Table) -> Any:
    """Rows with a side that is linked to no team, or to one that is gone; each side with its team and series."""
    row = table.c
    sides = [(teams.alias(side), series.alias(f"{side}_series")) for side in SIDES]
    source: Any = table.outerjoin(leagues, leagues.c.id == row.league_id)
    for side, (team, its_series) in zip(SIDES, sides, strict=True):
        source = source.outerjoin(team, team.c.id == row[f"{side}_team_id"])
        source = source.outerjoin(its_series, its_series.c.id == team.c.series_id)
    (home, home_series), (away, away_series) = sides
    return (
        select(
            row.id, leagues.c.league_id.label("league"), row.home_team, row.away_team, row.home_team_id,
            row.away_team_id, home.c.id.label("home"), away.c.id.label("away"),
            home_series.c.name.label("home_series"), away_series.c.name.label("away_series"),
        )
        .select_from(source)
        .where(
            or_(home.c.id.is_(None), away.c.id.is_(None)),
            *(~func.starts_with(func.coalesce(row[f"{side}_team"], ""), BYE) for side in SIDES),
            func.strpos(func.coalesce(row.home_team, ""), PRACTICE) == 0,
        )
        .order_by(row.id)
    )  # fmt: skip


def _linked(known: Resolver, row: Row[Any]) -> Iterator[tuple[int, int | None, int | None]]:
    """The row with its teams; nothing where no team can be told, or one team would meet itself under two names."""
    home = row.home or _meant(known, row.league, row.away_series, row.home_team)
    away = row.away or _meant(known, row.league, row.home_series, row.away_team)
    if home is None and away is None:
        return
    if home == away and row.home_team != row.away_team:
        return
    if (home, away) != (row.home_team_id, row.away_team_id):
        yield row.id, home, away


def _meant(known: Resolver, league: str | None, in_series: str | None, name: str | None) -> int | None:
    return known.resolve(league, in_series, name).team_id if name else None
