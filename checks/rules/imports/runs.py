"""Do the imports run, do they succeed, and do they end in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Interval, Select, cast, extract, func, literal, select

from checks import Bad, Row, Severity, check, metric_check, row_check
from checks.rules.thresholds import ANY, FEW, IMPORT_FAILURES, NEVER, NIGHTLY
from checks.rules.words import SUCCESS, feeds_of
from etl.tables import import_feeds

RUNNING = "running"
MONTH = timedelta(days=30)
TWO_NIGHTS = timedelta(hours=50)
STUCK = timedelta(hours=6)
SLOWER = 3
SLOW_BY = 10
"""Seconds: a feed of one second may well take three."""
COMPARED, FEWEST = 14, 5


@metric_check(import_feeds, severity=Severity.HIGH, threshold=NIGHTLY, owner="imports", tags={"hourly", "daily"},
              runbook="docs/RUNBOOKS.md#imports-that-do-not-run")  # fmt: skip
def hours_since_successful_import(row: Row, now: datetime) -> ColumnElement[Any]:
    """No feed was imported for too long; a feed that was read and had not changed counts as imported."""
    last = func.max(row.finished_at).filter(row.outcome.in_(SUCCESS), row.finished_at <= now)
    return cast(cast(literal(now), DateTime(timezone=True)) - last, Interval)


@check(severity=Severity.MEDIUM, threshold=FEW, table=import_feeds, owner="imports", tags={"hourly", "daily"},
       runbook="docs/RUNBOOKS.md#imports-that-do-not-run")  # fmt: skip
def overdue_feed(now: datetime) -> Bad:
    """A feed that was imported this month has not been for two nights."""
    last = func.max(import_feeds.c.finished_at)
    alive = feeds_of().where(import_feeds.c.outcome.in_(SUCCESS)).having(last > now - MONTH)
    overdue = alive.add_columns(last.label("last_import")).having(last < now - TWO_NIGHTS)
    return Bad(overdue, among=alive)


@row_check(import_feeds, severity=Severity.HIGH, threshold=IMPORT_FAILURES, owner="imports", tags={"daily"},
           runbook="docs/RUNBOOKS.md#imports-that-fail")  # fmt: skip
def failed_import(row: Row, now: datetime) -> Bad:
    """A feed of the last 30 days was blocked or failed."""
    recent = (row.started_at > now - MONTH) & (row.started_at <= now)
    return Bad(row.outcome.not_in(SUCCESS), among=recent & (row.outcome != RUNNING))


@row_check(import_feeds, severity=Severity.MEDIUM, threshold=NEVER, owner="imports", tags={"hourly", "daily"},
           runbook="docs/RUNBOOKS.md#imports-that-do-not-end")  # fmt: skip
def import_without_end(row: Row, now: datetime) -> ColumnElement[bool]:
    """An import began hours ago and has not ended: it hangs, or was killed."""
    return (row.outcome == RUNNING) & (row.started_at < now - STUCK)


@check(severity=Severity.LOW, threshold=ANY, table=import_feeds, owner="imports", tags={"daily"})
def slow_import() -> Bad:
    """The latest import of a feed took three times as long as its imports used to."""
    taken = _durations().subquery()
    earlier = taken.alias("earlier")
    usual = (
        select(func.percentile_cont(0.5).within_group(earlier.c.seconds))
        .where(earlier.c.kind == taken.c.kind, earlier.c.league == taken.c.league, earlier.c.age.between(2, COMPARED))
        .having(func.count() >= FEWEST)
        .scalar_subquery()
    )
    latest = select(taken.c.kind, taken.c.league, taken.c.seconds, usual.label("usual")).where(taken.c.age == 1)
    slow = (taken.c.seconds > SLOWER * usual) & (taken.c.seconds > usual + SLOW_BY)
    return Bad(latest.where(slow), among=select(taken.c.kind, taken.c.league).where(taken.c.age == 1))


def _durations() -> Select[Any]:
    """How long each publication of a feed took, the latest with the age 1."""
    feed = import_feeds.c
    age = func.row_number().over(partition_by=(feed.kind, feed.league), order_by=feed.id.desc()).label("age")
    return select(
        feed.kind, feed.league, extract("epoch", feed.finished_at - feed.started_at).label("seconds"), age
    ).where(feed.outcome == "published", feed.finished_at.is_not(None))
