"""Reads the past into values, with one statement for each kind of thing.

Incidents as episodes: from each beginning to its end, with the first message and the first answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, func, or_, select

from checks.engine.authoring.units import Severity, Status
from checks.engine.judging.judge import Id
from checks.review.values import Book, Episode, Feed, Line, Period, Reading, Run
from etl.tables import (
    check_results,
    check_runs,
    deliveries,
    delivery_incidents,
    import_feeds,
    incident_events,
    incidents,
)

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


BEGINS = {"opened", "reopened"}
ENDS = "resolved"
ANSWERS = "acknowledged"


def read_episodes(connection: Connection, since: datetime, until: datetime) -> tuple[Episode, ...]:
    """The episodes of incidents that were open at some time between the two moments, oldest first."""
    own = incidents.c
    alive = own.opened_at <= until, or_(own.resolved_at.is_(None), own.resolved_at > since)
    rows = connection.execute(select(incidents).where(*alive).order_by(own.opened_at, own.id)).all()
    numbers = [row.id for row in rows]
    events, sent = _events(connection, numbers, until), _sent(connection, numbers, until)
    found = [episode for row in rows for episode in _episodes(row, events.get(row.id, ()), sent.get(row.id, ()), until)]
    return tuple(sorted((one for one in found if one.ended is None or one.ended > since), key=lambda one: one.began))


def _events(connection: Connection, numbers: Sequence[int], until: datetime) -> dict[int, list[tuple[datetime, str]]]:
    own = incident_events.c
    chosen = select(own.incident_id, own.at, own.kind).where(own.incident_id.in_(numbers), own.at <= until)
    found: dict[int, list[tuple[datetime, str]]] = {}
    for number, at, kind in connection.execute(chosen.order_by(own.at, own.id)):
        found.setdefault(number, []).append((at.astimezone(until.tzinfo), kind))
    return found


def _sent(connection: Connection, numbers: Sequence[int], until: datetime) -> dict[int, list[datetime]]:
    about, own = delivery_incidents.c, deliveries.c
    chosen = select(about.incident_id, own.sent_at).join(deliveries, own.id == about.delivery_id)
    wanted = chosen.where(about.incident_id.in_(numbers), own.sent_at <= until).order_by(own.sent_at)
    found: dict[int, list[datetime]] = {}
    for number, at in connection.execute(wanted):
        found.setdefault(number, []).append(at.astimezone(until.tzinfo))
    return found


def _episodes(
    row: Any, events: Sequence[tuple[datetime, str]], sent: Sequence[datetime], until: datetime
) -> list[Episode]:
    own: list[Episode] = []
    for at, kind in events:
        if kind in BEGINS:
            own.append(_begun(row, at))
        elif own and kind == ENDS:
            own[-1] = replace(own[-1], ended=own[-1].ended or at, resolution=row.resolution or "")
        elif own and kind == ANSWERS:
            own[-1] = replace(own[-1], answered=own[-1].answered or at)
    # an incident of another writer than ours may come without its story
    own = own or [_told_by_itself(row, until)]
    return [replace(one, told=_first(sent, one)) for one in own]


def _begun(row: Any, at: datetime) -> Episode:
    return Episode(
        incident=row.id, rule=row.rule, parameter=row.parameter, domain=row.domain, severity=Severity(row.severity),
        worst=Status(row.worst), began=at,
    )  # fmt: skip


def _told_by_itself(row: Any, until: datetime) -> Episode:
    answered, ended = (
        None if at is None or at > until else at.astimezone(until.tzinfo)
        for at in (row.acknowledged_at, row.resolved_at)
    )
    begun = _begun(row, row.opened_at.astimezone(until.tzinfo))
    return replace(begun, ended=ended, answered=answered, resolution=row.resolution or "" if ended else "")


def _first(sent: Sequence[datetime], episode: Episode) -> datetime | None:
    return next((at for at in sent if at >= episode.began and (episode.ended is None or at <= episode.ended)), None)
