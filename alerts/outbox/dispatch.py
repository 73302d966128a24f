"""One round of a dispatcher: plan what came due, send what waits, ask the provider about the rest, read the replies.

Replies to an SMS acknowledge incidents. They are polled, so that no port has to be open.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from alerts import DeliveryError, UnknownIncident
from alerts.channels import Answered, Reply, State
from alerts.incidents import found_in
from alerts.incidents.store import acknowledge_by_token, try_lock
from alerts.outbox.enqueue import enqueue
from alerts.outbox.send import Work, attempt, claim, hasten
from alerts.people import Channel, Person
from alerts.policy import Policy
from etl.database import DATABASE_ERRORS, describe_error
from etl.tables import deliveries

log = logging.getLogger("rally.alerts")

PAUSE = timedelta(seconds=30)
FOLLOWED = timedelta(hours=24)
AT_ONCE = 20


def follow_up(work: Work, *, most: int = AT_ONCE) -> dict[State, int]:
    """Look up what was sent within a day and has not arrived yet; how many reached which state."""
    sender = work.senders.get(Channel.SMS)
    reached: dict[State, int] = {}
    for row in _open(work, most) if sender else ():
        try:
            receipt = sender.status(row.provider_id) if sender else None
        except DeliveryError as error:
            log.warning("message %d: its delivery cannot be looked up (%s)", row.id, error)
            break
        if receipt is not None:
            _note(work, row.id, {"state": receipt.state.value, "provider_status": receipt.status,
                                 "error": receipt.error})  # fmt: skip
            reached[receipt.state] = reached.get(receipt.state, 0) + 1
    return reached


def _open(work: Work, most: int) -> list[Row[Any]]:
    now, columns = work.clock(), deliveries.c
    chosen = select(columns.id, columns.provider_id).where(
        columns.state == State.SENT.value, columns.channel == Channel.SMS.value, columns.provider_id.is_not(None),
        columns.sent_at > now - FOLLOWED, columns.checked_at <= now - PAUSE,
    )  # fmt: skip
    with work.engine.begin() as connection:
        return list(connection.execute(chosen.order_by(columns.checked_at, columns.id).limit(most)))


def _note(work: Work, number: int, values: dict[str, Any]) -> None:
    own = deliveries.c
    # a person may have queued it again meanwhile
    mine = update(deliveries).where(own.id == number, own.state == State.SENT.value)
    with work.engine.begin() as connection:
        connection.execute(mine.values(**values, checked_at=work.clock()))


LOOKS_BACK = timedelta(hours=24)
SKEW = timedelta(minutes=1)
"""The provider tells whole seconds, by its own clock."""
YES = re.compile(r"\s*(ack(nowledged?)?|ok(ay)?|yes|got it|on it|1)\b", re.IGNORECASE)


def collect_replies(work: Work) -> int:
    """Read what came in and acknowledge; how many incidents were newly acknowledged."""
    sender, now = work.senders.get(Channel.SMS), work.clock()
    if not isinstance(sender, Answered) or not _anything_to_answer(work, now):
        return 0
    try:
        replies = sender.replies(now - LOOKS_BACK)
    except DeliveryError as error:
        log.warning("replies cannot be read (%s)", error)
        return 0
    with work.engine.begin() as connection:
        return take_replies(connection, work.policy, replies, now)


def take_replies(connection: Connection, policy: Policy, replies: Iterable[Reply], now: datetime) -> int:
    """Acknowledge what people of the policy answered: by its token, or else what they were notified of last.

    A reply counts once. What comes from a number that is nobody's is left alone, even with a token.
    """
    count = 0
    for reply in sorted(replies, key=lambda one: one.at or now):
        person = _whose(policy, reply)
        token = _token(connection, person, reply, now) if person else None
        if person and token:
            count += _acknowledge(connection, token, person.name, reply, now)
    return count


def _acknowledge(connection: Connection, token: str, name: str, reply: Reply, now: datetime) -> int:
    try:
        touched = acknowledge_by_token(connection, token, now, by=name, reference=reply.id)
    except UnknownIncident:
        return 0
    return sum(incident.acknowledged_at == now for incident in touched)


def _whose(policy: Policy, reply: Reply) -> Person | None:
    number = reply.sender.get_secret_value()
    return next((one for one in policy.people if one.phone and one.phone.get_secret_value() == number), None)


def _token(connection: Connection, person: Person, reply: Reply, now: datetime) -> str | None:
    spoken = found_in(reply.text)
    if spoken or not YES.match(reply.text):
        return spoken
    own = deliveries.c
    before = select(own.token).where(own.recipient == person.name, own.channel == Channel.SMS.value)
    before = before.where(own.sent_at <= (reply.at or now) + SKEW).order_by(own.id.desc()).limit(1)
    return connection.execute(before).scalar()


def _anything_to_answer(work: Work, now: datetime) -> bool:
    own = deliveries.c
    recent = select(own.id).where(own.channel == Channel.SMS.value, own.created_at > now - LOOKS_BACK)
    reached = recent.where(own.state.in_([State.SENT.value, State.DELIVERED.value])).limit(1)
    with work.engine.begin() as connection:
        return connection.execute(reached).first() is not None


WORKERS = 4
"""So that a mail server that does not answer cannot hold back an SMS."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What a round did: messages planned, attempts by how they ended, news of earlier messages, acknowledgements."""

    planned: int = 0
    attempts: Mapping[State, int] = field(default_factory=dict)
    followed: Mapping[State, int] = field(default_factory=dict)
    acknowledged: int = 0
    broken: int = 0

    @property
    def waiting(self) -> int:
        """Attempts that will be made once more."""
        return self.attempts.get(State.QUEUED, 0) + self.attempts.get(State.UNKNOWN, 0) + self.broken

    @property
    def dead(self) -> int:
        """Messages that became dead letters in this round."""
        both = (*self.attempts.items(), *self.followed.items())
        return sum(number for state, number in both if state.dead)


def dispatch(work: Work, *, only: Sequence[int] | None = None, workers: int = WORKERS) -> Dispatched:
    """Do one round. With `only`, these messages are sent and nothing else is done.

    Several dispatchers may run at once: a message is claimed by one of them.
    """
    if only is not None:
        attempts, broken = _send(work, only, workers)
        return Dispatched(attempts=attempts, broken=broken)
    acknowledged = collect_replies(work)
    planned = _plan(work)
    hasten(work.engine, work.senders, work.clock())
    attempts, broken = _send(work, None, workers)
    return Dispatched(planned, attempts, follow_up(work), acknowledged, broken)


def _plan(work: Work) -> int:
    with work.engine.begin() as connection:
        # whoever holds the lock is planning already
        return len(enqueue(connection, work.policy, work.clock())) if try_lock(connection) else 0


def _send(work: Work, only: Sequence[int] | None, workers: int) -> tuple[Mapping[State, int], int]:
    tried = _Tried()
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(_worker, work, only, tried) for _ in range(workers)]:
            future.result()
    return dict(tried.states), tried.broken


@dataclass(slots=True)
class _Tried:
    """What the workers of a round did together. A message is tried once in a round."""

    numbers: set[int] = field(default_factory=set)
    states: Counter[State] = field(default_factory=Counter)
    broken: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)


def _worker(work: Work, only: Sequence[int] | None, tried: _Tried) -> None:
    while True:
        with tried.guard:
            claimed = claim(work.engine, work.clock(), only=only, but=sorted(tried.numbers))
            if claimed is None:
                return
            tried.numbers.add(claimed.id)
        try:
            state = attempt(work, claimed)
        except DATABASE_ERRORS as error:
            # the lease ends by itself, and a later round goes on from what was written
            log.warning("message %d: the outbox cannot be written (%s)", claimed.id, describe_error(error))
            with tried.guard:
                tried.broken += 1
            return
        with tried.guard:
            tried.states[state] += 1
