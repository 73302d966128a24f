"""The rules that an import must pass: those tagged `gate`, measured on the state before it and on the state after.

A gate looks at change. Old dirt does not block new data: a rule objects when it has more bad rows than before, and
these make up more of the rows written than its threshold calls critical. A rule that cannot be measured objects too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.results import Result
from checks.engine.rules import Rules
from checks.engine.run import Options, Request, measure_on
from checks.engine.selection import Selection
from checks.engine.thresholds import Above, Threshold
from checks.engine.units import Unit
from etl.feeds import Feed, Kind
from etl.importing.guards import Gate, Verdict
from etl.importing.results import Counts, Objection

TAG = "gate"
DOMAINS = {
    Kind.SERIES_STATS: ("teams", "standings"),
    Kind.PLAYERS: ("players",),
    Kind.SCHEDULES: ("schedule",),
    Kind.MATCH_HISTORY: ("matches",),
}
"""The domains whose rules a kind of feed can break."""


def rule_gate(rules: Rules, options: Options) -> Gate:
    """A gate of the collected rules that are tagged `gate`."""

    def gate(connection: Connection, feed: Feed) -> Verdict:
        watched = _watched(rules, feed.kind)
        before = _measure(connection, watched, options)
        return lambda counts: _worse(watched, before, _measure(connection, watched, options), counts)

    return gate


def _watched(rules: Rules, kind: Kind) -> Rules:
    domains = DOMAINS[kind]
    return rules.only(check for check in rules.values() if TAG in check.mark.tags and check.domain in domains)


def _measure(connection: Connection, rules: Rules, options: Options) -> Report:
    request = Request(now=datetime.now(UTC), selection=Selection(), options=options)
    return measure_on(connection, rules, request)


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
    reading = min(grown / written, 1.0) if result.unit is Unit.PERCENT else grown
    return threshold.judge(reading) is Status.CRITICAL
