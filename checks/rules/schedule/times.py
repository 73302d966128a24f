"""When and where: times that can be, dates inside a season, a place to go to."""

from __future__ import annotations

from datetime import time
from typing import Any

from sqlalchemy import Select, func, select, true, tuple_

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import PATCHY, RARE
from checks.rules.words import is_match, match_keys, rows_of
from etl.tables import schedule

EARLIEST, LATEST = time(7), time(22)
"""Nobody starts a match outside of these hours; "06:00 am" is a "06:00 pm" that somebody mistyped."""
SEASON_GAP = 60
"""Days without any match of a league after which another season begins; the longest pause inside one is half of it."""
UNKNOWN_PLACES = ("", "tbd", "tba", "n/a", "unknown")


@row_check(schedule, severity=Severity.LOW, threshold=PATCHY, owner="schedules", tags={"weekly"})
def match_without_time(row: Row) -> Bad:
    """A scheduled match has no time of day."""
    return Bad(row.match_time.is_(None), among=is_match(row))


@row_check(schedule, severity=Severity.MEDIUM, threshold=RARE, owner="schedules", tags={"daily"})
def match_at_impossible_time(row: Row) -> Bad:
    """A scheduled match begins before 7 a.m. or after 10 p.m.; often a morning that was meant as an evening."""
    return Bad((row.match_time < EARLIEST) | (row.match_time > LATEST), among=is_match(row))


@row_check(schedule, severity=Severity.LOW, threshold=PATCHY, owner="schedules", tags={"weekly"})
def match_without_location(row: Row) -> Bad:
    """A scheduled match has no location, or one that is still to be announced."""
    place = func.lower(func.btrim(func.coalesce(row.location, "")))
    return Bad(place.in_(UNKNOWN_PLACES), among=is_match(row))


@check(severity=Severity.MEDIUM, threshold=RARE, table=schedule, owner="schedules", tags={"weekly"})
def match_outside_season() -> Bad:
    """A scheduled match lies more than 60 days from all others of its league, or at no real date at all."""
    days = _match_days().subquery()
    gaps = (days.c.match_date - days.c.before, days.c.after - days.c.match_date)
    alone = [func.coalesce(gap > SEASON_GAP, true()) for gap in gaps]
    has_others = days.c.before.is_not(None) | days.c.after.is_not(None)
    lonely = select(days.c.league_id, days.c.match_date).where(*alone, has_others)
    day = tuple_(schedule.c.league_id, schedule.c.match_date)
    # a difference with an infinite date is an error in PostgreSQL, so those are told apart first
    bad = ~func.isfinite(schedule.c.match_date) | day.in_(lonely)
    return Bad(match_keys().where(bad), among=rows_of(schedule))


def _match_days() -> Select[Any]:
    """The days on which a league plays, each with the one before and the one after."""
    league, day = schedule.c.league_id, schedule.c.match_date
    before = func.lag(day).over(partition_by=league, order_by=day).label("before")
    after = func.lead(day).over(partition_by=league, order_by=day).label("after")
    return select(league, day, before, after).where(func.isfinite(day)).group_by(league, day)
