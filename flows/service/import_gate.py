"""The rules that an import must pass: those tagged `gate`, measured on the state before it and on the state after.

A gate looks at change. Old dirt does not block new data: a rule objects when it has more bad rows than before, and
these make up more of the rows written than its threshold calls critical. A rule that cannot be measured objects too.

Imports stop by themselves when a rule of the gate has just got CRITICAL: those of its kinds and leagues.

Old trouble stops nothing: an import may well be what mends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import product
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select

from checks.engine.authoring.thresholds import Above, Threshold
from checks.engine.authoring.units import Measure, Status, number_of
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report, Result
from checks.engine.run import Options, Request, measure_on
from checks.scopes import DIMENSIONS
from etl import circuit_breaker
from etl.circuit_breaker import Stop
from etl.importing import Counts, ImportReport, Objection, Outcome
from etl.tables import metadata

if TYPE_CHECKING:
    # a check, too, ends here, and needs no kinds of feeds
    from etl.feeds import Feed
    from etl.importing.guards import Gate, Verdict
    from etl.kinds.kind import FeedKind

TAG = "gate"
NO_LEAGUE = "none"
"""What a league is called of which a row tells nothing."""
NEARLY_ALL = 0.9
"""Share of bad rows that leagues must have for the others to be free of blame."""


def rule_gate(rules: Rules, options: Options, today: date | None = None) -> Gate:
    """A gate of the collected rules that are tagged `gate`; `today` is the day where the leagues play, else UTC's."""

    def gate(connection: Connection, feed: Feed) -> Verdict:
        watched = watched_rules(rules, feed.kind)
        before = _measure(connection, watched, options, today)
        return lambda counts: _worse(watched, before, _measure(connection, watched, options, today), counts)

    return gate


def watched_rules(rules: Rules, kind: FeedKind) -> Rules:
    """Rules that rows of this kind can break."""
    return rules.only(check for check in rules.values() if TAG in check.mark.tags and check.domain in kind.domains)


def _measure(connection: Connection, rules: Rules, options: Options, today: date | None) -> Report:
    request = Request(
        now=datetime.now(UTC), today=today, selection=Selection(), options=options, dimensions=DIMENSIONS,
        tables=metadata.tables,
    )  # fmt: skip
    report = measure_on(connection, rules, request)
    # a connection that was lost on the way is no rule's fault: raised here, so that the import is tried again
    connection.execute(select(1))
    return report


def _worse(rules: Rules, before: Report, after: Report, counts: Counts) -> Sequence[Objection]:
    earlier = {result.id: result.count or 0 for result in before.results}
    written = max(counts.inserted + counts.updated, 1)
    growth = {result.id: (result.count or 0) - earlier.get(result.id, 0) for result in after.results}
    objections = []
    for result in after.results:
        grown = min(growth[result.id], _of_one_trouble(rules, result, growth))
        if result.status is Status.ERROR:
            objections.append(Objection(result.rule, f"it could not be measured: {result.error}"))
        elif grown > 0 and _critical(rules[result.rule].threshold, result, grown, written):
            objections.append(
                Objection(result.rule, f"{number_of(grown, 'new bad rows')} in {written:,} written: {result.summary}")
            )
    return objections


def _of_one_trouble(rules: Rules, result: Result, growth: Mapping[tuple[str, str], int]) -> int:
    """How much the rules of one runbook have grown together: a row that went from one to the other is no new trouble.

    A match with one team had none before, where a table holds only some of the teams that a feed names.
    """
    runbook = rules[result.rule].mark.runbook
    same = (count for (rule, _), count in growth.items() if rules[rule].mark.runbook == runbook)
    return sum(same) if runbook else growth[result.id]


def _critical(threshold: Threshold, result: Result, grown: int, written: int) -> bool:
    """Whether the growth alone would be critical; with a threshold that cannot tell, any growth is."""
    if not isinstance(threshold, Above):
        return True
    reading = min(grown / written, 1.0) if result.unit is Measure.PERCENT else grown
    return threshold.judge(reading) is Status.CRITICAL


def after_import(engine: Engine, report: ImportReport, *, allowed_by: str = "", why: str = "") -> None:
    """End an automatic stop after an import that a person let pass. A held part stops nothing but itself."""
    if report.dry_run or not allowed_by:
        return
    with engine.begin() as connection:
        for known in circuit_breaker.stops_in_force(connection):
            if known.automatic and _let_pass(report, known):
                own = {"league": known.league, "kind": known.kind}
                circuit_breaker.resume(connection, f"import {report.run} was let pass: {why}", allowed_by, **own)


def _let_pass(report: ImportReport, stop: Stop) -> bool:
    """Whether the import published what is stopped; any import is such of a stop of everything."""
    parts = ((feed.kind, part.league) for feed in report.feeds for part in feed.parts if part.outcome != Outcome.HELD)
    return not stop.kind or any(kind == stop.kind and stop.league in {"", league} for kind, league in parts)


def after_check(engine: Engine, report: Report) -> tuple[Stop, ...]:
    """Stop imports when a rule of the gate is CRITICAL that was not so in its run before: of the kinds that can break
    it, in the leagues where its bad rows are.

    A check of some rows only, such as those of one league, says nothing of a change and stops nothing.
    """
    fallen = [
        result
        for result in report.by_status(Status.CRITICAL)
        if TAG in result.tags and result.trouble and result.before not in (None, Status.CRITICAL)
    ]
    if not fallen or report.scoped:
        return ()
    with engine.begin() as connection:
        return tuple(stop for result in fallen for stop in _stops(connection, result))


def _stops(connection: Connection, result: Result) -> Iterator[Stop]:
    reason = f"{result.title} got CRITICAL: {result.measurement}. {result.summary}"
    for kind, league in product(_kinds(result), _leagues(result)):
        own = {"league": league, "kind": kind}
        yield circuit_breaker.stop(connection, reason, circuit_breaker.AUTOMATIC, automatic=True, **own)


def _kinds(result: Result) -> Sequence[str]:
    """The kinds of feeds whose rows can break a rule; "" for all where none is known to."""
    from etl.kinds import KINDS  # noqa: PLC0415 - most checks stop no import

    return [kind.name for kind in KINDS if result.domain in kind.domains] or [""]


def _leagues(result: Result) -> Sequence[str]:
    """The leagues where nearly all of a rule's bad rows are; "" for all where that is not known."""
    counts = {label: one.count for one in result.clusters for name, label in one.where
              if name == "league" and len(one.where) == 1}  # fmt: skip
    told = counts and NO_LEAGUE not in counts and sum(counts.values()) >= NEARLY_ALL * (result.count or 0)
    return sorted(counts) if told else [""]
