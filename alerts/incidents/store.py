"""Incidents in the database: opened, updated and resolved by reports, listed for people, and acknowledged, assigned,
resolved and commented by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from alerts import UnknownIncident
from alerts.incidents import REOPENS_WITHIN, Change, EventKind, Incident, normal, observe, observe_none
from checks import Severity, Status
from etl.tables import EVER, TimeSpan, deliveries, delivery_incidents, incident_events, incidents, within

if TYPE_CHECKING:
    from checks.engine.reporting.report import Report

# Two runs that report at once would both open the same incident, two dispatchers both repeat the same message.
LOCK = text("select pg_advisory_xact_lock(hashtext('rally-health alerts'))")
TRY_LOCK = text("select pg_try_advisory_xact_lock(hashtext('rally-health alerts'))")
NAMES = tuple(field.name for field in fields(Incident))


def lock(connection: Connection) -> None:
    """Be the only one who changes incidents and plans messages, to the end of the transaction."""
    connection.execute(LOCK)


def try_lock(connection: Connection) -> bool:
    """The same without waiting; False when somebody else is at it."""
    return bool(connection.execute(TRY_LOCK).scalar())


def incident_of(row: Row[Any]) -> Incident:
    """A row as an incident."""
    values: dict[str, Any] = {name: getattr(row, name) for name in NAMES}
    values["severity"], values["status"] = Severity(values["severity"]), Status(values["status"])
    values["worst"] = Status(values["worst"])
    values["clusters"], values["examples"] = tuple(values["clusters"]), tuple(values["examples"])
    return Incident(**values)


def latest(connection: Connection, scope: str, now: datetime) -> dict[tuple[str, str], Incident]:
    """The newest incident of each rule and parameter in a scope, of those that are open or can be opened again."""
    own = incidents.c
    alive = or_(own.resolved_at.is_(None), own.resolved_at >= now - REOPENS_WITHIN)
    rows = connection.execute(select(incidents).where(own.scope == scope, alive).order_by(own.id))
    return {(row.rule, row.parameter): incident_of(row) for row in rows}


def store(connection: Connection, incident: Incident) -> int:
    """Write an incident and return its number."""
    values = _row(incident)
    number = values.pop("id")
    if number:
        _store_again(connection, [incident])
        return int(number)
    return int(connection.execute(insert(incidents).values(values).returning(incidents.c.id)).scalar_one())


def _store_again(connection: Connection, stored: Sequence[Incident]) -> None:
    """Write incidents that have a number, all at once."""
    changed = (
        update(incidents)
        .where(incidents.c.id == bindparam("number"))
        .values({name: bindparam(name) for name in NAMES if name != "id"})
    )
    rows = [_row(incident) for incident in sorted(stored, key=lambda incident: incident.id)]
    if rows:
        connection.execute(changed, [row | {"number": row.pop("id")} for row in rows])


def _row(incident: Incident) -> dict[str, Any]:
    values = {name: getattr(incident, name) for name in NAMES}
    return values | {"clusters": list(incident.clusters), "examples": list(incident.examples)}


def tell_story(
    connection: Connection,
    incident: int,
    at: datetime,
    kind: EventKind,
    *,
    actor: str = "",
    text: str = "",
    run: str | None = None,
    reference: str | None = None,
) -> bool:
    """Add to an incident's story; False when the same `reference` was recorded before."""
    values = {"incident_id": incident, "at": at, "kind": kind.value, "actor": actor, "text": text, "run": run}
    statement = upsert(incident_events).values(**values, reference=reference).on_conflict_do_nothing()
    return connection.execute(statement.returning(incident_events.c.id)).first() is not None


@dataclass(frozen=True, slots=True)
class Update:
    """An incident that a report touched, and what happened to it; None when only its figures moved."""

    incident: Incident
    kind: EventKind | None


def open_incidents(connection: Connection, report: Report, now: datetime, *, scope: str = "") -> Sequence[Update]:
    """Bring incidents up to date with a report, in the caller's transaction; worst first.

    `scope` names what a run was narrowed to, such as "league CNSWPL": its incidents are its own, for a part says
    nothing about the whole. Incidents of rules that the run did not measure stay as they are.
    """
    lock(connection)
    changes, updates = [*_changes(latest(connection, scope, now), report, now, scope)], []
    _store_again(connection, [change.incident for change in changes if change.incident.id])
    for change in changes:
        number = change.incident.id or store(connection, change.incident)
        if change.kind is not None:
            tell_story(connection, number, now, change.kind, text=change.text, run=report.run)
        updates.append(Update(replace(change.incident, id=number), change.kind))
    return sorted(updates, key=lambda update: update.incident.order)


def _changes(stored: Mapping[tuple[str, str], Incident], report: Report, now: datetime, scope: str) -> Iterator[Change]:
    for result in report.results:
        if change := observe(stored.get(result.id), result, report.run, now, scope):
            yield change
    measured = {result.id for result in report.results}
    by_parameter = {rule for rule, parameter in measured if parameter}  # else their list could not be read
    absent = (stored[one] for one in stored.keys() - measured if one[0] in by_parameter)
    yield from filter(None, (observe_none(incident, report.run, now) for incident in absent))


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's story."""

    at: datetime
    kind: EventKind
    actor: str
    text: str
    run: str | None


def listed(
    connection: Connection, *, resolved_since: datetime | None = None, span: TimeSpan = EVER
) -> Sequence[Incident]:
    """Open incidents, worst first, and below them those that were resolved since a moment; of a time, its alone."""
    wanted: ColumnElement[bool] = incidents.c.resolved_at.is_(None)
    if resolved_since is not None:
        wanted = or_(wanted, incidents.c.resolved_at >= resolved_since)
    chosen = select(incidents).where(wanted, *within(incidents.c.opened_at, span))
    return sorted(map(incident_of, connection.execute(chosen)), key=lambda one: one.order)


def find(connection: Connection, number: int) -> Incident:
    """One incident; raises UnknownIncident."""
    row = connection.execute(select(incidents).where(incidents.c.id == number)).first()
    if row is None:
        raise UnknownIncident(f"there is no incident {number}; see rally-health incidents list")
    return incident_of(row)


def all_events(connection: Connection, number: int) -> Sequence[Event]:
    """The story of an incident, oldest first."""
    own = incident_events.c
    chosen = select(own.at, own.kind, own.actor, own.text, own.run).where(own.incident_id == number)
    rows = connection.execute(chosen.order_by(own.at, own.id))
    return [Event(row.at, EventKind(row.kind), row.actor, row.text, row.run) for row in rows]


def acknowledge(
    connection: Connection, number: int, by: str, now: datetime, *, reference: str | None = None
) -> Incident:
    """Say that somebody is at it: it is neither repeated nor escalated until it gets worse.

    `reference` is what caused it outside, such as the provider's id of a reply; it counts once. What is acknowledged
    or resolved already stays so. Raises UnknownIncident.
    """
    lock(connection)
    incident = find(connection, number)
    if incident.state != "open" or not tell_story(
        connection, number, now, EventKind.ACKNOWLEDGED, actor=by, reference=reference
    ):
        return incident
    return _stored(connection, incident, acknowledged_at=now, acknowledged_by=by)


def acknowledge_by_token(
    connection: Connection, token: str, now: datetime, *, by: str | None = None, reference: str | None = None
) -> Sequence[Incident]:
    """Acknowledge every incident that the message with this token is about; `by` is whom the message went to.

    Raises UnknownIncident for a token that no message carries.
    """
    row = connection.execute(select(deliveries).where(deliveries.c.token == normal(token))).first()
    if row is None:
        raise UnknownIncident("no message carries this token; it stands at the end of each alert, such as #K7QF3M2P")
    covered = select(incidents).join(delivery_incidents, delivery_incidents.c.incident_id == incidents.c.id)
    rows = connection.execute(covered.where(delivery_incidents.c.delivery_id == row.id).order_by(incidents.c.id))
    told = [incident_of(one) for one in rows.all()]
    return [acknowledge(connection, one.id, by or row.recipient, now, reference=reference) for one in told]


def resolve(connection: Connection, number: int, by: str, now: datetime, reason: str = "") -> Incident:
    """Close an incident by hand; a run that still sees it within a day opens it again. Raises UnknownIncident."""
    lock(connection)
    incident = find(connection, number)
    if not incident.open:
        return incident
    tell_story(connection, number, now, EventKind.RESOLVED, actor=by, text=reason)
    return _stored(connection, incident, resolved_at=now, resolution=reason or f"by {by}")


def assign(connection: Connection, number: int, to: str, by: str, now: datetime) -> Incident:
    """Say who looks after it. Raises UnknownIncident."""
    lock(connection)
    incident = find(connection, number)
    tell_story(connection, number, now, EventKind.ASSIGNED, actor=by, text=to)
    return _stored(connection, incident, assignee=to)


def note(connection: Connection, number: int, text: str, by: str, now: datetime) -> Incident:
    """Add a line to its story. Raises UnknownIncident."""
    incident = find(connection, number)
    tell_story(connection, number, now, EventKind.NOTED, actor=by, text=text)
    return incident


def _stored(connection: Connection, incident: Incident, **changes: Any) -> Incident:
    changed = replace(incident, **changes)
    store(connection, changed)
    return changed
