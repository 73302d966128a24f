"""Questions across tables: each has a statement of its own.

A question such as "which matches are there twice?" is expensive. Asked once for the count and once more for the rows
it would cost twice as much, so both come from one statement as long as the bad rows are few.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, SelectBase, cast, func, literal, null, select, true

from checks.engine.bad_rows import BadRows
from checks.engine.evidence import Evidence, listed
from checks.engine.failures import attempt, explained
from checks.engine.measure import Asking, Measured, Reading
from checks.engine.questions import Question
from checks.engine.scope import Scope
from checks.engine.session import Session, asking


def read_alone(
    session: Session, question: Question, rows: BadRows | None, how: Asking, most: int
) -> tuple[Measured, Evidence | None]:
    """The reading of a question across tables, with its bad rows if they are at most `most`; `rows` None: without."""
    started = time.perf_counter()
    timeout = how.limit((question,))
    scope = how.scope.of(narrowed=question.narrowed)
    try:
        statement = counts(question, scope) if rows is None else counts_and_rows(question, scope, rows, most)
        fetched = attempt(session, question.check.mark.retries, how.pause, lambda: session.all(statement, timeout))
    except Exception as error:  # noqa: BLE001 - the boundary of one rule
        return Measured(question, time.perf_counter() - started, error=explained(error, timeout)), None
    reading = Reading(count=fetched[0][1], total=fetched[0][2])
    measured = Measured(question, time.perf_counter() - started, reading)
    return measured, _evidence(question, rows, fetched, most)


def counts(question: Question, scope: Scope) -> Select[Any]:
    """One row: how many bad rows, among how many."""
    return asking(_count(question.bad, scope), _count(question.among, scope))


def counts_and_rows(question: Question, scope: Scope, rows: BadRows, most: int) -> Select[Any]:
    """The same two counts on each of the first bad rows; on one row without a key when there are none."""
    bad = rows.statement().cte("bad").prefix_with("MATERIALIZED")
    first = select(bad).limit(most).subquery("first")
    always = select(literal(1).label("one")).subquery("always")
    count = select(func.count()).select_from(bad).scalar_subquery()
    return asking(count, _count(question.among, scope), *first.c).select_from(always.outerjoin(first, true()))


def _count(statement: Any, scope: Scope) -> ColumnElement[Any]:
    if not isinstance(statement, SelectBase):
        return cast(null(), Integer)
    rows = statement.subquery()
    counted = select(func.count()).select_from(rows)
    return (counted.where(scope.condition(rows)) if scope else counted).scalar_subquery()


def _evidence(question: Question, rows: BadRows | None, fetched: Sequence[Sequence[Any]], most: int) -> Evidence | None:
    if rows is None or fetched[0][1] > most:
        return None
    return listed(question.check.name, rows, [row[3:] for row in fetched if row[3] is not None])
