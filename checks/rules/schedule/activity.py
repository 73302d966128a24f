"""Is the schedule alive: matches behind, matches ahead, and as many rows as before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Interval, cast, exists, func, literal, select
from sqlalchemy.sql.selectable import Exists

from checks import Bad, Row, Severity, check, drop, metric_check, percent
from checks.rules.thresholds import ANY, MATCH_PAUSE
from checks.rules.words import is_match
from etl.tables import leagues, schedule

YOUNG = timedelta(weeks=8)
"""No league's season is shorter; one that stops earlier has lost its schedule, not ended."""
LAST_SEASON = timedelta(weeks=20)
RECENT = timedelta(days=30)


@metric_check(schedule, severity=Severity.LOW, threshold=MATCH_PAUSE, owner="schedules", tags={"daily"})
def hours_since_last_match_day(row: Row, today: date) -> ColumnElement[Any]:
    """No league has had a match for a while: in season a sign that the schedule is no longer fed."""
    day = row.match_date
    past = func.max(day).filter(is_match(row), day <= today, func.isfinite(day))
    return cast(cast(literal(today), DateTime) - cast(past, DateTime), Interval)


@metric_check(schedule, severity=Severity.HIGH, threshold=drop(warn=percent(10), critical=percent(30)),
              owner="schedules", tags={"daily"})  # fmt: skip
def matches_in_schedule(row: Row) -> ColumnElement[Any]:
    """The schedule has lost many of its matches since the last runs."""
    return func.count().filter(is_match(row))


@check(severity=Severity.MEDIUM, threshold=ANY, table=leagues, owner="schedules", tags={"daily"})
def league_without_match_ahead(today: date) -> Bad:
    """A league whose season is only weeks old has no match ahead."""
    has_begun = _plays(today - YOUNG, today) & _plays(today - RECENT, today)
    is_young = ~_plays(today - LAST_SEASON, today - YOUNG)
    in_season = select(leagues.c.league_id.label("league")).where(has_begun, is_young)
    return Bad(in_season.where(~_plays(today, date.max)), among=in_season)


def _plays(since: date, until: date) -> Exists:
    """The league has a match on or after the first day and before the second."""
    day = schedule.c.match_date
    of_league = (schedule.c.league_id == leagues.c.id) & is_match(Row(schedule))
    return exists().where(of_league, day >= since, day < until)
