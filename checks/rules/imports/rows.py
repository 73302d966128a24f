"""Do the feeds' rows arrive: all of them, accepted and linked. Judged on the latest publication of each feed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, select

from checks import Bad, Row, Severity, check, metric_check
from checks.rules.thresholds import ANY, FEW, NULL_IDS, REJECTS, VALIDATION_COVERAGE
from checks.rules.words import PUBLISHED, latest_feeds
from etl.tables import import_feeds, rejects

COMPARED, FEWEST = 14, 3
SMALLEST = 0.8
"""A feed with less than this share of its usual rows has lost some."""
PATIENCE = timedelta(days=7)


@metric_check(import_feeds, severity=Severity.HIGH, threshold=REJECTS, owner="imports", tags={"daily"},
              runbook="docs/RUNBOOKS.md#rejected-rows")  # fmt: skip
def share_of_rejected_rows(row: Row) -> ColumnElement[Any]:
    """Too many rows of the latest feeds were refused as unreadable."""
    return _share_of_latest(("rejects",), ("rows",))


@metric_check(import_feeds, severity=Severity.HIGH, threshold=NULL_IDS, owner="imports", tags={"daily"},
              runbook="docs/RUNBOOKS.md#matches-without-team-ids")  # fmt: skip
def share_of_unlinked_sides(row: Row) -> ColumnElement[Any]:
    """Too many team names of the latest feeds could not be linked to a team."""
    return _share_of_latest(("unlinked",), ("linked", "unlinked"))


@metric_check(import_feeds, severity=Severity.HIGH, threshold=VALIDATION_COVERAGE, owner="imports", tags={"daily"})
def validation_coverage(row: Row) -> ColumnElement[Any]:
    """Some rows of the latest feeds were neither accepted nor refused: nobody has looked at them."""
    return _share_of_latest(("records", "rejects"), ("rows",))


@check(severity=Severity.HIGH, threshold=FEW, table=import_feeds, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#feeds-that-shrink")  # fmt: skip
def feed_volume_drop() -> Bad:
    """The latest publication of a feed has a fifth fewer rows than its publications used to have."""
    feed = import_feeds.c
    age = func.row_number().over(partition_by=(feed.kind, feed.league), order_by=feed.id.desc()).label("age")
    sizes = select(feed.kind, feed.league, feed.rows, age).where(feed.outcome == PUBLISHED).subquery()
    median = func.percentile_cont(0.5).within_group(sizes.c.rows)
    past = sizes.c.age.between(2, COMPARED)
    usual = median.filter(past)
    latest = func.max(sizes.c.rows).filter(sizes.c.age == 1)
    by_feed = select(sizes.c.kind, sizes.c.league).group_by(sizes.c.kind, sizes.c.league)
    comparable = by_feed.having(func.count().filter(past) >= FEWEST)
    shrunk = comparable.add_columns(latest.label("rows"), usual.label("usual")).having(latest < SMALLEST * usual)
    return Bad(shrunk, among=comparable)


@check(severity=Severity.LOW, threshold=ANY, table=import_feeds, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#schema-drift")  # fmt: skip
def schema_drift() -> Bad:
    """The rows of a feed's latest publication have keys that nobody knows, or lack some that they should have."""
    feed = latest_feeds().subquery()
    feeds = select(feed.c.kind, feed.c.league)
    return Bad(feeds.add_columns(feed.c.drift).where(cast(feed.c.drift, Text) != "{}"), among=feeds)


@check(severity=Severity.LOW, threshold=ANY, table=rejects, owner="imports", tags={"weekly"},
       runbook="docs/RUNBOOKS.md#rejected-rows")  # fmt: skip
def reject_left_waiting(now: datetime) -> Bad:
    """A refused row of a feed's latest publication has waited for a week, neither replayed nor settled."""
    feed = latest_feeds().subquery()
    kept = select(feed.c.kind, feed.c.league, rejects.c.feed_id, rejects.c.index).join(
        feed, feed.c.id == rejects.c.feed_id
    )
    waiting = rejects.c.resolved_at.is_(None) & (feed.c.finished_at < now - PATIENCE)
    return Bad(kept.where(waiting), among=kept)


def _share_of_latest(part: tuple[str, ...], whole: tuple[str, ...]) -> ColumnElement[Any]:
    """The share over the latest publication of each feed; NULL without rows."""
    last = latest_feeds().subquery()
    some, every = (func.sum(sum((last.c[n] for n in names[1:]), start=last.c[names[0]])) for names in (part, whole))
    # an aggregate of the one value, since a metric is one row also where it shares its table's scan with nobody
    return func.max(select(some * 1.0 / func.nullif(every, 0)).scalar_subquery())
