"""Is every side of a match linked to a team, and to the right one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import NULL_IDS, ORPHANS, RARE
from checks.rules.words import is_match, leads_nowhere, match_keys, rows_of
from etl.tables import leagues, schedule, teams

HOME, AWAY = teams.alias("home"), teams.alias("away")
RUNBOOK = "docs/RUNBOOKS.md#matches-without-team-ids"


@row_check(schedule, severity=Severity.HIGH, threshold=NULL_IDS, owner="schedules", tags={"daily", "gate"},
           runbook=RUNBOOK)  # fmt: skip
def match_without_teams(row: Row) -> Bad:
    """A scheduled match is linked to no team at all."""
    return Bad(row.home_team_id.is_(None) & row.away_team_id.is_(None), among=is_match(row))


@row_check(schedule, severity=Severity.HIGH, threshold=NULL_IDS, owner="schedules", tags={"daily", "gate"},
           runbook=RUNBOOK)  # fmt: skip
def match_with_one_team(row: Row) -> Bad:
    """A scheduled match is linked on one side only."""
    return Bad(row.home_team_id.is_(None) != row.away_team_id.is_(None), among=is_match(row))


@check(severity=Severity.HIGH, threshold=ORPHANS, table=schedule, owner="schedules", tags={"daily", "gate"})
def match_of_unknown_team() -> Bad:
    """A scheduled match is linked to a team that does not exist (any more)."""
    lost = leads_nowhere(schedule.c.home_team_id, teams) | leads_nowhere(schedule.c.away_team_id, teams)
    return Bad(match_keys().where(lost), among=rows_of(schedule))


@check(severity=Severity.MEDIUM, threshold=NULL_IDS, table=schedule, owner="schedules", tags={"daily"})
def match_of_unknown_league() -> Bad:
    """A scheduled match stands in no league, or in one that does not exist."""
    lost = schedule.c.league_id.is_(None) | leads_nowhere(schedule.c.league_id, leagues)
    is_one = is_match(Row(schedule))
    return Bad(match_keys().where(lost, is_one), among=rows_of(schedule).where(is_one))


@row_check(schedule, severity=Severity.MEDIUM, threshold=RARE, owner="schedules", tags={"daily"})
def team_against_itself(row: Row) -> Bad:
    """A team is scheduled to meet itself, by its name or by what the names were linked to."""
    same = (row.home_team_id == row.away_team_id).is_(True) | (row.home_team == row.away_team)
    return Bad(same, among=is_match(row))


@check(severity=Severity.MEDIUM, threshold=RARE, table=schedule, owner="schedules", tags={"daily"})
def sides_of_different_series() -> Bad:
    """The two sides of a scheduled match are linked to teams of different series."""
    return Bad(_pairs(match_keys()).where(HOME.c.series_id != AWAY.c.series_id), among=_pairs(rows_of(schedule)))


@check(severity=Severity.HIGH, threshold=RARE, table=schedule, owner="schedules", tags={"daily"})
def sides_of_different_leagues() -> Bad:
    """A scheduled match and the teams that it is linked to are not all of one league."""
    own = schedule.c.league_id
    mixed: ColumnElement[bool] = (HOME.c.league_id != AWAY.c.league_id) | (HOME.c.league_id != own)
    return Bad(_pairs(match_keys()).where(mixed), among=_pairs(rows_of(schedule)))


def _pairs(statement: Select[Any]) -> Select[Any]:
    """Matches that are linked on both sides."""
    return statement.join(HOME, HOME.c.id == schedule.c.home_team_id).join(AWAY, AWAY.c.id == schedule.c.away_team_id)
