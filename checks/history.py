"""What earlier runs found: the baseline that is read before a run, and the report that is written after it.

A report is written in the caller's transaction, one caller at a time, and what is older never replaces what is newer.
`checks.stored` reads runs and results back for people and reports.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert

from checks.baseline import is_of, last_measured, usual_readings
from checks.engine.authoring.units import Status
from checks.engine.collecting.rules import Selection
from checks.engine.judging.findings import Finding, Findings, packed
from checks.engine.judging.judge import Baseline, Carried, Id, Located
from checks.engine.measuring.measure import Measurement
from checks.engine.reporting.report import Report, Result, clusters_of
from checks.seals import seal_run
from checks.stored import cluster_of
from etl.tables import check_findings, check_results, check_runs, check_states

LOCK = "rally-health history"


def save(connection: sa.Connection, report: Report) -> bool:
    """Write a run with its results, and bring states and findings up to it.

    Saving it again changes nothing, and says so by False: then all that was written with it is there, too.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(LOCK))))
    if not _inserted(connection, report):
        return False
    if report.results:
        connection.execute(_insert_results(_document(_result_row(report, result) for result in report.results)))
    seal_run(connection, report.run)
    if report.scoped or report.another_day:
        return True
    newer = _newer(connection, report)
    # what had nothing to measure, or could not be measured, keeps the state in which it was last seen
    measured = [
        result for result in report.results
        if (result.status.measured or _unjudged(result)) and result.id not in newer and result.carried is None
    ]  # fmt: skip
    current = [result for result in measured if result.findings is not None]
    plain = [result for result in measured if result.value is not None]
    _save_states(connection, report, sorted([*current, *plain], key=lambda result: result.id))
    _save_findings(connection, report, sorted(current, key=lambda result: result.id))
    return True


def _unjudged(result: Result) -> bool:
    """Whether a figure was read that no history judged yet, in this run or in an earlier one."""
    return result.without_history and result.before in {None, Status.SKIPPED}


def _inserted(connection: sa.Connection, report: Report) -> bool:
    row = {
        "id": report.run,
        "started_at": report.started,
        "finished_at": report.finished,
        "today": report.today,
        "selection": report.selection,
        "scoped": report.scoped,
        "another_day": report.another_day,
        "score": report.score,
        "gross": report.gross_score,
        "band": report.band.value,
        "formula": report.formula,
        "coverage": report.coverage,
        "domains": {name: None if value is None else float(value) for name, value in report.net.domains.items()},
        "parts": {
            dimension: {label: None if value is None else float(value) for label, value in parts.items()}
            for dimension, parts in report.parts.items()
        },
        "snapshots": report.snapshots,
        "database_bytes": sa.func.pg_database_size(sa.func.current_database()),
    }
    statement = insert(check_runs).values(row).on_conflict_do_nothing().returning(check_runs.c.id)
    return connection.execute(statement).first() is not None


def _insert_results(document: str) -> sa.Insert:
    """All results in one value: a statement for each took the database four times as long, and psycopg, too."""
    rows = _sent("found", document, check_results.c)
    return check_results.insert().from_select(rows.c.keys(), sa.select(*rows.c))


def _result_row(report: Report, result: Result) -> dict[str, Any]:
    same = (
        "rule", "parameter", "domain", "count", "total", "rate", "value", "threshold", "points", "share", "impact",
        "emptied", "waived", "accepted", "new", "known", "fixed", "exact", "sql", "seconds", "error", "note",
        "carried",
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


def _newer(connection: sa.Connection, report: Report) -> set[tuple[str, str]]:
    states = check_states.c
    rows = connection.execute(sa.select(states.rule, states.parameter).where(states.at > report.started))
    return {(row.rule, row.parameter) for row in rows}


def _save_states(connection: sa.Connection, report: Report, results: Sequence[Result]) -> None:
    rows = [
        {
            "rule": result.rule,
            "parameter": result.parameter,
            "run_id": report.run,
            "at": report.started,
            "status": result.status.value,
            "count": result.findings.count if result.findings is not None else 0,
            "sketch": _sketch(result),
            "basis": result.basis or None,
            "digest": result.digest or None,
            "segments": {
                dimension: [[value, reading.count, reading.total] for value, reading in readings.items()]
                for dimension, readings in result.segments.items()
            },
        }
        for result in results
    ]
    if rows:
        statement = insert(check_states)
        connection.execute(_replacing(statement, ("rule", "parameter"), statement.excluded), rows)


def _sketch(result: Result) -> bytes | None:
    kept = None if result.findings is None else result.findings.sketch
    return kept if kept is None or isinstance(kept, bytes) else packed(kept)


RULES_AT_ONCE = 40
"""The bad rows of so many rules are written by one statement: a hundred thousand at most, mostly some thousand."""


def _save_findings(connection: sa.Connection, report: Report, results: Sequence[Result]) -> None:
    """Write what has changed. Most bad rows are those of the run before: to send their keys again took the longest."""
    open_before = _open_times(connection, {result.rule for result in results})
    changed, gone = list[dict[str, Any]](), list[dict[str, Any]]()
    for result in results:
        before, named = open_before.get(result.id, {}), {"rule": result.rule, "parameter": result.parameter}
        listed = sorted(_listed(result), key=lambda finding: finding.fingerprint)
        other = [finding for finding in listed if before.get(finding.fingerprint) != finding.times]
        changed += [named | _in_columns(other)] if other else []
        left = sorted(before.keys() - {finding.fingerprint for finding in listed})
        gone += [named | {"fingerprint": left}] if left else []
    if gone:
        connection.execute(_fixed_findings(report, _sent_by_rule(_document(gone), ("fingerprint",))))
    for start in range(0, len(changed), RULES_AT_ONCE):
        document = _document(changed[start : start + RULES_AT_ONCE])
        connection.execute(_upsert_findings(report, _sent_by_rule(document, ("fingerprint", "key", "times"))))


def _in_columns(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "fingerprint": [own.fingerprint for own in findings],
        "key": [dict(own.key) for own in findings],
        "times": [own.times for own in findings],
    }


def _open_times(connection: sa.Connection, rules: Iterable[str]) -> dict[Id, dict[int, int]]:
    """How many times each bad row is there that is open now, by rule and parameter."""
    there = check_findings.c
    arrays = sa.func.array_agg(there.fingerprint), sa.func.array_agg(there.times)
    open_now = sa.select(there.rule, there.parameter, *arrays).where(there.fixed_at.is_(None))
    rows = connection.execute(open_now.where(is_of(there.rule, rules)).group_by(there.rule, there.parameter))
    return {(rule, parameter): dict(zip(marks, times, strict=True)) for rule, parameter, marks, times in rows}


def _listed(result: Result) -> Sequence[Finding]:
    return () if result.findings is None else result.findings.listed


def _fixed_findings(report: Report, gone: sa.Subquery) -> sa.Update:
    open_, there = check_findings.c, gone.c
    same = (open_.rule == there.rule, open_.parameter == there.parameter, open_.fingerprint == there.fingerprint)
    return sa.update(check_findings).where(*same).values(fixed_at=report.started)


def _document(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), default=str)  # the database reads days and decimals by their text


def _sent(name: str, document: str, columns: Iterable[sa.ColumnClause[Any]]) -> sa.TableValuedAlias:
    """Rows with these columns that are sent along, all in one value."""
    rows = sa.cast(sa.literal(document, sa.Text), sa.JSON)
    named = (sa.column(each.name, each.type) for each in columns)
    return sa.func.json_to_recordset(rows).table_valued(*named).render_derived(name, with_types=True)


def _sent_by_rule(document: str, names: Sequence[str]) -> sa.Subquery:
    """Bad rows that are sent along, the columns of each rule as arrays: told of each row, its rule took a quarter."""
    there = check_findings.c
    types = {name: there[name].type for name in names}
    arrays = (sa.column(name, postgresql.ARRAY(kind)) for name, kind in types.items())
    of_rules = _sent("of_rules", document, (there.rule, there.parameter, *arrays))
    columns = (sa.column(name, kind) for name, kind in types.items())
    rows = sa.func.unnest(*(of_rules.c[name] for name in names)).table_valued(*columns).render_derived("bad_rows")
    return sa.select(of_rules.c.rule, of_rules.c.parameter, *rows.c).join_from(of_rules, rows, sa.true()).subquery()


def _upsert_findings(report: Report, listed: sa.Subquery) -> sa.Insert:
    rows = listed.c
    chosen = sa.select(
        rows.rule, rows.parameter, rows.fingerprint, rows.key, rows.times,
        sa.literal(report.run, check_findings.c.first_run.type),
        sa.literal(report.started, check_findings.c.first_seen.type),
    )  # fmt: skip
    names = ["rule", "parameter", "fingerprint", "key", "times", "first_run", "first_seen"]
    statement = insert(check_findings).from_select(names, chosen)
    old, new = check_findings.c, statement.excluded
    # a finding that was fixed and is back is new again; one that stayed keeps its day
    back = old.fixed_at.is_not(None)
    return statement.on_conflict_do_update(
        index_elements=["rule", "parameter", "fingerprint"],
        set_={
            "times": new.times,
            "first_run": sa.case((back, new.first_run), else_=old.first_run),
            "first_seen": sa.case((back, new.first_seen), else_=old.first_seen),
            "fixed_at": None,
        },
    )


def _replacing(statement: Any, keys: tuple[str, ...], new: Any) -> sa.Insert:
    changed = {column.name: new[column.name] for column in statement.table.c if column.name not in keys}
    # a sketch of 48 kB that is the same stays where it is, neither compressed nor written anew
    old = statement.table.c.sketch
    changed["sketch"] = sa.case((new.sketch == old, old), else_=new.sketch)
    replaced: sa.Insert = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
    return replaced


def load_history(
    connection: sa.Connection, rules: Iterable[str], selection: Selection | None = None, *, keys: bool = False
) -> Baseline:
    """The history of some rules, as a run of a selection (None: of everything) is compared with it.

    Bad rows are compared by their fingerprints. With `keys` all have their key, otherwise only a sample of very many.
    """
    names = sorted(set(rules))
    scope = str(Selection(scope=selection.scope)) if selection is not None and selection.scope else ""
    return Baseline(
        readings=usual_readings(connection, names, scope),
        measured=last_measured(connection, names, scope),
        # a run of a part looks where its own bad rows stand
        located={} if scope else _located(connection, names),
        **_states(connection, names, keys=keys),
    )


LONGEST_CARRIED = timedelta(days=7)
"""A result is measured anew once a week, whatever the statistics say."""


def results_to_carry(connection: sa.Connection, rules: Iterable[str], now: datetime) -> dict[Id, Carried]:
    """The result that each rule was last measured with, where it says what it rests on."""
    states, results = check_states.c, check_results.c
    same = (results.run_id == states.run_id, results.rule == states.rule, results.parameter == states.parameter)
    chosen = (
        sa.select(states.rule, states.parameter, states.at, states.basis, states.segments, results.count, results.total,
               results.value, results.clusters, results.examples, results.sql)
        .join(check_results, sa.and_(*same))
        .where(is_of(states.rule, rules), states.basis.is_not(None), states.at > now - LONGEST_CARRIED)
        .where(results.waived == 0, results.status != Status.ERROR.value)
    )  # fmt: skip
    return {(row.rule, row.parameter): _to_carry(row) for row in connection.execute(chosen)}


def _to_carry(row: Any) -> Carried:
    return Carried(
        basis=row.basis, at=row.at, reading=Measurement(row.count, row.total, row.value), sql=row.sql,
        clusters=tuple(map(cluster_of, row.clusters)), examples=tuple(row.examples), segments=_segments(row.segments),
    )  # fmt: skip


def _segments(stored: Mapping[str, Any] | None) -> dict[str, dict[Any, Measurement]]:
    return {
        dimension: {value: Measurement(count, total) for value, count, total in readings}
        for dimension, readings in (stored or {}).items()
    }


def _states(connection: sa.Connection, rules: list[str], *, keys: bool) -> dict[str, Any]:
    own = check_states.c
    columns = own.rule, own.parameter, own.status, own.count, own.sketch, own.basis, own.digest
    states = connection.execute(sa.select(*columns).where(is_of(own.rule, rules))).all()
    open_now = {(row.rule, row.parameter): row for row in connection.execute(_open_findings(rules, keys=keys))}
    findings = {(row.rule, row.parameter): _findings(row, open_now.get((row.rule, row.parameter))) for row in states}
    statuses = {(row.rule, row.parameter): Status(row.status) for row in states}
    bases = {(row.rule, row.parameter): row.basis for row in states if row.basis}
    digests = {(row.rule, row.parameter): row.digest for row in states if row.digest}
    return {"statuses": statuses, "findings": findings, "bases": bases, "digests": digests}


def _located(connection: sa.Connection, rules: list[str]) -> dict[Id, Located]:
    """Where bad rows stood, of all states that say what they rest on."""
    states, results = check_states.c, check_results.c
    same = (results.run_id == states.run_id, results.rule == states.rule, results.parameter == states.parameter)
    chosen = (
        sa.select(states.rule, states.parameter, states.segments, results.gross_status, results.clusters)
        .join(check_results, sa.and_(*same))
        .where(is_of(states.rule, rules), states.basis.is_not(None), states.count > 0)
    )
    return {
        (rule, parameter): Located(Status(gross).failing, tuple(map(cluster_of, clusters)), _segments(segments))
        for rule, parameter, segments, gross, clusters in connection.execute(chosen)
    }


def _open_findings(rules: list[str], *, keys: bool) -> sa.Select[Any]:
    """Fingerprints, keys and times of each rule and parameter; without `keys` only those that a sketch stands for.

    A rule's come at once: thousands of keys, each as JSON of its own, took most of the time of reading a history.
    """
    column, states = check_findings.c, check_states.c
    same = (states.rule == column.rule) & (states.parameter == column.parameter)
    all_keys = sa.func.jsonb_agg(column.key)
    of_rule = (
        sa.func.array_agg(column.fingerprint).label("fingerprints"), sa.func.array_agg(column.times).label("times"),
        (all_keys if keys else all_keys.filter(states.sketch.is_not(None))).label("named"),
    )  # fmt: skip
    chosen = sa.select(column.rule, column.parameter, *of_rule).join(check_states, same)
    open_now = chosen.where(is_of(column.rule, rules), column.fixed_at.is_(None))
    return open_now.group_by(column.rule, column.parameter)


def _findings(state: Any, rows: Any) -> Findings:
    """The bad rows of a state; those whose keys were not read are only compared with."""
    if rows is None:
        return Findings(state.count, sketch=state.sketch)
    if rows.named is None:
        return Findings(
            state.count, sketch=state.sketch, remembered=dict(zip(rows.fingerprints, rows.times, strict=True))
        )
    known = map(Finding, rows.fingerprints, rows.named, rows.times)
    return Findings(state.count, tuple(known), state.sketch)
