"""The outbox as people ask for it: by names, never by numbers or addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from alerts.outbox.states import State
from etl.tables import deliveries


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the outbox."""

    id: int
    state: State
    channel: str
    recipient: str
    reason: str
    subject: str
    text: str
    note: str
    created_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    provider_id: str | None
    provider_status: str | None
    error: str


def outbox(
    connection: Connection, states: Sequence[State] = (), *, limit: int = 50, numbers: Sequence[int] | None = None
) -> Sequence[Line]:
    """The newest messages, newest first, of some states or numbers only where these are given."""
    chosen = select(*(deliveries.c[name] for name in Line.__slots__)).order_by(deliveries.c.id.desc()).limit(limit)
    if states:
        chosen = chosen.where(deliveries.c.state.in_([state.value for state in states]))
    if numbers is not None:
        chosen = chosen.where(deliveries.c.id.in_(numbers))
    return [Line(row.id, State(row.state), *row[2:]) for row in connection.execute(chosen)]
