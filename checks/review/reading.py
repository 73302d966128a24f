"""Reads the history into values, with one statement for each kind of thing: runs, results, feeds, incidents.

An incident is read as its history tells it, from each beginning to its end, with the first message about it and the
first acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, union_all

from checks.engine.authoring.units import Severity, Status
from checks.engine.judging.judge import Id
from checks.engine.reporting.report import worst_first
from checks.feedback import complaints
from checks.review.deeds import if_over, read_deeds
from checks.review.surroundings import read_limits, read_rule_dates, read_system, read_technology
from checks.review.time_series import comparable_runs
from checks.review.values import Book, Feed, IncidentRecord, Period, PeriodKind
from checks.stored import (
    Clock,
    StoredResult,
    StoredRun,
    clock_of,
    results_of,
    run_of,
    select_results,
    select_runs,
)
from etl.tables import (
    TimeSpan,
    check_results,
    check_runs,
    deliveries,
    delivery_incidents,
    import_feeds,
    import_runs,
    incident_events,
    incidents,
)

STALE = timedelta(days=40)
"""How old the newest result of a rule may be to count as how it stands: a month, and some days of grace."""


def read_book(connection: Connection, period: Period) -> Book:
    """All that a report about a period needs, its moments in the time zone of the period.

    Runs about one league alone, or about another day, are set apart: they tell nothing of the whole.
    """
    since, until = period.reads_from, period.until
    runs = _runs(connection, since, until)
    return Book(
        runs=tuple(run for run in runs if not run.apart),
        apart=tuple(run for run in runs if run.apart),
        results=read_results(connection, since, until),
        latest=latest_results(connection, until),
        feeds=_feeds(connection, since, until),
        incidents=incident_history(connection, period.since, until),
        deeds=tuple(read_deeds(connection, until)),
        installed=_installed(connection, until),
        **_of_longer_reports(connection, period),
    )


def _of_longer_reports(connection: Connection, period: Period) -> dict[str, Any]:
    """What only some kinds of reports tell of."""
    until = period.until
    of_kind: dict[PeriodKind, dict[str, Callable[[], Any]]] = {
        PeriodKind.WEEKLY: {
            "complaints": lambda: complaints(connection, TimeSpan(period.since, until), zone=until.tzinfo or UTC),
            "system": lambda: read_system(connection, period),
        },
        PeriodKind.MONTHLY: {"limits": lambda: read_limits(connection, period.since)},
        PeriodKind.ANNUAL: {
            "technology": lambda: read_technology(connection, period),
            "asked": lambda: read_rule_dates(connection, until),
        },
    }  # fmt: skip
    readers = {name: read for kind, own in of_kind.items() if period.kind.includes(kind) for name, read in own.items()}
    return {name: read() for name, read in readers.items()}


def newest_comparable_run(connection: Connection, until: datetime) -> StoredRun | None:
    """The run that a report stands on, however old: the newest of the widest selection, not that of one rule."""
    columns = check_runs.c
    of_whole = ~columns.scoped, ~columns.another_day, columns.started_at <= until
    newest = connection.scalar(select(func.max(columns.started_at)).where(*of_whole))
    if newest is None:
        return None
    since, until = Period.of(PeriodKind.WEEKLY, newest).reads_from, newest
    whole = tuple(run for run in _runs(connection, since, until) if not run.apart)
    comparable = comparable_runs(Book(runs=whole, sizes=_sizes(connection, since, until)))
    return comparable[-1] if comparable else None


def read_lately(connection: Connection, period: Period, rules: Collection[str]) -> Book:
    """What a first look needs: as `read_book`, but of results before the period only those of `rules`, and no deeds.

    Also read are those of rules that had incidents in the period, and those of the last two runs of each selection.
    """
    since, until = period.reads_from, period.until
    runs = _runs(connection, since, until)
    sizes = _sizes(connection, since, until)
    records = incident_history(connection, period.since, until)
    last = [run.id for own in _by_selection(runs) for run in own[-2:]]
    recent = [run.id for run in runs if run.at > period.since]
    asked, rule = check_results.c, check_results.c.rule.in_({*rules, *(one.rule for one in records)})
    # both sides are found by an index, however long the history is
    wanted = or_(and_(rule, asked.at > since, asked.at <= until), asked.run_id.in_([*recent, *last]))
    return Book(
        runs=tuple(run for run in runs if not run.apart),
        apart=tuple(run for run in runs if run.apart),
        results=_grouped(connection, _unscoped(select_results()).where(wanted), until),
        latest=latest_results(connection, until),
        feeds=_feeds(connection, since, until),
        incidents=records,
        installed=_installed(connection, until),
        sizes=sizes,
    )


def _by_selection(runs: Iterable[StoredRun]) -> Iterable[list[StoredRun]]:
    groups: dict[str, list[StoredRun]] = {}
    for run in runs:
        if not run.apart:
            groups.setdefault(run.selection, []).append(run)
    return groups.values()


def _sizes(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """How many results each run of a time has, counted run by run by the index."""
    runs = check_runs.c
    counted = select(func.count()).where(check_results.c.run_id == runs.id).scalar_subquery()
    chosen = select(runs.id, counted).where(runs.started_at > since, runs.started_at <= until)
    return dict(connection.execute(chosen).tuples().all())


def read_results(
    connection: Connection, since: datetime | None, until: datetime, rule: str | None = None,
    parameter: str | None = None,
) -> dict[Id, tuple[StoredResult, ...]]:  # fmt: skip
    """The results of all rules, of one, or of one parameter of that, oldest first, lean."""
    results = check_results.c
    chosen = _unscoped(select_results()).where(results.at <= until)
    if since is not None:
        chosen = chosen.where(results.at > since)
    if rule is not None:
        chosen = chosen.where(results.rule == rule)
    if parameter is not None:
        chosen = chosen.where(results.parameter == parameter)
    return _grouped(connection, chosen, until)


def _grouped(connection: Connection, chosen: Select[Any], until: datetime) -> dict[Id, tuple[StoredResult, ...]]:
    groups: dict[Id, list[StoredResult]] = {}
    for result in results_of(connection.execute(chosen.order_by(check_results.c.at)).all(), clock_of(until)):
        groups.setdefault(result.id, []).append(result)
    return {id_: tuple(group) for id_, group in groups.items()}


def last_run(connection: Connection, selection: str) -> tuple[StoredRun, tuple[StoredResult, ...]] | None:
    """The newest run of a selection with its results; None without one."""
    runs = check_runs.c
    like = runs.selection == selection, ~runs.scoped, ~runs.another_day
    row = connection.execute(select_runs().where(*like).order_by(runs.started_at.desc()).limit(1)).first()
    if row is None:
        return None
    results = connection.execute(select_results().where(check_results.c.run_id == row.id))
    clock = clock_of(row.started_at)
    return run_of(row, clock), tuple(results_of(results, clock))


def _unscoped(statement: Select[Any]) -> Select[Any]:
    return statement.join(check_runs, check_runs.c.id == check_results.c.run_id).where(
        ~check_runs.c.scoped, ~check_runs.c.another_day
    )


def _runs(connection: Connection, since: datetime, until: datetime) -> tuple[StoredRun, ...]:
    runs = check_runs.c
    chosen = select_runs().where(runs.started_at > since, runs.started_at <= until)
    clock = clock_of(until)
    return tuple(run_of(row, clock) for row in connection.execute(chosen.order_by(runs.started_at)))


def _installed(connection: Connection, until: datetime) -> datetime | None:
    """When the first check or import began: before that there was nothing that could have failed."""
    first = union_all(select(func.min(check_runs.c.started_at)), select(func.min(import_runs.c.started_at))).subquery()
    at: datetime | None = connection.execute(select(func.min(first.c[0]))).scalar()
    return None if at is None else at.astimezone(until.tzinfo)


def latest_results(connection: Connection, until: datetime, rule: str | None = None) -> tuple[StoredResult, ...]:
    """The newest result of each rule and parameter, or those of one rule, worst first, with all that is kept of it."""
    results = check_results.c
    newest = func.max(results.at).over(partition_by=results.rule)
    recent = _unscoped(
        select(results.run_id, results.rule, results.parameter, results.at, newest.label("newest"))
    ).where(results.at <= until, results.at > until - STALE)
    if rule is not None:
        recent = recent.where(results.rule == rule)
    newest_runs = recent.subquery()
    # a parameter that the newest run of a rule does not know any more is gone
    same = (results.run_id == newest_runs.c.run_id) & (results.rule == newest_runs.c.rule)
    same &= results.parameter == newest_runs.c.parameter
    rows = connection.execute(
        select_results(details=True).join(newest_runs, same).where(newest_runs.c.at == newest_runs.c.newest)
    )
    return tuple(sorted(results_of(rows, clock_of(until)), key=worst_first))


def _feeds(connection: Connection, since: datetime, until: datetime) -> tuple[Feed, ...]:
    feeds = import_feeds.c
    # without the columns of JSON that no report reads: to decode them took longer than to read them
    lean = [column for column in feeds if column.name not in {"allowed", "leagues", "drift", "seconds"}]
    chosen = select(*lean).where(feeds.started_at > since, feeds.started_at <= until).order_by(feeds.id)
    clock = clock_of(until)
    return tuple(_feed(row, clock) for row in connection.execute(chosen))


def _feed(row: Any, clock: Clock) -> Feed:
    same = ("kind", "league", "outcome", "rows", "records", "rejects", "linked", "unlinked")
    return Feed(
        **{name: getattr(row, name) for name in same}, run=row.run_id, started_at=clock(row.started_at),
        finished_at=None if row.finished_at is None else clock(row.finished_at),
        changed=row.inserted + row.updated + row.withdrawn, reasons=tuple(str(reason) for reason in row.reasons),
    )  # fmt: skip


BEGINS = {"opened", "reopened"}
ENDS = "resolved"
ACKNOWLEDGES = "acknowledged"


def incident_history(connection: Connection, since: datetime, until: datetime) -> tuple[IncidentRecord, ...]:
    """The incidents that were open at some time between two moments, one record for each beginning, oldest first."""
    columns = incidents.c
    alive = columns.opened_at <= until, or_(columns.resolved_at.is_(None), columns.resolved_at > since)
    rows = connection.execute(select(incidents).where(*alive).order_by(columns.opened_at, columns.id)).all()
    numbers = [row.id for row in rows]
    events, sent = _events(connection, numbers, until), _sent(connection, numbers, until)
    records = [record for row in rows for record in _records(row, events.get(row.id, ()), sent.get(row.id, ()), until)]
    recent = (record for record in records if record.resolved_at is None or record.resolved_at > since)
    return tuple(sorted(recent, key=lambda record: record.opened_at))


def _events(connection: Connection, numbers: Sequence[int], until: datetime) -> dict[int, list[tuple[datetime, str]]]:
    columns = incident_events.c
    chosen = select(columns.incident_id, columns.at, columns.kind).where(columns.incident_id.in_(numbers))
    events: dict[int, list[tuple[datetime, str]]] = {}
    for number, at, kind in connection.execute(chosen.where(columns.at <= until).order_by(columns.at, columns.id)):
        events.setdefault(number, []).append((at.astimezone(until.tzinfo), kind))
    return events


def _sent(connection: Connection, numbers: Sequence[int], until: datetime) -> dict[int, list[datetime]]:
    about, messages = delivery_incidents.c, deliveries.c
    chosen = select(about.incident_id, messages.sent_at).join(deliveries, messages.id == about.delivery_id)
    chosen = chosen.where(about.incident_id.in_(numbers), messages.sent_at <= until).order_by(messages.sent_at)
    sent: dict[int, list[datetime]] = {}
    for number, at in connection.execute(chosen):
        sent.setdefault(number, []).append(at.astimezone(until.tzinfo))
    return sent


def _records(
    row: Any, events: Iterable[tuple[datetime, str]], sent: Sequence[datetime], until: datetime
) -> list[IncidentRecord]:
    records: list[IncidentRecord] = []
    for at, kind in events:
        if kind in BEGINS:
            records.append(_begun(row, at))
        elif records and kind == ENDS:
            records[-1] = replace(
                records[-1], resolved_at=records[-1].resolved_at or at, resolution=row.resolution or ""
            )
        elif records and kind == ACKNOWLEDGES:
            records[-1] = replace(records[-1], acknowledged_at=records[-1].acknowledged_at or at)
    # an incident of another writer than ours may come without its events
    records = records or [_without_events(row, until)]
    return [replace(record, notified_at=_first(sent, record)) for record in records]


def _begun(row: Any, at: datetime) -> IncidentRecord:
    return IncidentRecord(
        id=row.id, rule=row.rule, parameter=row.parameter, domain=row.domain, severity=Severity(row.severity),
        worst=Status(row.worst), opened_at=at,
    )  # fmt: skip


def _without_events(row: Any, until: datetime) -> IncidentRecord:
    acknowledged, ended = (if_over(at, until) for at in (row.acknowledged_at, row.resolved_at))
    begun = _begun(row, row.opened_at.astimezone(until.tzinfo))
    return replace(
        begun, resolved_at=ended, acknowledged_at=acknowledged, resolution=row.resolution or "" if ended else ""
    )


def _first(sent: Sequence[datetime], record: IncidentRecord) -> datetime | None:
    return next(
        (at for at in sent if at >= record.opened_at and (record.resolved_at is None or at <= record.resolved_at)), None
    )
