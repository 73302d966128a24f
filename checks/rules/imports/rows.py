"""Do the feeds' rows arrive: read, accepted and linked. Judged on the last import of each feed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from checks import Row, Severity, metric_check
from checks.rules.thresholds import NULL_IDS, REJECTS
from etl.tables import import_feeds

PUBLISHED = "published"


@metric_check(import_feeds, severity=Severity.HIGH, threshold=REJECTS, owner="imports", tags={"daily"},
              runbook="docs/TROUBLESHOOTING.md#rejected-rows")  # fmt: skip
def share_of_rejected_rows(row: Row) -> ColumnElement[Any]:
    """Too many rows of the latest feeds were refused as unreadable."""
    return _share_of_latest("rejects", "rows")


@metric_check(import_feeds, severity=Severity.HIGH, threshold=NULL_IDS, owner="imports", tags={"daily"},
              runbook="docs/TROUBLESHOOTING.md#matches-without-team-ids")  # fmt: skip
def share_of_unlinked_sides(row: Row) -> ColumnElement[Any]:
    """Too many team names of the latest feeds could not be linked to a team."""
    return _share_of_latest("unlinked", "linked", "unlinked")


def _share_of_latest(part: str, *whole: str) -> ColumnElement[Any]:
    """The share over the last publication of each kind of feed and league; NULL without rows."""
    feed = import_feeds.c
    newest = select(func.max(feed.id)).where(feed.outcome == PUBLISHED).group_by(feed.kind, feed.league)
    last = select(import_feeds).where(feed.id.in_(newest)).subquery()
    total = func.sum(sum((last.c[name] for name in whole[1:]), start=last.c[whole[0]]))
    return select(func.sum(last.c[part]) * 1.0 / func.nullif(total, 0)).scalar_subquery()
