"""Asks a database about one rule, the way the engine does, and judges the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, select

from checks import Above, Below, Drop, Outlier, Status
from checks.engine.questions import Parameter, Question, ask
from checks.engine.rules import Rules
from checks.engine.spec import Check
from checks.engine.wiring import values
from tests.checks.rules.entries import NOW, TODAY

GIVEN = {"today": TODAY, "now": NOW}


def question(catalogue: Rules, check: Check) -> Question:
    """The one question of a rule without parameters."""
    with values(catalogue.fixtures, GIVEN) as made:
        (asked,) = ask(check, [Parameter()], made)
    assert isinstance(asked, Question), asked.reason
    return asked


def bad_rows(asked: Question) -> Select[Any]:
    """The statement that shows the bad rows."""
    if isinstance(asked.bad, Select):
        return asked.bad
    assert isinstance(asked.bad, ColumnElement)
    statement = select(asked.table).where(asked.bad)
    return statement.where(asked.among) if isinstance(asked.among, ColumnElement) else statement


def count(connection: Connection, asked: Question) -> int:
    """How many rows are bad."""
    return _size(connection, bad_rows(asked).subquery())


def total(connection: Connection, asked: Question) -> int:
    """Among how many rows."""
    if isinstance(asked.among, Select):
        return _size(connection, asked.among.subquery())
    statement = select(func.count()).select_from(asked.table)
    if isinstance(asked.among, ColumnElement):
        statement = statement.where(asked.among)
    return int(connection.execute(statement).scalar_one())


def reading(connection: Connection, asked: Question) -> float | None:
    """What a metric reads, time spans in hours."""
    assert asked.metric is not None
    value = connection.execute(select(asked.metric)).scalar_one()
    seconds = getattr(value, "total_seconds", None)
    return None if value is None else seconds() / 3600 if seconds else float(value)


def judged(check: Check, value: float | None, past: Sequence[float] = ()) -> Status:
    """How a metric's reading stands."""
    if value is None:
        return Status.SKIPPED
    threshold = check.threshold
    if isinstance(threshold, Drop | Outlier):
        return threshold.judge(value, past)
    assert isinstance(threshold, Above | Below)
    return threshold.judge(value)


def _size(connection: Connection, rows: Subquery) -> int:
    return int(connection.execute(select(func.count()).select_from(rows)).scalar_one())
