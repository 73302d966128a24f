"""The rules that an import must pass: those tagged `gate`, measured on the state before it and on the state after.

A gate looks at change. Old dirt does not block new data: a rule objects when it has more bad rows than before, and
these make up more of the rows written than its threshold calls critical. A rule that cannot be measured objects too.

When imports are stopped by themselves: a feed was blocked, or a rule of the gate has just got CRITICAL.

Old trouble stops nothing: an import may well be what mends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, select

from checks.engine.authoring.thresholds import Above, Threshold
from checks.engine.authoring.units import Measure, Status
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report, Result
from checks.engine.run import Options, Request, measure_on
from checks.scopes import DIMENSIONS
from etl import circuit_breaker
from etl.circuit_breaker import Stop
from etl.feeds import Feed
from etl.importing import Counts, ImportReport, Objection, Outcome
from etl.importing.guards import Gate, Verdict
from etl.kinds.kind import FeedKind
from etl.tables import metadata

TAG = "gate"


def rule_gate(rules: Rules, options: Options) -> Gate:
    """A gate of the collected rules that are tagged `gate`."""

    def gate(connection: Connection, feed: Feed) -> Verdict:
        watched = watched_rules(rules, feed.kind)
        before = _measure(connection, watched, options)
        return lambda counts: _worse(watched, before, _measure(connection, watched, options), counts)

    return gate


def watched_rules(rules: Rules, kind: FeedKind) -> Rules:
    """Rules that rows of this kind can break."""
    return rules.only(check for check in rules.values() if TAG in check.mark.tags and check.domain in kind.domains)


def _measure(connection: Connection, rules: Rules, options: Options) -> Report:
    request = Request(
        now=datetime.now(UTC), selection=Selection(), options=options, dimensions=DIMENSIONS, tables=metadata.tables
    )
    report = measure_on(connection, rules, request)
    # a connection that was lost on the way is no rule's fault: raised here, so that the import is tried again
    connection.execute(select(1))
    return report


def _worse(rules: Rules, before: Report, after: Report, counts: Counts) -> Sequence[Objection]:
    known = {result.id: result.count or 0 for result in before.results}
    written = max(counts.inserted + counts.updated, 1)
    found = []
    for result in after.results:
        grown = (result.count or 0) - known.get(result.id, 0)
        if result.status is Status.ERROR:
            found.append(Objection(result.rule, f"it could not be measured: {result.error}"))
        elif grown > 0 and _critical(rules[result.rule].threshold, result, grown, written):
            found.append(Objection(result.rule, f"{grown:,} new bad rows in {written:,} written: {result.summary}"))
    return found


def _critical(threshold: Threshold, result: Result, grown: int, written: int) -> bool:
    """Whether the growth alone would be critical; with a threshold that cannot tell, any growth is."""
    if not isinstance(threshold, Above):
        return True
    reading = min(grown / written, 1.0) if result.unit is Measure.PERCENT else grown
    return threshold.judge(reading) is Status.CRITICAL


def after_import(engine: Engine, report: ImportReport, *, allowed_by: str = "", why: str = "") -> Stop | None:
    """Stop the imports after one that was blocked; one that a person let pass ends an automatic stop."""
    if report.dry_run:
        return None
    blocked = [feed for feed in report.feeds if feed.outcome is Outcome.BLOCKED]
    with engine.begin() as connection:
        if blocked:
            reason = f"import {report.run} was blocked: {blocked[0].path}: {blocked[0].reasons[0]}"
            return circuit_breaker.stop(connection, reason, circuit_breaker.AUTOMATIC, automatic=True)
        known = circuit_breaker.in_force(connection)
        if allowed_by and known is not None and known.automatic:
            circuit_breaker.resume(connection, f"import {report.run} was let pass: {why}", allowed_by)
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
        return circuit_breaker.stop(connection, reason, circuit_breaker.AUTOMATIC, automatic=True)
