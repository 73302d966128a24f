"""Incidents as people ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select

from alerts.errors import UnknownIncident
from alerts.incidents.model import EventKind, Incident
from alerts.incidents.store import incident_of
from etl.tables import incident_events, incidents


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's story."""

    at: datetime
    kind: EventKind
    actor: str
    text: str
    run: str | None


def listed(connection: Connection, *, resolved_since: datetime | None = None) -> Sequence[Incident]:
    """Open incidents, worst first, and below them those that were resolved since a moment."""
    wanted: ColumnElement[bool] = incidents.c.resolved_at.is_(None)
    if resolved_since is not None:
        wanted = or_(wanted, incidents.c.resolved_at >= resolved_since)
    return sorted(map(incident_of, connection.execute(select(incidents).where(wanted))), key=lambda one: one.order)


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
