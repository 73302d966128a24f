"""What people do with incidents: acknowledge, resolve, assign, note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from alerts.errors import UnknownIncident
from alerts.incidents.listing import find
from alerts.incidents.model import EventKind, Incident
from alerts.incidents.store import incident_of, lock, store, tell_story
from alerts.tokens import normal
from etl.tables import deliveries, delivery_incidents, incidents


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
    """Acknowledge every incident that the message with this token told of; `by` is whom the message went to.

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
