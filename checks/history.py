"""What earlier runs found: read before a run, written after it, asked by people.

Keeping a report, in the caller's transaction, one caller at a time. What is older never replaces what is newer.

The past that a run is compared with.

What people ask the history: how did the score go, since when is this rule in trouble?

Waivers as they are kept: added, listed, taken back. Nothing is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, Insert, Integer, Text, case, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from checks.engine.authoring import WaiverError
from checks.engine.authoring.units import Status
from checks.engine.judging.findings import Finding, Findings, fingerprint, key_text_of, key_values_of, packed, unpacked
from checks.engine.judging.judge import Baseline, Id, Waiver
from checks.engine.reporting.report import Report, Result, clusters_of
from etl.tables import check_findings, check_results, check_runs, check_states, waivers

LOCK = "rally-health history"


def save(connection: Connection, report: Report) -> None:
    """Write a run with its results, and bring states and findings up to it; saving it again changes nothing."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(LOCK))))
    if not _inserted(connection, report):
        return
    if report.results:
        connection.execute(check_results.insert(), [_result_row(report, result) for result in report.results])
    if report.scoped:
        return
    newer = _newer(connection, report)
    current = [r for r in report.results if r.findings is not None and r.id not in newer]
    plain = [r for r in report.results if r.value is not None and r.id not in newer]
    _save_states(connection, report, sorted([*current, *plain], key=lambda result: result.id))
    for result in sorted(current, key=lambda result: result.id):
        _save_findings(connection, report, result)


def _inserted(connection: Connection, report: Report) -> bool:
    row = {
        "id": report.run,
        "started_at": report.started,
        "finished_at": report.finished,
        "today": report.today,
        "selection": report.selection,
        "scoped": report.scoped,
        "score": report.score,
        "gross": report.gross.value,
        "band": report.band.value,
        "formula": report.formula,
        "coverage": report.coverage,
        "domains": {name: None if value is None else float(value) for name, value in report.net.domains.items()},
        "parts": {
            dimension: {label: None if value is None else float(value) for label, value in parts.items()}
            for dimension, parts in report.parts.items()
        },
        "snapshots": report.snapshots,
    }
    statement = insert(check_runs).values(row).on_conflict_do_nothing().returning(check_runs.c.id)
    return connection.execute(statement).first() is not None


def _result_row(report: Report, result: Result) -> dict[str, Any]:
    same = (
        "rule", "parameter", "domain", "count", "total", "rate", "value", "threshold", "points", "waived", "accepted",
        "new", "known", "fixed", "exact", "sql", "seconds", "error", "note",
    )  # fmt: skip
    return {
        "run_id": report.run,
        "at": report.started,
        "severity": result.severity.value,
        "status": result.status.value,
        "gross_status": result.gross_status.value,
        "examples": [dict(example) for example in result.examples],
        "clusters": clusters_of(result),
        **{name: getattr(result, name) for name in same},
    }


def _newer(connection: Connection, report: Report) -> set[tuple[str, str]]:
    states = check_states.c
    rows = connection.execute(select(states.rule, states.parameter).where(states.at > report.started))
    return {(row.rule, row.parameter) for row in rows}


def _save_states(connection: Connection, report: Report, results: Sequence[Result]) -> None:
    rows = [
        {
            "rule": result.rule,
            "parameter": result.parameter,
            "run_id": report.run,
            "at": report.started,
            "status": result.status.value,
            "count": result.findings.count if result.findings is not None else 0,
            "sketch": _sketch(result),
        }
        for result in results
    ]
    if rows:
        statement = insert(check_states)
        connection.execute(_replacing(statement, ("rule", "parameter"), statement.excluded), rows)


def _sketch(result: Result) -> bytes | None:
    whole = result.findings is None or result.findings.sketch is None
    return None if whole else packed(result.findings.sketched())  # type: ignore[union-attr]


def _save_findings(connection: Connection, report: Report, result: Result) -> None:
    assert result.findings is not None  # noqa: S101 - the caller has chosen those that have some
    listed = sorted(result.findings.listed, key=lambda finding: finding.fingerprint)
    own = check_findings.c
    gone = (own.rule == result.rule) & (own.parameter == result.parameter) & own.fixed_at.is_(None)
    there = func.unnest(literal([finding.fingerprint for finding in listed], ARRAY(BigInteger))).column_valued()
    others = own.fingerprint.not_in(select(there))
    connection.execute(update(check_findings).where(gone, others).values(fixed_at=report.started))
    if listed:
        connection.execute(_upsert_findings(report, result, listed))


def _upsert_findings(report: Report, result: Result, listed: Sequence[Finding]) -> Insert:
    fingerprints = literal([finding.fingerprint for finding in listed], ARRAY(BigInteger))
    keys = literal([json.dumps(dict(finding.key)) for finding in listed], ARRAY(Text))
    times = literal([finding.times for finding in listed], ARRAY(Integer))
    rows = func.unnest(fingerprints, keys, times).table_valued("fingerprint", "key", "times").render_derived()
    chosen = select(
        literal(result.rule), literal(result.parameter), rows.c.fingerprint, cast(rows.c.key, JSONB), rows.c.times,
        literal(report.run, check_findings.c.first_run.type), literal(report.started, check_findings.c.first_seen.type),
    )  # fmt: skip
    names = ["rule", "parameter", "fingerprint", "key", "times", "first_run", "first_seen"]
    statement = insert(check_findings).from_select(names, chosen)
    old, new = check_findings.c, statement.excluded
    # a finding that was fixed and is back is new again; one that stayed keeps its day, and its row is not rewritten
    back = old.fixed_at.is_not(None)
    return statement.on_conflict_do_update(
        index_elements=["rule", "parameter", "fingerprint"],
        set_={
            "times": new.times,
            "first_run": case((back, new.first_run), else_=old.first_run),
            "first_seen": case((back, new.first_seen), else_=old.first_seen),
            "fixed_at": None,
        },
        where=back | (old.times != new.times),
    )


def _replacing(statement: Any, keys: tuple[str, ...], new: Any) -> Insert:
    changed = {column.name: new[column.name] for column in statement.table.c if column.name not in keys}
    replaced: Insert = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
    return replaced


LONGEST_BASELINE = 200
"""Readings of a metric that are read: more than any window looks back."""


def load_history(connection: Connection, rules: Iterable[str]) -> Baseline:
    """The past of some rules."""
    names = sorted(set(rules))
    return Baseline(readings=_readings(connection, names), **_states(connection, names))


def _readings(connection: Connection, rules: list[str]) -> dict[Id, tuple[float, ...]]:
    results = check_results.c
    newest_first = func.row_number().over(partition_by=(results.rule, results.parameter), order_by=results.at.desc())
    recent = (
        select(results.rule, results.parameter, results.value, results.at, newest_first.label("place"))
        .join(check_runs, check_runs.c.id == results.run_id)
        # accepted trouble is not what is usual, and one league is not all of them
        .where(results.rule.in_(rules), results.value.is_not(None), ~results.accepted, ~check_runs.c.scoped)
        .subquery()
    )
    rows = connection.execute(select(recent).where(recent.c.place <= LONGEST_BASELINE).order_by(recent.c.at))
    found: dict[Id, tuple[float, ...]] = {}
    for row in rows:
        found[row.rule, row.parameter] = (*found.get((row.rule, row.parameter), ()), row.value)
    return found


def _states(connection: Connection, rules: list[str]) -> dict[str, Any]:
    states = connection.execute(select(check_states).where(check_states.c.rule.in_(rules))).all()
    open_now = check_findings.c.rule.in_(rules) & check_findings.c.fixed_at.is_(None)
    listed: dict[Id, list[Finding]] = {}
    for row in connection.execute(select(check_findings).where(open_now)):
        listed.setdefault((row.rule, row.parameter), []).append(Finding(row.fingerprint, row.key, row.times))
    findings = {(row.rule, row.parameter): _findings(row, listed) for row in states}
    return {"statuses": {(row.rule, row.parameter): Status(row.status) for row in states}, "findings": findings}


def _findings(row: Any, listed: dict[Id, list[Finding]]) -> Findings:
    known = tuple(listed.get((row.rule, row.parameter), ()))
    return Findings(row.count, known, None if row.sketch is None else unpacked(row.sketch))


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run as a line of the history."""

    run: str
    at: datetime
    selection: str
    score: Decimal | None
    gross: Decimal | None
    band: str
    coverage: float
    failing: int


@dataclass(frozen=True, slots=True)
class Event:
    """One result of one rule as a line of the history."""

    run: str
    at: datetime
    parameter: str
    status: Status
    count: int | None
    total: int | None
    value: float | None
    points: Decimal
    new: int | None
    fixed: int | None


def runs(connection: Connection, limit: int = 20) -> tuple[RunLine, ...]:
    """The newest runs, newest first."""
    failing = func.count().filter(check_results.c.status.in_([status for status in Status if status.failing]))
    own = check_runs.c
    rows = connection.execute(
        select(own.id, own.started_at, own.selection, own.score, own.gross, own.band, own.coverage, failing)
        .join(check_results, check_results.c.run_id == own.id, isouter=True)
        .group_by(*own)
        .order_by(own.started_at.desc())
        .limit(limit)
    )
    return tuple(RunLine(*row) for row in rows)


def events(connection: Connection, rule: str, limit: int = 20) -> tuple[Event, ...]:
    """The newest results of a rule, newest first; none for a rule that never ran."""
    own = check_results.c
    figures = own.count, own.total, own.value, own.points, own.new, own.fixed
    rows = connection.execute(
        select(own.run_id, own.at, own.parameter, own.status, *figures)
        .where(own.rule == rule)
        .order_by(own.at.desc(), own.parameter)
        .limit(limit)
    )
    return tuple(Event(run, at, parameter, Status(status), *rest) for run, at, parameter, status, *rest in rows)


def waive(connection: Connection, waiver: Waiver, key: str | None, *, today: date) -> Waiver:
    """Keep a waiver, of one bad row when `key` names one. Raises WaiverError for an end that is over, or an odd key.

    `key` is a fingerprint (16 hexadecimal digits) as reports show it, or the row's key as JSON, an object or an array.
    """
    if waiver.expired(today):
        raise WaiverError(f"a waiver until {waiver.until} is over today, {today}; choose a later day")
    marked, text = (None, "") if key is None else _identified(connection, waiver.rule, key)
    row = {
        "rule": waiver.rule,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until,
        "fingerprint": marked,
        "key": text,
    }
    return _waiver(connection.execute(waivers.insert().values(row).returning(*waivers.c)).one())


def active_waivers(connection: Connection, rule: str | None = None) -> tuple[Waiver, ...]:
    """All waivers that were not taken back, those that are over too: someone has to look at them."""
    chosen = select(waivers).where(waivers.c.withdrawn_at.is_(None)).order_by(waivers.c.until, waivers.c.id)
    rows = connection.execute(chosen if rule is None else chosen.where(waivers.c.rule == rule))
    return tuple(_waiver(row) for row in rows)


def withdraw(connection: Connection, number: int) -> Waiver:
    """Take a waiver back; raises WaiverError when there is none of that number."""
    own = (waivers.c.id == number) & waivers.c.withdrawn_at.is_(None)
    row = connection.execute(update(waivers).where(own).values(withdrawn_at=func.now()).returning(*waivers.c)).first()
    if row is None:
        known = ", ".join(str(waiver.id) for waiver in active_waivers(connection)) or "none"
        raise WaiverError(f"there is no waiver {number}; there are {known}")
    return _waiver(row)


def _identified(connection: Connection, rule: str, key: str) -> tuple[int, str]:
    try:
        marked = key_values_of(key)
    except ValueError:
        return _by_parts(connection, rule, key)
    own = (check_findings.c.rule == rule) & (check_findings.c.fingerprint == marked)
    found = connection.execute(select(check_findings.c.key).where(own)).scalar()
    return marked, key_text_of(marked) if found is None else json.dumps(found, ensure_ascii=False)


def _by_parts(connection: Connection, rule: str, key: str) -> tuple[int, str]:
    try:
        parts: Any = json.loads(key)
    except ValueError:
        raise WaiverError(f"the key {key!r} is neither a fingerprint of 16 digits nor JSON") from None
    values = list(parts.values()) if isinstance(parts, dict) else parts
    if not isinstance(values, list) or not values:
        raise WaiverError(f"the key {key!r} names no row; expected a JSON object or array as reports show it")
    # written by the database, as the key of a bad row is: both give the same text
    text = connection.execute(select(cast(literal(values, JSONB), Text))).scalar_one()
    return fingerprint(rule, text), key


def _waiver(row: Any) -> Waiver:
    names = ("id", "rule", "owner", "reason", "until", "fingerprint", "key")
    return Waiver(**{name: getattr(row, name) for name in names})
