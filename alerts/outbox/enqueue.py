"""What goes into the outbox, in the caller's transaction: messages about the incidents of a run, reports, tests,
alarms.

The outbox is also listed here for people, by names and never by numbers or addresses, and a dead letter is put back
into it when a person asks for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from alerts import PolicyError, UnknownDelivery
from alerts.channels import State
from alerts.incidents import Incident, new_token
from alerts.incidents.store import Update, listed, lock, open_incidents
from alerts.people import Channel, Person
from alerts.planning import Decision, Notification, Planned, Reason, decide, plan
from alerts.policy import Policy
from alerts.render import Content, Headline
from alerts.render.mail import render_mail
from alerts.render.sms import render_sms
from checks import Status
from checks.engine.reporting.report import Report
from checks.news import stored_news
from checks.render.formats import PageLinks
from etl.tables import EVER, TimeSpan, deliveries, delivery_incidents, within

RECOVERIES_WITHIN = timedelta(days=7)
"""A recovery that could not be sent for so long is not sent any more."""


def considered(connection: Connection, now: datetime) -> Sequence[Incident]:
    """The incidents that somebody may have to be notified of."""
    return listed(connection, resolved_since=now - RECOVERIES_WITHIN)


def notifications_of(connection: Connection, incidents: Iterable[Incident]) -> list[Notification]:
    """All notifications of some incidents, oldest first; a message counts from when it stands in the outbox."""
    link, message = delivery_incidents.c, deliveries.c
    of_message = message.recipient, message.channel, message.created_at
    columns = link.incident_id, link.reason, link.status, link.step, *of_message
    chosen = select(*columns).join(deliveries, message.id == link.delivery_id)
    numbers = [incident.id for incident in incidents]
    rows = connection.execute(chosen.where(link.incident_id.in_(numbers)).order_by(message.created_at, message.id))
    return [
        Notification(row.incident_id, row.recipient, Channel(row.channel), Reason(row.reason), Status(row.status),
             row.created_at, row.step)
        for row in rows
    ]  # fmt: skip


def conversation(connection: Connection, recipient: str, incident: int) -> str | None:
    """The subject under which somebody first got an e-mail about an incident; mail programs keep to it."""
    columns, about = deliveries.c, delivery_incidents.c
    first = select(columns.subject).join(delivery_incidents, about.delivery_id == columns.id)
    mine = about.incident_id == incident, columns.recipient == recipient, columns.channel == Channel.EMAIL.value
    lead = columns.threads[0].as_integer() == incident
    return connection.execute(first.where(*mine, lead).order_by(columns.id).limit(1)).scalar()


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
    headline = Headline.of(report) if report else _headline(connection, now) if messages else None
    numbers = []
    for planned in messages:
        token = tokens()
        content = _in_conversation(connection, planned, render(planned, headline, token, policy.link, policy.pages))
        run = report.run if report else None
        # should two ever plan the same moment of the same run, the second is refused
        key = f"{now.isoformat()} {run or 'dispatch'} {planned.channel} {planned.recipient}"
        values = _values(planned, content, now) | {"token": token, "run": run, "key": key}
        numbers.append(_put(connection, planned, values))
    return numbers


NEWS_LAST = timedelta(hours=12)
"""How long a message that no run sends tells the news of the last one."""


def _headline(connection: Connection, now: datetime) -> Headline | None:
    news = stored_news(connection, now - NEWS_LAST)
    return None if news is None else Headline(None, "", 0.0, news)


def preview(connection: Connection, policy: Policy, now: datetime) -> Preview:
    """What `enqueue` would put into the outbox at `now`; nothing is written."""
    messages, decisions = _due(connection, policy, now)
    headline = _headline(connection, now)
    return Preview([(one, render(one, headline, "XXXXXXXX", policy.link, policy.pages)) for one in messages], decisions)


def _due(connection: Connection, policy: Policy, now: datetime) -> tuple[list[Planned], list[Decision]]:
    incidents = considered(connection, now)
    told = notifications_of(connection, incidents)
    decisions = decide(policy, incidents, told, now)
    return plan(policy, decisions, told, now), decisions


def _in_conversation(connection: Connection, planned: Planned, content: Content) -> Content:
    # headers make it one conversation; "Re: CRITICAL" over what has recovered would be read as the contrary
    if planned.channel is not Channel.EMAIL or planned.lead.recovered:
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """The incidents that a report touched, worst first, and the numbers of the messages that are now in the outbox."""

    updates: Sequence[Update]
    messages: Sequence[int]


def record(
    connection: Connection, report: Report, policy: Policy | None, now: datetime, *, scope: str = ""
) -> Recorded:
    """Bring incidents up to date with a report and enqueue what the policy promises for it, all or nothing.

    Nothing is sent here: hand the numbers to `alerts.outbox.dispatch` after the commit. Without a policy there are
    incidents only. `scope` as in `open_incidents`.
    """
    updates = open_incidents(connection, report, now, scope=scope)
    return Recorded(updates, enqueue(connection, policy, now, report=report) if policy else ())


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
    messages = [
        Plain(recipient=person.name, channel=Channel.EMAIL, reason=Reason.REPORT, content=content, run=run)
        for person in _readers(policy, to)
    ]
    return [put(connection, message, now, new_token()) for message in messages]


def _readers(policy: Policy, names: Sequence[str]) -> Sequence[Person]:
    people = [known(policy, name) for name in names]
    silent = [person.name for person in people if Channel.EMAIL not in person.contacts]
    if silent:
        raise PolicyError(f"{', '.join(silent)} cannot get a report: no email in the policy")
    return people


def known(policy: Policy, name: str) -> Person:
    """A person by name; raises PolicyError."""
    try:
        return policy.by_name[name]
    except KeyError:
        raise PolicyError(f"{name!r} is not among the people: {', '.join(policy.by_name)}") from None


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
    connection: Connection, states: Sequence[State] = (), *, limit: int = 50, numbers: Sequence[int] | None = None,
    span: TimeSpan = EVER,
) -> Sequence[Line]:  # fmt: skip
    """The newest messages of a time, newest first, of some states or numbers only where these are given."""
    chosen = select(*(deliveries.c[name] for name in Line.__slots__)).order_by(deliveries.c.id.desc()).limit(limit)
    chosen = chosen.where(*within(deliveries.c.created_at, span))
    if states:
        chosen = chosen.where(deliveries.c.state.in_([state.value for state in states]))
    if numbers is not None:
        chosen = chosen.where(deliveries.c.id.in_(numbers))
    return [Line(row.id, State(row.state), *row[2:]) for row in connection.execute(chosen)]


SENDABLE = (State.FAILED, State.UNDELIVERED, State.UNCERTAIN, State.UNKNOWN)


def resend(connection: Connection, number: int, now: datetime) -> None:
    """Queue a dead letter, or one whose outcome nobody knows, again; raises UnknownDelivery for any other.

    What the provider can still be asked for is not sent again but looked up at once.
    """
    columns = deliveries.c
    row = connection.execute(select(columns.state, columns.token).where(columns.id == number).with_for_update()).first()
    if row is None or row.state not in [one.value for one in SENDABLE]:
        found = "there is no such message" if row is None else f"it is {row.state}"
        raise UnknownDelivery(f"message {number} cannot be sent again: {found}; see rally-health alerts outbox")
    if row.state == State.UNKNOWN:
        connection.execute(update(deliveries).where(columns.id == number).values(due_at=now))
        return
    # a token of its own, so that a look-up does not find the message of last time
    token = new_token()
    fresh = {name: func.replace(columns[name], row.token, token) for name in ("text", "html")}
    values = {"state": State.QUEUED.value, "due_at": now, "attempts": 0, "error": "", "token": token, "claim": None}
    connection.execute(update(deliveries).where(columns.id == number).values(**values, **fresh, leased_until=None))


def render(planned: Planned, headline: Headline | None, token: str, link: str = "", pages: str = "") -> Content:
    """What a recipient reads; `link` is where to look further, `pages` where the operator's page is."""
    if planned.channel is Channel.SMS:
        page = PageLinks(pages or None)("incident", planned.lead.incident.id)
        return render_sms(planned, headline, token, page if planned.reason is not Reason.RECOVERY else "")
    content = render_mail(planned, headline, token, link)
    # an e-mail's token also stands in its Message-ID, a chat has only its text
    return content if planned.channel is Channel.EMAIL else Content(content.subject, content.text)
