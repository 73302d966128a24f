"""Puts what is due into the outbox, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert

from alerts.incidents.store import lock
from alerts.outbox.past import considered, conversation, told_of
from alerts.planning import Decision, Planned, decide, plan
from alerts.policy import Channel, Policy
from alerts.render import Content, Headline, render
from alerts.tokens import new_token
from checks import Status
from checks.engine.report import Report
from etl.tables import deliveries, delivery_incidents


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent now, and for each incident and recipient why or why not."""

    messages: Sequence[tuple[Planned, Content]]
    decisions: Sequence[Decision]


def enqueue(
    connection: Connection,
    policy: Policy,
    now: datetime,
    *,
    report: Report | None = None,
    tokens: Callable[[], str] = new_token,
) -> Sequence[int]:
    """Put every message that is due at `now` into the outbox and return their numbers, worst first.

    Called with the report of a run in the transaction of its results, and by dispatchers for what comes due with time.
    A second call for the same moment adds nothing.
    """
    lock(connection)
    messages, _ = _due(connection, policy, now)
    numbers = []
    for planned in messages:
        token = tokens()
        content = _in_conversation(
            connection, planned, render(planned, Headline.of(report) if report else None, token, policy.link)
        )
        run = report.run if report else None
        # should two ever plan the same moment of the same run, the second is refused
        key = f"{now.isoformat()} {run or 'dispatch'} {planned.channel} {planned.recipient}"
        values = _values(planned, content, now) | {"token": token, "run": run, "key": key}
        numbers.append(_put(connection, planned, values))
    return numbers


def preview(connection: Connection, policy: Policy, now: datetime) -> Preview:
    """What `enqueue` would put into the outbox at `now`; nothing is written."""
    messages, decisions = _due(connection, policy, now)
    return Preview([(one, render(one, None, "XXXXXXXX", policy.link)) for one in messages], decisions)


def _due(connection: Connection, policy: Policy, now: datetime) -> tuple[list[Planned], list[Decision]]:
    incidents = considered(connection, now)
    told = told_of(connection, incidents)
    decisions = decide(policy, incidents, told, now)
    return plan(policy, decisions, told, now), decisions


def _in_conversation(connection: Connection, planned: Planned, content: Content) -> Content:
    if planned.channel is not Channel.EMAIL:
        return content
    first = conversation(connection, planned.recipient, planned.lead.incident.id)
    return replace(content, subject=f"Re: {first}") if first else content


def _put(connection: Connection, planned: Planned, values: dict[str, object]) -> int:
    number = int(connection.execute(insert(deliveries).values(values).returning(deliveries.c.id)).scalar_one())
    connection.execute(insert(delivery_incidents), list(_told(number, planned)))
    return number


def _told(number: int, planned: Planned) -> Iterable[dict[str, object]]:
    for item in planned.items:
        status = Status.OK if item.recovered else item.incident.status
        yield {"delivery_id": number, "incident_id": item.incident.id, "reason": item.reason.value,
               "status": status.value, "step": item.step}  # fmt: skip


def _values(planned: Planned, content: Content, now: datetime) -> dict[str, object]:
    return {
        "channel": planned.channel.value,
        "recipient": planned.recipient, "reason": planned.reason.value, "urgency": planned.status.rank,
        "subject": content.subject, "text": content.text, "html": content.html, "note": content.note,
        "threads": [item.incident.id for item in planned.items], "created_at": now, "due_at": now,
    }  # fmt: skip
