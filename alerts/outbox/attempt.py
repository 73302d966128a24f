"""One attempt to send one message, and what is written down of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from alerts.channels.base import Receipt, Sender
from alerts.errors import DeliveryError, OutcomeUnknown, Refused, TryLater
from alerts.outbox.backoff import LOOKS_AGAIN, SETTLES, delay, worn_out
from alerts.outbox.claim import Claim, hand_over, settle
from alerts.outbox.states import State
from alerts.policy import Channel, Policy

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
    found: DeliveryError

    def handing_over() -> None:
        nonlocal handed_over
        hand_over(work.engine, claimed, work.clock())
        handed_over = True

    try:
        receipt = sender.send(contact, claimed.message, handing_over)
    except SQLAlchemyError:
        raise  # the outbox could not be written, so nothing was handed over
    except DeliveryError as error:
        found = error
    except Exception as error:  # noqa: BLE001 - one message that cannot be written must not silence the others
        text = f"it cannot be put into a message ({type(error).__name__})"
        found = OutcomeUnknown(text) if handed_over else Refused(text)
    else:
        return _accepted(receipt, work.clock())
    return _failure(work, claimed, sender, found) | {"attempts": claimed.attempts + 1}


def _failure(work: Work, claimed: Claim, sender: Sender, error: DeliveryError) -> Values:
    now, tried = work.clock(), claimed.attempts + 1
    if isinstance(error, OutcomeUnknown) and sender.can_look_up:
        return _unknown(str(error), now + LOOKS_AGAIN)
    if isinstance(error, OutcomeUnknown) and not work.policy.resend_uncertain:
        return _uncertain(f"{error}; {NEVER_CONFIRMED}")
    if isinstance(error, Refused) or worn_out(tried, claimed.message.created_at, now):
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
