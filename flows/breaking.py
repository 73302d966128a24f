"""When imports are stopped by themselves: a feed was blocked, or a rule of the gate has just got CRITICAL.

Old trouble stops nothing: an import may well be what mends it.
"""

from __future__ import annotations

from sqlalchemy import Engine

from checks.engine.levels import Status
from checks.engine.report import Report
from etl import breaker
from etl.breaker import Stop
from etl.importing.results import ImportReport, Outcome
from flows.gate import TAG


def after_import(engine: Engine, report: ImportReport, *, allowed_by: str = "", why: str = "") -> Stop | None:
    """Stop the imports after one that was blocked; one that a person let pass ends an automatic stop."""
    if report.dry_run:
        return None
    blocked = [feed for feed in report.feeds if feed.outcome is Outcome.BLOCKED]
    with engine.begin() as connection:
        if blocked:
            reason = f"import {report.run} was blocked: {blocked[0].path}: {blocked[0].reasons[0]}"
            return breaker.stop(connection, reason, breaker.AUTOMATIC, automatic=True)
        known = breaker.in_force(connection)
        if allowed_by and known is not None and known.automatic:
            breaker.resume(connection, f"import {report.run} was let pass: {why}", allowed_by)
    return None


def after_check(engine: Engine, report: Report) -> Stop | None:
    """Stop the imports when a rule of the gate is CRITICAL that was not so in its run before.

    A check of some rows only, such as those of one league, says nothing of a change and stops nothing.
    """
    fallen = [
        result
        for result in report.by_status(Status.CRITICAL)
        if TAG in result.tags and result.trouble and result.before not in (None, Status.CRITICAL)
    ]
    if not fallen or report.scoped:
        return None
    worst = fallen[0]
    with engine.begin() as connection:
        reason = f"{worst.title} got CRITICAL: {worst.measurement}. {worst.summary}"
        return breaker.stop(connection, reason, breaker.AUTOMATIC, automatic=True)
