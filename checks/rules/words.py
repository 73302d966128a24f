"""Words that several rules share: which rows of the schedule are matches, and how rows are named to people.

No rules stand here. Names of people are never keys: a player is known by id, a match by date and teams.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, exists, func, select

from checks import Row
from etl.tables import BYE, PRACTICE, leagues, schedule, series, teams


def is_practice(row: Row) -> ColumnElement[bool]:
    """A practice time that a captain added to the schedule."""
    return func.strpos(func.coalesce(row.home_team, ""), PRACTICE) > 0


def is_match(row: Row) -> ColumnElement[bool]:
    """A row of the schedule in which two teams meet: no practice time and no BYE."""
    home, away = func.coalesce(row.home_team, ""), func.coalesce(row.away_team, "")
    return ~is_practice(row) & ~func.starts_with(home, BYE) & ~func.starts_with(away, BYE)


def in_use(row: Row) -> ColumnElement[bool]:
    """A team that has not been retired."""
    return row.is_active.is_not(False)


def leads_nowhere(reference: ColumnElement[Any], parents: Table) -> ColumnElement[bool]:
    """A reference to a row that does not exist; NULL refers to nothing and is not meant."""
    # an alias: the statement around it may have joined the same table, and would be mistaken for it
    there = parents.alias()
    return reference.is_not(None) & ~exists().where(there.c.id == reference)


def team_keys() -> Select[Any]:
    """Teams by league, series and name, to be narrowed by a rule; those without a league or series are kept."""
    return (
        select(leagues.c.league_id.label("league"), series.c.name.label("series"), teams.c.team_name)
        .select_from(teams)
        .outerjoin(leagues, leagues.c.id == teams.c.league_id)
        .outerjoin(series, series.c.id == teams.c.series_id)
    )


def match_keys(table: FromClause = schedule) -> Select[Any]:
    """Rows of the schedule by league, date and names, to be narrowed by a rule; those without a league are kept."""
    return (
        select(leagues.c.league_id.label("league"), table.c.match_date, table.c.home_team, table.c.away_team)
        .select_from(table)
        .outerjoin(leagues, leagues.c.id == table.c.league_id)
    )
