"""Reads the past into values, with one statement for each kind of thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, func, select

from checks.engine.levels import Severity, Status
from checks.engine.past import Id
from checks.review.episodes import read_episodes
from checks.review.periods import Period
from checks.review.values import Book, Feed, Line, Reading, Run
from etl.tables import check_results, check_runs, import_feeds

STALE = timedelta(days=40)
"""How old the newest result of a rule may be to count as how it stands: a month, and some days of grace."""
_SAME = ("at", "rule", "parameter", "domain", "severity", "status", "count", "total", "rate", "value", "points",
         "accepted")  # fmt: skip

Clock: TypeAlias = Callable[[datetime], datetime]


def read_book(connection: Connection, period: Period) -> Book:
    """All that a review of a period needs, its moments in the time zone of the period.

    Runs about one league alone are left out: they tell nothing of the rest.
    """
    since, until = period.reads_from, period.until
    return Book(
        runs=_runs(connection, since, until),
        readings=read_readings(connection, since, until),
        latest=_latest(connection, until),
        feeds=_feeds(connection, since, until),
        episodes=read_episodes(connection, period.since, until),
    )


def _clock(until: datetime) -> Clock:
    """Moments in the time zone of another; a hundred results share one moment."""
    return cache(lambda at: at.astimezone(until.tzinfo))


def read_readings(
    connection: Connection, since: datetime | None, until: datetime, rule: str | None = None
) -> dict[Id, tuple[Reading, ...]]:
    """The results of all rules, or of one, oldest first."""
    results = check_results.c
    chosen = _unscoped(select(*(results[name] for name in _SAME))).where(results.at <= until)
    if since is not None:
        chosen = chosen.where(results.at > since)
    if rule is not None:
        chosen = chosen.where(results.rule == rule)
    found: dict[Id, list[Reading]] = {}
    for reading in _readings(connection.execute(chosen.order_by(results.at)), _clock(until)):
        found.setdefault((reading.rule, reading.parameter), []).append(reading)
    return {id_: tuple(readings) for id_, readings in found.items()}


def last_run(connection: Connection, selection: str) -> tuple[Run, tuple[Reading, ...]] | None:
    """The newest run of a selection with its results; None without one."""
    own = check_runs.c
    chosen = select(check_runs).where(own.selection == selection, ~own.scoped).order_by(own.started_at.desc()).limit(1)
    row = connection.execute(chosen).first()
    if row is None:
        return None
    results = select(*(check_results.c[name] for name in _SAME)).where(check_results.c.run_id == row.id)
    clock = _clock(row.started_at)
    return _run(row, clock), tuple(_readings(connection.execute(results), clock))


def _unscoped(statement: Select[Any]) -> Select[Any]:
    return statement.join(check_runs, check_runs.c.id == check_results.c.run_id).where(~check_runs.c.scoped)


def _readings(rows: Iterable[Any], clock: Clock) -> Iterator[Reading]:
    severities, statuses = {str(one): one for one in Severity}, {str(one): one for one in Status}
    for at, rule, parameter, domain, severity, status, *figures in rows:
        yield Reading(clock(at), rule, parameter, domain, severities[severity], statuses[status], *figures)


def _runs(connection: Connection, since: datetime, until: datetime) -> tuple[Run, ...]:
    own = check_runs.c
    chosen = select(check_runs).where(~own.scoped, own.started_at > since, own.started_at <= until)
    clock = _clock(until)
    return tuple(_run(row, clock) for row in connection.execute(chosen.order_by(own.started_at)))


def _run(row: Any, clock: Clock) -> Run:
    return Run(
        id=row.id, at=clock(row.started_at), today=row.today, selection=row.selection, score=row.score, gross=row.gross,
        band=row.band, coverage=row.coverage, domains=row.domains, parts=row.parts,
    )  # fmt: skip


def _latest(connection: Connection, until: datetime) -> tuple[Line, ...]:
    results = check_results.c
    own = select(check_results, func.max(results.at).over(partition_by=results.rule).label("newest"))
    recent = _unscoped(own).where(results.at <= until, results.at > until - STALE).subquery()
    # a parameter that the newest run of a rule does not know any more is gone
    rows = connection.execute(select(recent).where(recent.c.at == recent.c.newest))
    clock = _clock(until)
    lines = [_line(row, clock) for row in rows]
    return tuple(sorted(lines, key=_worst_first))


def _line(row: Any, clock: Clock) -> Line:
    (reading,) = _readings([[getattr(row, name) for name in _SAME]], clock)
    return Line(
        reading=reading, threshold=row.threshold, new=row.new, fixed=row.fixed, error=row.error, note=row.note,
        clusters=tuple(str(cluster.get("text", "")) for cluster in row.clusters), examples=tuple(row.examples),
    )  # fmt: skip


def _worst_first(line: Line) -> tuple[Any, ...]:
    own = line.reading
    rank = own.status.rank if own.trouble else -1
    return -rank, -own.status.rank, -own.severity.rank, -own.points, own.rule, own.parameter


def _feeds(connection: Connection, since: datetime, until: datetime) -> tuple[Feed, ...]:
    own = import_feeds.c
    chosen = select(import_feeds).where(own.started_at > since, own.started_at <= until).order_by(own.id)
    clock = _clock(until)
    return tuple(_feed(row, clock) for row in connection.execute(chosen))


def _feed(row: Any, clock: Clock) -> Feed:
    same = ("kind", "league", "outcome", "rows", "records", "rejects", "linked", "unlinked")
    return Feed(
        **{name: getattr(row, name) for name in same}, run=row.run_id, began=clock(row.started_at),
        ended=None if row.finished_at is None else clock(row.finished_at),
        changed=row.inserted + row.updated + row.withdrawn, reasons=tuple(str(reason) for reason in row.reasons),
    )  # fmt: skip
