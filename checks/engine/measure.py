"""Asking the database: readings first, without any opinion on them.

A broken predicate breaks the statement that it shares with others. The statement is then asked again in halves, until
the error stands alone: one rule's mistake is one rule's ERROR.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from sqlalchemy import Select

from checks.engine.errors import MeasureError
from checks.engine.failures import attempt, explained, timed_out
from checks.engine.plan import Scan, targets
from checks.engine.questions import Question
from checks.engine.scope import Scope
from checks.engine.session import Rows, Session, asking
from etl.database import is_transient

SECONDS_PER_HOUR = 3600
PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured: bad rows among all rows, or the value of a metric (None: nothing to measure)."""

    count: int | None = None
    total: int | None = None
    value: float | None = None

    @property
    def rate(self) -> float | None:
        """The share of bad rows; None without a total."""
        return self.count / self.total if self.count is not None and self.total else None


@dataclass(frozen=True, slots=True)
class Measured:
    """A question with its reading, or with the reason why there is none."""

    question: Question
    seconds: float
    reading: Reading | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: which rows count, the pause before a further try, and a cap on every rule's timeout."""

    scope: Scope = field(default_factory=Scope)
    pause: float = 0.2
    timeout: float | None = None

    def limit(self, questions: Sequence[Question]) -> float:
        """The time limit of a statement that these questions share, in seconds."""
        longest = max(question.check.mark.timeout for question in questions)
        return longest if self.timeout is None else min(longest, self.timeout)


def read_scan(session: Session, scan: Scan, how: Asking) -> Iterator[Measured]:
    """The readings of a scan's questions, each with its share of the time."""
    started = time.perf_counter()
    retries = max(question.check.mark.retries for question in scan.questions)
    timeout = how.limit(scan.questions)
    try:
        statement = scan_statement(scan, how.scope.of(narrowed=scan.questions[0].narrowed))
        row = single(attempt(session, retries, how.pause, lambda: session.all(statement, timeout)))
    except Exception as error:  # noqa: BLE001 - the boundary of one scan
        yield from _isolated(session, scan, how, error, time.perf_counter() - started)
        return
    seconds = (time.perf_counter() - started) / len(scan.questions)
    values = iter(row[1:])
    for question in scan.questions:
        own = [next(values) for _ in targets(question)]
        yield _guarded(question, own, seconds)


def scan_statement(scan: Scan, scope: Scope) -> Select[Any]:
    """One SELECT that answers all questions of a scan."""
    table = scan.questions[0].table
    columns = [target for question in scan.questions for target in targets(question)]
    # labels of our own: PostgreSQL has no trouble with two columns called "count", readers have
    labelled = [column.label(f"c{number}") for number, column in enumerate(columns)]
    statement = asking(*labelled).select_from(table)
    # an aggregate gives one row; what is none would give as many as the table has
    return (statement.where(scope.condition(table)) if scope else statement).limit(2)


def single(rows: Rows) -> Sequence[Any]:
    """The only row of a scan; raises MeasureError when a metric is no aggregate."""
    if len(rows) != 1:
        raise MeasureError("the metric gives a value for each row; expected one aggregate such as func.max(...)")
    return rows[0]


def _isolated(session: Session, scan: Scan, how: Asking, error: Exception, seconds: float) -> Iterator[Measured]:
    questions = scan.questions
    # a rule can end its own connection; a database that is really away is not asked once more for every rule
    if len(questions) == 1 or (is_transient(error) and not _answers(session)):
        reason = explained(error, how.limit(questions))
        yield from (Measured(question, seconds / len(questions), error=reason) for question in questions)
        return
    # a time limit is not worth being reached again in every half: one by one only the slow rule reaches it
    size = 1 if timed_out(error) else (len(questions) + 1) // 2
    for start in range(0, len(questions), size):
        yield from read_scan(session, Scan(questions[start : start + size]), how)


def _answers(session: Session) -> bool:
    try:
        session.renew()
        session.all(asking(), timeout=PROBE_SECONDS)
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer
        return False
    return True


def _guarded(question: Question, own: Sequence[Any], seconds: float) -> Measured:
    if question.metric is None:
        return Measured(question, seconds, Reading(count=own[0], total=own[1]))
    try:
        return Measured(question, seconds, Reading(value=figure(own[0])))
    except MeasureError as error:
        return Measured(question, seconds, error=str(error))


def figure(value: Any) -> float | None:
    """A metric as a number, an interval in hours; None for NULL. Raises MeasureError for anything else."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds() / SECONDS_PER_HOUR
    if not isinstance(value, (int, float, Decimal)):
        hint = "; subtract it from `now` for an age in hours" if hasattr(value, "year") else ""
        raise MeasureError(f"the metric is a {type(value).__name__}, expected a number or an interval{hint}")
    if not isfinite(value):
        raise MeasureError(f"the metric is {value}, which cannot be judged")
    return float(value)
