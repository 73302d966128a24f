"""One unit of work on one session: measure, judge, fetch the evidence, and judge anew for each league.

A query across tables is expensive, so count and rows come from one statement as long as the bad rows are few. A rule
that is OK on the whole can be in trouble in a small league, so each rule with bad rows is also judged per league.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Table

from checks.engine.authoring import MeasureError
from checks.engine.authoring.spec import Kind
from checks.engine.authoring.units import Status
from checks.engine.judging.alone import read_alone, read_frame, read_grouped
from checks.engine.judging.bad_rows import BadRows
from checks.engine.judging.evidence import (
    Evidence,
    as_listed,
    draw_each,
    few,
    few_by_key,
    few_of_many,
    many,
    read_placed,
    waived_rows,
)
from checks.engine.judging.findings import Change, Findings, compare, compare_part
from checks.engine.judging.judge import Id, RunContext, Verdict, judge
from checks.engine.judging.outcome import Meeting, Outcome, locate, located_before
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import (
    Alone,
    Grouped,
    Measured,
    Scan,
    Unit,
    is_hopeless,
    read_scan,
    unmeasured,
)
from checks.engine.measuring.snapshot import Session, explained, timed_out


def carried_over(query: Query, context: RunContext) -> Outcome | None:
    """The outcome of a query whose basis has not changed since it was measured last; None when it must be measured.

    It is judged anew: thresholds, history and waivers may have changed. Rows accepted one by one need evidence.
    """
    carried = context.baseline.carried.get(query.id)
    if carried is None or context.waivers.fingerprints(query.check.name) or carried.basis != context.basis(query.id):
        return None
    verdict = judge(query.check.threshold, carried.reading, context.baseline.readings.get(query.id, ()))
    measured = Measured(query, 0.0, carried.reading)
    return Outcome(measured, verdict, verdict, parts=carried.segments, carried=carried)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is known beside the readings, by rule: bad rows, where very many stand, and what stands in the way."""

    evidence: dict[Id, Evidence] = field(default_factory=dict)
    drawn: dict[Id, Evidence] = field(default_factory=dict)
    notes: dict[Id, str] = field(default_factory=dict)


def evaluate(session: Session, unit: Unit, context: RunContext, meeting: Meeting) -> list[Outcome]:
    """Everything about the queries of one unit; where bad rows stand is known once the last unit of `meeting` is."""
    fetched = Fetched()
    measured = _measured(session, unit, context, fetched)
    if context.details:
        fetch_evidence(session, measured, context, fetched)
    outcomes = [_bounded(session, item, fetched.evidence.get(item.query.id), context) for item in measured]
    for outcome in outcomes:
        outcome.notes.extend(filter(None, [fetched.notes.get(outcome.query.id)]))
    if context.details:
        locate(session, unit, outcomes, context, meeting)
        for outcome in outcomes:
            outcome.change = _change(outcome, context)
    return outcomes


def _change(outcome: Outcome, context: RunContext) -> Change | None:
    """How bad rows differ from those of the last run; None where they are not known."""
    reading, findings = outcome.measured.reading, outcome.findings
    if reading is None or reading.count is None or (reading.count and not findings.count):
        return None
    before = context.baseline.findings.get(outcome.query.id, Findings())
    return compare_part(findings, before) if context.how.scope else compare(findings, before)


def _scanned(session: Session, scan: Scan, context: RunContext, fetched: Fetched) -> list[Measured]:
    """The readings of a scan; those of rules that had very many bad rows come with the places of these.

    Such rules and the others are asked side by side where another session is idle.
    """
    hashed, answers = _hashed(scan, context), dict[Query, Measured]()
    others = tuple(query for query in scan.queries if query not in hashed)

    def placed(asked: Session) -> None:
        with suppress(Exception):  # asked like all others below, where an error has its rule
            measured, drawn = read_placed(asked, hashed, context.dimensions, context.how)
            fetched.drawn.update(drawn)
            answers.update((item.query, item) for item in measured)

    def counted(queries: tuple[Query, ...], asked: Session) -> None:
        answers.update((item.query, item) for item in read_scan(asked, replace(scan, queries=queries), context.how))

    if hashed:
        context.spread(session, [placed, *([partial(counted, others)] if others else [])])
    if left := tuple(query for query in scan.queries if query not in answers):
        counted(left, session)
    return [answers[query] for query in scan.queries]


def _measured(session: Session, unit: Unit, context: RunContext, fetched: Fetched) -> list[Measured]:
    """The readings of a unit; what came along with them goes to `fetched`."""
    if isinstance(unit, Scan):
        return _scanned(session, unit, context, fetched)
    if isinstance(unit, Grouped):
        return _grouped(session, unit, context, fetched)
    query = unit.query
    read = _frame if query.check.mark.kind is Kind.FRAME else _alone
    measured, evidence = read(session, query, context)
    if evidence is not None:
        fetched.evidence[query.id] = evidence
    return [measured]


def _alone(session: Session, query: Query, context: RunContext) -> tuple[Measured, Evidence | None]:
    try:
        rows = _rows(query, context) if context.details else None
    except MeasureError:  # its rows cannot be shown, which is reported later; they can be counted
        rows = None
    before = context.baseline.few(query.id, context.listed)
    return read_alone(session, query, rows, context.how, context.listed, before=before)


def _grouped(session: Session, unit: Grouped, context: RunContext, fetched: Fetched) -> list[Measured]:
    """The readings of all queries of a unit together, or one by one where that fails."""
    started = time.perf_counter()
    rows = None
    with suppress(MeasureError):  # as in `_alone`
        rows = _rows(replace(unit.queries[0], bad=unit.together.bad), context) if context.details else None
    try:
        readings, evidence = read_grouped(session, unit, rows, context.how, context.listed)
    except Exception as error:  # noqa: BLE001 - the boundary of one rule
        if timed_out(error) or is_hopeless(session, error):
            return list(unmeasured(unit.queries, error, context.how, time.perf_counter() - started))
        return [one for query in unit.queries for one in _measured(session, Alone(query), context, fetched)]
    fetched.evidence.update(evidence)
    seconds = (time.perf_counter() - started) / len(unit.queries)
    return [Measured(query, seconds, readings[query.id]) for query in unit.queries]


def _hashed(scan: Scan, context: RunContext) -> dict[Query, tuple[BadRows, int]]:
    """The queries that had very many bad rows, with their number: most have the same from run to run, as hashes say."""
    hashed: dict[Query, tuple[BadRows, int]] = {}
    for query in () if context.how.scope or not context.details else scan.queries:
        if context.baseline.had_many(query.id, context.basis):
            with suppress(MeasureError):  # as in `_alone`
                hashed[query] = _rows(query, context), context.baseline.findings[query.id].count
    return {query: own for query, own in hashed.items() if own[0].hash is not None}


def _frame(session: Session, query: Query, context: RunContext) -> tuple[Measured, Evidence | None]:
    try:
        rows = _rows(query, context)
    except MeasureError as error:
        return Measured(query, 0.0, error=str(error)), None
    return read_frame(session, query, rows, context.how, context.listed)


def _rows(query: Query, context: RunContext) -> BadRows:
    return BadRows.of(query, context.how.scope.of(narrowed=query.narrowed), context.dimensions)


def _bounded(session: Session, measured: Measured, evidence: Evidence | None, context: RunContext) -> Outcome:
    """The outcome of one query, an ERROR where judging it fails: no rule takes the others of its scan with it."""
    try:
        return _outcome(session, measured, evidence, context)
    except Exception as error:  # noqa: BLE001 - the boundary of one rule
        failed = Verdict(Status.ERROR, 1.0)
        return Outcome(Measured(measured.query, measured.seconds, error=explained(error)), failed, failed)


def _outcome(session: Session, measured: Measured, evidence: Evidence | None, context: RunContext) -> Outcome:
    query = measured.query
    if measured.reading is None:
        failed = Verdict(Status.ERROR, 1.0)
        return Outcome(measured, failed, failed)
    baseline = context.baseline.readings.get(query.id, ())
    waived = _waived(session, query, evidence, context)
    gross = judge(query.check.threshold, measured.reading, baseline)
    net = judge(query.check.threshold, measured.reading, baseline, waived=waived) if waived else gross
    return Outcome(measured, net, gross, evidence, waived=waived)


def _waived(session: Session, query: Query, evidence: Evidence | None, context: RunContext) -> int:
    accepted = context.waivers.fingerprints(query.check.name)
    if not accepted or evidence is None:
        return 0
    if evidence.findings.complete or query.check.mark.kind is Kind.FRAME:
        return sum(finding.times for finding in evidence.findings.listed if finding.fingerprint in accepted)
    rows = BadRows.of(query, context.how.scope.of(narrowed=query.narrowed), ())
    return waived_rows(session, query.check.name, rows, accepted, context.how.limit([query]))


def fetch_evidence(session: Session, measured: Sequence[Measured], context: RunContext, fetched: Fetched) -> None:
    """Fetch the bad rows of those queries that have some, and none yet."""
    rows: dict[Id, tuple[BadRows, int]] = {}
    lacking = [item for item in measured if item.query.id not in fetched.evidence and item.reading is not None]
    for item, count in [(item, item.reading.count) for item in lacking if item.reading is not None]:
        try:
            rows |= {item.query.id: (_unplaced(item, count, context), count)} if count else {}
        except MeasureError as error:
            fetched.notes[item.query.id] = str(error)
    if not rows:
        return
    timeout = context.how.limit([item.query for item in measured])
    keyed = {
        item.query.id: (rows[item.query.id][0], item.keys) for item in lacking if item.query.id in rows and item.keys
    }
    fetched.evidence.update(few_by_key(session, keyed, timeout) if keyed else {})
    for item in lacking:
        if item.query.id in rows and (same := _unchanged(item, *rows[item.query.id], context)) is not None:
            fetched.evidence[item.query.id] = same
    _fetch(session, rows, context, fetched, timeout)


def _unplaced(item: Measured, count: int, context: RunContext) -> BadRows:
    """The bad rows of a query; of very many that have told their places in the last run, nothing but their keys."""
    rows = _rows(item.query, context)
    return rows if count <= context.listed or located_before(item, context) is None else replace(rows, reached=())


def _fetch(
    session: Session, rows: Mapping[Id, tuple[BadRows, int]], context: RunContext, fetched: Fetched, timeout: float
) -> None:
    """See that there is evidence of all rows, and where very many of them stand."""
    evidence, listed = fetched.evidence, context.listed
    small = {id_: own for id_, (own, count) in rows.items() if count <= listed and id_ not in evidence}
    if len(small) > 1 and all(isinstance(own.source, Table) for own in small.values()):
        with suppress(Exception):  # asked one by one below, where the error has a name
            evidence.update(few_of_many(session, small, timeout))

    def fetch(id_: Id, asked: Session) -> None:
        bad_rows, count = rows[id_]
        try:
            if id_ in small:
                evidence[id_] = few(asked, id_[0], bad_rows, timeout)
            else:
                evidence[id_] = many(asked, id_[0], bad_rows, count, timeout)
        except Exception as error:  # noqa: BLE001 - the rule is measured; only its examples are missing
            fetched.notes[id_] = f"its bad rows cannot be shown: {explained(error, timeout)}"

    drawn = fetched.drawn
    large = {id_: own for id_, own in rows.items() if own[1] > listed and isinstance(own[0].source, Table)}
    to_draw = {id_: own for id_, own in large.items() if id_ not in drawn and own[0].reached}
    draw_all = [lambda asked: drawn.update(draw_each(asked, to_draw, timeout, fetched.notes))] if to_draw else []
    lacking = sorted(rows.keys() - evidence.keys(), key=lambda id_: -rows[id_][1])
    context.spread(session, [*draw_all, *(partial(fetch, id_) for id_ in lacking)])
    for id_ in drawn.keys() & large.keys() & evidence.keys():
        evidence[id_] = replace(drawn[id_], findings=evidence[id_].findings)


def _unchanged(measured: Measured, rows: BadRows, count: int, context: RunContext) -> Evidence | None:
    """The very many bad rows of the last run, where these are the same: nothing below was written, or as hashes say."""
    if count <= context.listed or not isinstance(rows.source, Table):
        return None
    id_ = measured.query.id
    before = context.baseline.unchanged(id_, context.basis(id_), count, measured.digest)
    return None if before is None or before.complete else as_listed(rows, before)
