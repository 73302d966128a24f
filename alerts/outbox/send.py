"""Sending one message of the outbox: claimed so that no two dispatchers send it, attempted once, and its result stored.

An attempt that failed is due again after a delay that grows, until the tries are used up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, Engine, and_, false, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from alerts import DeliveryError, LostClaim, Misconfigured, OutcomeUnknown, Refused, TryLater
from alerts.channels import Message, Receipt, Sender, State
from alerts.incidents import new_token
from alerts.people import Channel, Person
from alerts.policy import Policy
from alerts.render import one_line, sms
from etl.database import DATABASE_ERRORS
from etl.tables import deliveries

FIRST = 30.0
LONGEST = 1800.0
TRIES = 8
GIVES_UP = timedelta(hours=24)
LOOKS_AGAIN = timedelta(seconds=30)
"""How long to wait before asking the provider once more for a message of unknown outcome."""
SETTLES = timedelta(minutes=2)
"""A message that the provider does not know so long after its handing over was never accepted."""


def delay(attempts: int, jitter: Random, retry_after: float | None = None) -> timedelta:
    """The pause after a number of attempts: doubled each time, half of it by chance, never less than asked for."""
    whole = min(LONGEST, FIRST * 2 ** max(0, attempts - 1))
    return timedelta(seconds=max(whole * (0.5 + jitter.random() / 2), retry_after or 0.0))


def worn_out(attempts: int, created: datetime | None, now: datetime) -> bool:
    """Whether it was tried often or long enough."""
    return attempts >= TRIES or (created is not None and now - created >= GIVES_UP)


SETUP = "set-up {}"
SETUP_LOOK = timedelta(hours=1)
"""How soon what waits for another set-up is tried without one: the provider's mind can change, too."""


def hasten(engine: Engine, senders: Mapping[Channel, Sender], now: datetime) -> int:
    """Let messages that wait for another set-up of their channel be due where there is one; how many."""
    columns = deliveries.c
    waits = columns.state == State.QUEUED.value, columns.due_at > now, columns.error.contains(SETUP.format(""))
    changed = [
        and_(columns.channel == channel.value, ~columns.error.contains(SETUP.format(sender.setup)))
        for channel, sender in senders.items()
    ]
    with engine.begin() as connection:
        due = update(deliveries).where(*waits, or_(false(), *changed)).values(due_at=now)
        return connection.execute(due).rowcount


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
    columns = deliveries.c
    free = select(deliveries).where(_due(now), columns.id.not_in(but))
    if only is not None:
        free = free.where(columns.id.in_(only))
    free = free.order_by(columns.urgency.desc(), columns.channel.desc(), columns.due_at, columns.id).limit(1)
    with engine.begin() as connection:
        row = connection.execute(free.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        doubtful = row.state in {State.SENDING, State.UNKNOWN}
        name = str(uuid4())
        state = State.UNKNOWN if doubtful else State.CLAIMED
        values = {"state": state.value, "claim": name, "leased_until": now + LEASE}
        connection.execute(update(deliveries).where(columns.id == row.id).values(values))
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
    columns = deliveries.c
    freed = {"claim": None, "leased_until": None} if free else {}
    mine = update(deliveries).where(columns.id == claimed.id, columns.claim == claimed.name)
    return connection.execute(mine.values(**values, **freed).returning(columns.id)).first() is not None


def _due(now: datetime) -> ColumnElement[bool]:
    columns = deliveries.c
    waiting = and_(columns.state.in_([State.QUEUED.value, State.UNKNOWN.value]), columns.due_at <= now)
    left = columns.state.in_([State.CLAIMED.value, State.SENDING.value])
    return and_(or_(waiting, left), or_(columns.leased_until.is_(None), columns.leased_until <= now))


def _message(row: Any) -> Message:
    return Message(
        row.id, row.token, row.subject, row.text, row.html, tuple(row.threads), row.created_at, row.attempted_at
    )


log = logging.getLogger("rally.alerts")

Values = dict[str, Any]
NEVER_CONFIRMED = "handed over, but never confirmed; to send it once more: rally-health alerts resend"


@dataclass(frozen=True, slots=True)
class Work:
    """What a dispatcher works with. `clock` tells the time, `jitter` the chance in pauses."""

    engine: Engine
    policy: Policy
    senders: Mapping[Channel, Sender]
    clock: Callable[[], datetime]
    jitter: Random = field(default_factory=Random)


def attempt(work: Work, claimed: Claim) -> State:
    """Look up or send a claimed message, write the outcome down, and return it."""
    try:
        sender, contact = _reach(work, claimed)
    except Refused as error:
        state = State.UNCERTAIN if claimed.doubtful else State.FAILED
        return _write(work, claimed, {"state": state.value, "error": str(error)})
    values = _look_up(work, claimed, sender, contact) if claimed.doubtful else None
    return _write(work, claimed, values or _send(work, claimed, sender, contact))


def _elsewhere(work: Work, claimed: Claim, error: Misconfigured) -> None:
    """Tell what a channel that is set up wrongly cannot, once, by another one: of its recipient, or of anybody."""
    people = sorted(work.policy.people, key=lambda person: person.name != claimed.recipient)
    ways = [(person, one) for person in people for one in person.contacts]
    way = next(((who, one) for who, one in ways if one is not claimed.channel and one in work.senders), None)
    if way is None:
        log.error("message %d can be told by no channel: %s", claimed.id, error)
        return
    _copy(work, claimed, way, f"which is set up wrongly: {error}")


def _copy(work: Work, claimed: Claim, way: tuple[Person, Channel], why: str) -> None:
    person, channel = way
    token, now, columns = new_token(), work.clock(), deliveries.c
    told = f"[to {claimed.recipient} by {claimed.channel}, {why}]"
    text = f"{claimed.message.text}\n\n{told}"
    if channel is Channel.SMS:
        head, subject = f"Rally: {claimed.channel} is set up wrongly.", sms.gsm(one_line(claimed.message.subject))
        whole = f"{head} {subject} #{token}"
        text = whole if sms.fits(whole) else sms.cut_to_fit(head, subject, f" #{token}")
    row = {
        "key": f"{claimed.id} by another channel", "token": token, "channel": channel.value, "recipient": person.name,
        "subject": claimed.message.subject, "text": text, "created_at": now, "due_at": now,
    }  # fmt: skip
    same = ("run", "reason", "urgency", "threads")
    chosen = select(*(literal(value) for value in row.values()), *(columns[name] for name in same))
    statement = insert(deliveries).from_select([*row, *same], chosen.where(columns.id == claimed.id))
    with work.engine.begin() as connection:
        connection.execute(statement.on_conflict_do_nothing(index_elements=["key"]))


def _reach(work: Work, claimed: Claim) -> tuple[Sender, SecretStr]:
    person = work.policy.by_name.get(claimed.recipient)
    contact = person.contacts.get(claimed.channel) if person else None
    if contact is None:
        raise Refused(f"the policy no longer says how to reach the recipient by {claimed.channel}")
    sender = work.senders.get(claimed.channel)
    if sender is None:
        raise Refused(f"no provider is set up for {claimed.channel}; see docs/ALERTS.md")
    return sender, contact


def _look_up(work: Work, claimed: Claim, sender: Sender, contact: SecretStr) -> Values | None:
    """What became of the earlier attempt; None when it surely failed, so that another one is safe."""
    now, handed_over = work.clock(), claimed.message.attempted_at
    if not sender.can_look_up:
        return None if work.policy.resend_uncertain else _uncertain(NEVER_CONFIRMED)
    try:
        receipt = sender.look_up(contact, claimed.message)
    except DeliveryError as error:
        if error.transient and not worn_out(0, claimed.message.created_at, now):
            return _unknown(str(error), now + delay(claimed.attempts, work.jitter))
        return _uncertain(f"{NEVER_CONFIRMED}; asking failed: {error}")
    if receipt is None and handed_over is not None and now - handed_over < SETTLES:
        return _unknown("handed over, and the provider does not list it yet", now + LOOKS_AGAIN)
    return _accepted(receipt, now) if receipt else None


def _send(work: Work, claimed: Claim, sender: Sender, contact: SecretStr) -> Values:
    handed_over = False
    failure: DeliveryError

    def handing_over() -> None:
        nonlocal handed_over
        hand_over(work.engine, claimed, work.clock())
        handed_over = True

    try:
        receipt = sender.send(contact, claimed.message, handing_over)
    except DATABASE_ERRORS:
        raise  # the outbox could not be written, so nothing was handed over
    except DeliveryError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - one message that cannot be written must not silence the others
        text = f"it cannot be put into a message ({type(error).__name__})"
        failure = OutcomeUnknown(text) if handed_over else Refused(text)
    else:
        return _accepted(receipt, work.clock())
    if isinstance(failure, Misconfigured):
        _elsewhere(work, claimed, failure)
    return _failure(work, claimed, sender, failure) | {"attempts": claimed.attempts + 1}


def _failure(work: Work, claimed: Claim, sender: Sender, error: DeliveryError) -> Values:
    now, tried = work.clock(), claimed.attempts + 1
    if isinstance(error, OutcomeUnknown) and sender.can_look_up:
        return _unknown(str(error), now + LOOKS_AGAIN)
    if isinstance(error, OutcomeUnknown) and not work.policy.resend_uncertain:
        return _uncertain(f"{error}; {NEVER_CONFIRMED}")
    if isinstance(error, Misconfigured) and not worn_out(0, claimed.message.created_at, now):
        why = f"{error}; it waits for another set-up, {SETUP.format(sender.setup)}"
        return {"state": State.QUEUED.value, "error": why, "due_at": now + SETUP_LOOK}
    if isinstance(error, (Refused, Misconfigured)) or worn_out(tried, claimed.message.created_at, now):
        return {"state": State.FAILED.value, "error": str(error)}
    pause = delay(tried, work.jitter, error.retry_after if isinstance(error, TryLater) else None)
    return {"state": State.QUEUED.value, "error": str(error), "due_at": now + pause}


def _accepted(receipt: Receipt, now: datetime) -> Values:
    return {"state": receipt.state.value, "sent_at": now, "checked_at": now, "provider_id": receipt.provider_id,
            "provider_status": receipt.status, "error": receipt.error}  # fmt: skip


def _unknown(why: str, due: datetime) -> Values:
    return {"state": State.UNKNOWN.value, "error": why, "due_at": due}


def _uncertain(why: str) -> Values:
    return {"state": State.UNCERTAIN.value, "error": why}


def _write(work: Work, claimed: Claim, values: Values) -> State:
    state = State(values["state"])
    with work.engine.begin() as connection:
        ours = settle(connection, claimed, values)
    if not ours:
        log.warning("message %d was taken over by another dispatcher", claimed.id)
    error = values.get("error")
    log.log(
        logging.WARNING if error else logging.INFO, "message %d by %s: %s%s", claimed.id, claimed.channel, state,
        f" ({error})" if error else "",
    )  # fmt: skip
    return state
