"""What people ask the history: how did the score go, since when is this rule in trouble?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from checks.engine.levels import Status
from etl.tables import check_results, check_runs


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
