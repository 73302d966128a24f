"""What planning needs to know from the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from alerts.incidents.listing import listed
from alerts.incidents.model import Incident
from alerts.planning.model import Reason, Told
from alerts.policy import Channel
from checks import Status
from etl.tables import deliveries, delivery_incidents

RECOVERIES_WITHIN = timedelta(days=7)
"""A recovery that could not be told for so long is not told any more."""


def considered(connection: Connection, now: datetime) -> Sequence[Incident]:
    """The incidents that somebody may have to hear of."""
    return listed(connection, resolved_since=now - RECOVERIES_WITHIN)


def told_of(connection: Connection, incidents: Iterable[Incident]) -> list[Told]:
    """Everything that was told of some incidents, oldest first; a message counts from when it stands in the outbox."""
    own, message = delivery_incidents.c, deliveries.c
    columns = own.incident_id, message.recipient, message.channel, own.reason, own.status, message.created_at, own.step
    chosen = select(*columns).join(deliveries, message.id == own.delivery_id)
    numbers = [incident.id for incident in incidents]
    rows = connection.execute(chosen.where(own.incident_id.in_(numbers)).order_by(message.created_at, message.id))
    return [
        Told(row.incident_id, row.recipient, Channel(row.channel), Reason(row.reason), Status(row.status),
             row.created_at, row.step)
        for row in rows
    ]  # fmt: skip


def conversation(connection: Connection, recipient: str, incident: int) -> str | None:
    """The subject under which somebody first got an e-mail about an incident; mail programs keep to it."""
    own, about = deliveries.c, delivery_incidents.c
    first = select(own.subject).join(delivery_incidents, about.delivery_id == own.id)
    mine = about.incident_id == incident, own.recipient == recipient, own.channel == Channel.EMAIL.value
    lead = own.threads[0].as_integer() == incident
    return connection.execute(first.where(*mine, lead).order_by(own.id).limit(1)).scalar()
