"""Does a team have what belongs to it: players, standings, and no matches once it is retired."""

from __future__ import annotations

from datetime import date

from sqlalchemy import FromClause, exists, select

from checks import Bad, Row, Severity, check
from checks.rules.thresholds import MISSING_TEAMS, RARE
from checks.rules.words import in_use, is_match, rows_of, team_keys
from etl.tables import players, schedule, series_stats, teams

TEAM = Row(teams)


@check(severity=Severity.MEDIUM, threshold=MISSING_TEAMS, table=teams, owner="teams", tags={"daily"})
def team_without_players() -> Bad:
    """A team has no player. Leagues whose players are not known at all are left out."""
    return _without(players)


@check(severity=Severity.MEDIUM, threshold=MISSING_TEAMS, table=teams, owner="teams", tags={"daily"})
def team_without_standings() -> Bad:
    """A team is missing in the standings. Leagues without any standings are left out."""
    return _without(series_stats)


@check(severity=Severity.MEDIUM, threshold=RARE, table=teams, owner="teams", tags={"daily"})
def retired_team_with_match_ahead(today: date) -> Bad:
    """A team that is no longer active has a match ahead."""
    ahead = (schedule.c.match_date >= today) & is_match(Row(schedule))
    home = select(schedule.c.home_team_id).where(ahead, schedule.c.home_team_id.is_not(None))
    away = select(schedule.c.away_team_id).where(ahead, schedule.c.away_team_id.is_not(None))
    retired = team_keys().where(teams.c.is_active.is_(False), teams.c.id.in_(home.union(away)))
    return Bad(retired, among=rows_of(teams))


def _without(table: FromClause) -> Bad:
    of_league = exists().where(table.c.league_id == teams.c.league_id)
    of_team = exists().where(table.c.team_id == teams.c.id)
    judged = (in_use(TEAM), of_league)
    return Bad(team_keys().where(*judged, ~of_team), among=rows_of(teams).where(*judged))
