"""Does everybody play: the question that nobody asked in 2025, when 205 of 727 teams had no schedule."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Interval, cast, exists, func, literal, or_, select

from checks import Bad, Row, Severity, check, metric_check
from checks.rules.thresholds import COVERAGE, MATCH_PAUSE, MISSING_TEAMS
from checks.rules.words import in_use, is_match, team_keys
from etl.tables import leagues, schedule, teams

TEAM = Row(teams)
MATCH = Row(schedule)


@check(severity=Severity.HIGH, threshold=MISSING_TEAMS, table=teams, owner="schedules", tags={"daily", "gate"},
       runbook="docs/TROUBLESHOOTING.md#teams-without-a-schedule")  # fmt: skip
def team_without_schedule() -> Bad:
    """A team has no match in the schedule."""
    return Bad(team_keys().where(in_use(TEAM), ~_plays()), among=select(teams.c.id).where(in_use(TEAM)))


@metric_check(teams, severity=Severity.HIGH, threshold=COVERAGE, owner="schedules", tags={"daily"},
              runbook="docs/TROUBLESHOOTING.md#teams-without-a-schedule")  # fmt: skip
def schedule_coverage_of_weakest_league(row: Row) -> ColumnElement[Any]:
    """The league with the fewest scheduled teams has a schedule for too few of them."""
    scheduled = func.count().filter(_plays())
    shares = (
        select((scheduled * 1.0 / func.count()).label("share"))
        .select_from(teams.join(leagues, leagues.c.id == teams.c.league_id))
        .where(in_use(TEAM))
        .group_by(teams.c.league_id)
        .subquery()
    )
    return select(func.min(shares.c.share)).scalar_subquery()


@metric_check(schedule, severity=Severity.LOW, threshold=MATCH_PAUSE, owner="schedules", tags={"daily"})
def hours_since_last_match_day(row: Row, today: date) -> ColumnElement[Any]:
    """No match of any league was scheduled for a while: in season a sign of a schedule that is no longer fed."""
    midnight = cast(literal(today), DateTime)
    past = func.max(row.match_date).filter(is_match(row), row.match_date <= today)
    return cast(midnight - cast(past, DateTime), Interval)


def _plays() -> ColumnElement[bool]:
    """A match names the team on one of its sides; two lookups, since an OR in a join is a nested loop."""
    return or_(
        exists().where(schedule.c.home_team_id == teams.c.id, is_match(MATCH)),
        exists().where(schedule.c.away_team_id == teams.c.id, is_match(MATCH)),
    )
