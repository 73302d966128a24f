"""Messages that are about no incident: tests, reports, the dead man's switch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert

from alerts.errors import PolicyError
from alerts.planning import Reason
from alerts.policy import Channel, Person, Policy
from alerts.render import Content
from alerts.tokens import new_token
from etl.tables import deliveries

TEST = Content("[Rally] Test message", "This is a test message of Rally Data Health. Nothing is wrong.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A message as it enters the outbox."""

    recipient: str
    channel: Channel
    reason: Reason
    content: Content
    urgency: int = 0
    run: str | None = None


def put(connection: Connection, message: Plain, now: datetime, token: str) -> int:
    """Put a message into the outbox and return its number."""
    content = message.content
    values = {
        "key": token, "token": token, "run": message.run, "channel": message.channel.value,
        "recipient": message.recipient, "reason": message.reason.value, "urgency": message.urgency,
        "subject": content.subject, "html": content.html, "note": content.note, "created_at": now, "due_at": now,
        # an SMS carries its token, by which the provider's list tells whether it was accepted
        "text": f"{content.text} #{token}" if message.channel is Channel.SMS else content.text,
    }  # fmt: skip
    return int(connection.execute(insert(deliveries).values(values).returning(deliveries.c.id)).scalar_one())


def enqueue_test(
    connection: Connection, policy: Policy, now: datetime, to: Sequence[str] = (), tokens: Callable[[], str] = new_token
) -> Sequence[int]:
    """A test message for each channel of some people, of all without names. Raises PolicyError for a stranger."""
    people = [known(policy, name) for name in to or policy.by_name]
    messages = [
        Plain(recipient=person.name, channel=channel, reason=Reason.TEST, content=TEST)
        for person in people
        for channel in person.contacts
    ]
    return [put(connection, message, now, tokens()) for message in messages]


def enqueue_report(
    connection: Connection,
    policy: Policy,
    content: Content,
    now: datetime,
    *,
    to: Sequence[str],
    run: str | None = None,
) -> Sequence[int]:
    """A report by e-mail for some people. Raises PolicyError for a stranger and for one without an address."""
    people = [known(policy, name) for name in to]
    silent = [person.name for person in people if Channel.EMAIL not in person.contacts]
    if silent:
        raise PolicyError(f"{', '.join(silent)} cannot get a report: no email in the policy")
    messages = [
        Plain(recipient=person.name, channel=Channel.EMAIL, reason=Reason.REPORT, content=content, run=run)
        for person in people
    ]
    return [put(connection, message, now, new_token()) for message in messages]


def known(policy: Policy, name: str) -> Person:
    """A person by name; raises PolicyError."""
    try:
        return policy.by_name[name]
    except KeyError:
        raise PolicyError(f"{name!r} is not among the people: {', '.join(policy.by_name)}") from None
