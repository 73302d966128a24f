"""Asks the provider what became of messages that it accepted."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select, update

from alerts.errors import DeliveryError
from alerts.outbox.attempt import Work
from alerts.outbox.states import State
from alerts.policy import Channel
from etl.tables import deliveries

log = logging.getLogger("rally.alerts")

PAUSE = timedelta(seconds=30)
FOLLOWED = timedelta(hours=24)
AT_ONCE = 20


def follow_up(work: Work, *, most: int = AT_ONCE) -> dict[State, int]:
    """Look up what was sent within a day and has not arrived yet; how many reached which state."""
    sender = work.senders.get(Channel.SMS)
    found: dict[State, int] = {}
    for row in _open(work, most) if sender else ():
        try:
            receipt = sender.status(row.provider_id) if sender else None
        except DeliveryError as error:
            log.warning("message %d: its delivery cannot be looked up (%s)", row.id, error)
            break
        if receipt is not None:
            _note(work, row.id, {"state": receipt.state.value, "provider_status": receipt.status,
                                 "error": receipt.error})  # fmt: skip
            found[receipt.state] = found.get(receipt.state, 0) + 1
    return found


def _open(work: Work, most: int) -> list[Row[Any]]:
    now, own = work.clock(), deliveries.c
    chosen = select(own.id, own.provider_id).where(
        own.state == State.SENT.value, own.channel == Channel.SMS.value, own.provider_id.is_not(None),
        own.sent_at > now - FOLLOWED, own.checked_at <= now - PAUSE,
    )  # fmt: skip
    with work.engine.begin() as connection:
        return list(connection.execute(chosen.order_by(own.checked_at, own.id).limit(most)))


def _note(work: Work, number: int, values: dict[str, Any]) -> None:
    own = deliveries.c
    # a person may have queued it again meanwhile
    mine = update(deliveries).where(own.id == number, own.state == State.SENT.value)
    with work.engine.begin() as connection:
        connection.execute(mine.values(**values, checked_at=work.clock()))
