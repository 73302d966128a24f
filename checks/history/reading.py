"""The past that a run is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from checks.engine.findings import Finding, Findings
from checks.engine.levels import Status
from checks.engine.past import Id, Past
from checks.engine.sketch import unpacked
from etl.tables import check_findings, check_results, check_runs, check_states

LONGEST = 200
"""Readings of a metric that are read: more than any window looks back."""


def load(connection: Connection, rules: Iterable[str]) -> Past:
    """The past of some rules."""
    names = sorted(set(rules))
    return Past(readings=_readings(connection, names), **_states(connection, names))


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
    rows = connection.execute(select(recent).where(recent.c.place <= LONGEST).order_by(recent.c.at))
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
