"""The distinct pairings of staged fixtures: there are thousands of them where there may be a million rows.

What the rows say of names, leagues and days is asked of their pairings, so that it costs one scan.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Subquery, and_, func, insert, select

from etl.importing import stage
from etl.importing.link import is_link_of, names_of_sides
from etl.importing.merge import same_key
from etl.tables import leagues, teams

SIDES = ("home_team", "away_team")


def stage_pairings(connection: Connection) -> None:
    """Stage each pairing with how many rows it has, and its first and last day."""
    staged, pairings = stage.fixtures.c, stage.pairings
    key = (staged.league, staged.series, staged.home_team, staged.away_team)
    figures = (func.count(), func.min(staged.match_date), func.max(staged.match_date))
    stage.create(connection, pairings)
    connection.execute(insert(pairings).from_select(stage.written(pairings), select(*key, *figures).group_by(*key)))
    stage.analyze(connection, pairings)


def names() -> Select[Any]:
    """The distinct names as (league, series, name, sides)."""
    return names_of_sides(stage.pairings, *SIDES, rows=func.sum(stage.pairings.c.rows))


def resolved() -> FromClause:
    """Each pairing with the ids that its names stand for; a practice has the league of its team."""
    pairings, home, away = stage.pairings, stage.links.alias("home"), stage.links.alias("away")
    source = (
        pairings.outerjoin(home, is_link_of(home, pairings, "home_team"))
        .outerjoin(away, is_link_of(away, pairings, "away_team"))
        .outerjoin(leagues, leagues.c.league_id == pairings.c.league)
        .outerjoin(teams, and_(teams.c.id == home.c.team_id, pairings.c.league.is_(None)))
    )
    ids = (
        home.c.team_id.label("home_team_id"),
        away.c.team_id.label("away_team_id"),
        func.coalesce(leagues.c.id, teams.c.league_id).label("league_id"),
    )
    found = select(*pairings.c["league", "series", *SIDES], *ids).select_from(source)
    # else the planner may look up the names of each staged row
    return found.cte("pairing").prefix_with("MATERIALIZED")


def is_pairing_of(pairing: FromClause, staged: FromClause) -> ColumnElement[bool]:
    """The join condition of a pairing with its staged rows; equalities only, so that it can be hashed."""
    homes = (func.coalesce(pairing.c[name], "") == func.coalesce(staged.c[name], "") for name in ("league", "series"))
    return and_(same_key(pairing, staged, SIDES), *homes)


def spans() -> Subquery:
    """First and last day of the feed in each of its leagues."""
    pairings = stage.pairings.c
    return (
        select(leagues.c.id, func.min(pairings.first).label("first"), func.max(pairings.last).label("last"))
        .join(leagues, leagues.c.league_id == pairings.league)
        .group_by(leagues.c.id)
        .subquery("span")
    )
