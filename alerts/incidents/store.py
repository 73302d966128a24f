"""Incidents in the database."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from alerts.incidents.lifecycle import REOPENS_WITHIN
from alerts.incidents.model import EventKind, Incident
from checks import Severity, Status
from etl.tables import incident_events, incidents

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
    known: dict[str, Any] = {name: getattr(row, name) for name in NAMES}
    known["severity"], known["status"] = Severity(known["severity"]), Status(known["status"])
    known["worst"] = Status(known["worst"])
    known["clusters"], known["examples"] = tuple(known["clusters"]), tuple(known["examples"])
    return Incident(**known)


def latest(connection: Connection, scope: str, now: datetime) -> dict[tuple[str, str], Incident]:
    """The newest incident of each rule and parameter in a scope, of those that are open or can be opened again."""
    own = incidents.c
    alive = or_(own.resolved_at.is_(None), own.resolved_at >= now - REOPENS_WITHIN)
    rows = connection.execute(select(incidents).where(own.scope == scope, alive).order_by(own.id))
    return {(row.rule, row.parameter): incident_of(row) for row in rows}


def store(connection: Connection, incident: Incident) -> int:
    """Write an incident and return its number."""
    values = asdict(incident) | {"clusters": list(incident.clusters), "examples": list(incident.examples)}
    number = values.pop("id")
    if number:
        connection.execute(update(incidents).where(incidents.c.id == number).values(values))
        return int(number)
    return int(connection.execute(insert(incidents).values(values).returning(incidents.c.id)).scalar_one())


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
    """Add to an incident's story; False when the same `reference` was told before."""
    values = {"incident_id": incident, "at": at, "kind": kind.value, "actor": actor, "text": text, "run": run}
    statement = upsert(incident_events).values(**values, reference=reference).on_conflict_do_nothing()
    return connection.execute(statement.returning(incident_events.c.id)).first() is not None
