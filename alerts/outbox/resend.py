"""A person sends a dead letter once more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from alerts.errors import UnknownDelivery
from alerts.outbox.states import State
from alerts.tokens import new_token
from etl.tables import deliveries

SENDABLE = (State.FAILED, State.UNDELIVERED, State.UNCERTAIN, State.UNKNOWN)


def resend(connection: Connection, number: int, now: datetime) -> None:
    """Queue a dead letter, or one whose outcome nobody knows, again; raises UnknownDelivery for any other.

    What the provider can still be asked for is not sent again but looked up at once.
    """
    own = deliveries.c
    row = connection.execute(select(own.state, own.token).where(own.id == number).with_for_update()).first()
    if row is None or row.state not in [one.value for one in SENDABLE]:
        found = "there is no such message" if row is None else f"it is {row.state}"
        raise UnknownDelivery(f"message {number} cannot be sent again: {found}; see rally-health alerts outbox")
    if row.state == State.UNKNOWN:
        connection.execute(update(deliveries).where(own.id == number).values(due_at=now))
        return
    # a token of its own, so that a look-up does not find the message of last time
    token = new_token()
    fresh = {name: func.replace(own[name], row.token, token) for name in ("text", "html")}
    values = {"state": State.QUEUED.value, "due_at": now, "attempts": 0, "error": "", "token": token, "claim": None}
    connection.execute(update(deliveries).where(own.id == number).values(**values, **fresh, leased_until=None))
