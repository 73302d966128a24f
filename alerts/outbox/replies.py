"""Acknowledgements that come as a reply to an SMS; polled, so that no port has to be open."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from alerts.channels.twilio import Reply, TwilioSms
from alerts.errors import DeliveryError, UnknownIncident
from alerts.incidents import acknowledge_by_token
from alerts.outbox.attempt import Work
from alerts.outbox.states import State
from alerts.policy import Channel, Person, Policy
from alerts.tokens import found_in
from etl.tables import deliveries

log = logging.getLogger("rally.alerts")

LOOKS_BACK = timedelta(hours=24)
SKEW = timedelta(minutes=1)
"""The provider tells whole seconds, by its own clock."""
YES = re.compile(r"\s*(ack(nowledged?)?|ok(ay)?|yes|got it|on it|1)\b", re.IGNORECASE)


def collect_replies(work: Work) -> int:
    """Read what came in and acknowledge; how many incidents were newly acknowledged."""
    sender, now = work.senders.get(Channel.SMS), work.clock()
    if not isinstance(sender, TwilioSms) or not _anything_to_answer(work, now):
        return 0
    try:
        replies = sender.replies(now - LOOKS_BACK)
    except DeliveryError as error:
        log.warning("replies cannot be read (%s)", error)
        return 0
    with work.engine.begin() as connection:
        return take_replies(connection, work.policy, replies, now)


def take_replies(connection: Connection, policy: Policy, replies: Iterable[Reply], now: datetime) -> int:
    """Acknowledge what people of the policy answered: by its token, or else what they were told last.

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
