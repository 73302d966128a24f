"""Do the imports run, and do they succeed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Interval, cast, func, literal

from checks import Bad, Row, Severity, metric_check, row_check
from checks.rules.thresholds import IMPORT_FAILURES, NIGHTLY
from etl.tables import import_feeds

SUCCESS = ("published", "unchanged")
RUNNING = "running"
MONTH = timedelta(days=30)


@metric_check(import_feeds, severity=Severity.HIGH, threshold=NIGHTLY, owner="imports", tags={"hourly", "daily"},
              runbook="docs/TROUBLESHOOTING.md#imports-that-do-not-run")  # fmt: skip
def hours_since_successful_import(row: Row, now: datetime) -> ColumnElement[Any]:
    """No feed was imported for too long; a feed that was read and had not changed counts as imported."""
    last = func.max(row.finished_at).filter(row.outcome.in_(SUCCESS), row.finished_at <= now)
    return cast(cast(literal(now), DateTime(timezone=True)) - last, Interval)


@row_check(import_feeds, severity=Severity.HIGH, threshold=IMPORT_FAILURES, owner="imports", tags={"daily"},
           runbook="docs/TROUBLESHOOTING.md#imports-that-fail")  # fmt: skip
def failed_import(row: Row, now: datetime) -> Bad:
    """A feed of the last 30 days was blocked or failed."""
    recent = (row.started_at > now - MONTH) & (row.started_at <= now)
    return Bad(row.outcome.not_in(SUCCESS), among=recent & (row.outcome != RUNNING))
