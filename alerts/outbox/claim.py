"""Taking messages out of the outbox so that no two dispatchers send the same one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, select, update

from alerts.channels.base import Message
from alerts.errors import LostClaim
from alerts.outbox.states import State
from alerts.policy import Channel
from etl.tables import deliveries

LEASE = timedelta(minutes=3)
"""Longer than a send can take: every step of it has a timeout."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this dispatcher alone works on. `doubtful`: an earlier attempt may have been accepted."""

    id: int
    name: str
    channel: Channel
    recipient: str
    message: Message
    attempts: int
    doubtful: bool


def claim(engine: Engine, now: datetime, *, only: Sequence[int] | None = None, but: Sequence[int] = ()) -> Claim | None:
    """The most urgent message that is due and nobody works on; None when there is none."""
    own = deliveries.c
    free = select(deliveries).where(_due(now), own.id.not_in(but))
    if only is not None:
        free = free.where(own.id.in_(only))
    free = free.order_by(own.urgency.desc(), own.channel.desc(), own.due_at, own.id).limit(1)
    with engine.begin() as connection:
        row = connection.execute(free.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        doubtful = row.state in {State.SENDING, State.UNKNOWN}
        name = str(uuid4())
        state = State.UNKNOWN if doubtful else State.CLAIMED
        values = {"state": state.value, "claim": name, "leased_until": now + LEASE}
        connection.execute(update(deliveries).where(own.id == row.id).values(values))
    return Claim(row.id, name, Channel(row.channel), row.recipient, _message(row), row.attempts, doubtful)


def hand_over(engine: Engine, claimed: Claim, now: datetime) -> None:
    """Record that the next step cannot be taken back; raises LostClaim when the message is no longer ours."""
    values = {"state": State.SENDING.value, "attempted_at": now, "attempts": claimed.attempts + 1,
              "leased_until": now + LEASE}  # fmt: skip
    with engine.begin() as connection:
        if not settle(connection, claimed, values, free=False):
            raise LostClaim(f"message {claimed.id} was taken over by another dispatcher")


def settle(connection: Connection, claimed: Claim, values: dict[str, Any], *, free: bool = True) -> bool:
    """Write how a claimed message stands; False when it is no longer ours."""
    own = deliveries.c
    freed = {"claim": None, "leased_until": None} if free else {}
    mine = update(deliveries).where(own.id == claimed.id, own.claim == claimed.name)
    return connection.execute(mine.values(**values, **freed).returning(own.id)).first() is not None


def _due(now: datetime) -> ColumnElement[bool]:
    own = deliveries.c
    waiting = and_(own.state.in_([State.QUEUED.value, State.UNKNOWN.value]), own.due_at <= now)
    left = own.state.in_([State.CLAIMED.value, State.SENDING.value])
    return and_(or_(waiting, left), or_(own.leased_until.is_(None), own.leased_until <= now))


def _message(row: Any) -> Message:
    return Message(
        row.id, row.token, row.subject, row.text, row.html, tuple(row.threads), row.created_at, row.attempted_at
    )
