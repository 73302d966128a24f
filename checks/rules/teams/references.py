"""Do teams stand in a league, a series and a club that exist."""

from __future__ import annotations

from sqlalchemy import Table, exists, select

from checks import Bad, Severity, check
from checks.rules.thresholds import NEVER, ORPHANS
from checks.rules.words import leads_nowhere, rows_of, team_keys
from etl.tables import clubs, leagues, series, teams


@check(severity=Severity.HIGH, threshold=ORPHANS, table=teams, owner="teams", tags={"daily", "gate"})
def team_of_unknown_league() -> Bad:
    """A team stands in no league, or in one that does not exist."""
    return _broken("league_id", leagues)


@check(severity=Severity.HIGH, threshold=ORPHANS, table=teams, owner="teams", tags={"daily", "gate"})
def team_of_unknown_series() -> Bad:
    """A team stands in no series, or in one that does not exist."""
    return _broken("series_id", series)


@check(severity=Severity.MEDIUM, threshold=ORPHANS, table=teams, owner="teams", tags={"daily"})
def team_of_unknown_club() -> Bad:
    """A team belongs to no club, or to one that does not exist."""
    return _broken("club_id", clubs)


@check(severity=Severity.HIGH, threshold=NEVER, table=leagues, owner="teams", tags={"daily", "gate"})
def league_without_teams() -> Bad:
    """A league has no team: its feed was empty, or all of it went to another league."""
    every = select(leagues.c.league_id.label("league"))
    return Bad(every.where(~exists().where(teams.c.league_id == leagues.c.id)), among=every)


def _broken(reference: str, parent: Table) -> Bad:
    column = teams.c[reference]
    bad = team_keys().add_columns(column).where(column.is_(None) | leads_nowhere(column, parent))
    return Bad(bad, among=rows_of(teams))
