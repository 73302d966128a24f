"""Looks for what should have happened and did not; needs nothing but the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from alerts.errors import PolicyError
from alerts.incidents.store import lock
from alerts.outbox.plain import Plain, put
from alerts.outbox.states import State
from alerts.planning import Reason
from alerts.policy import Channel, Policy, Watch
from alerts.render import Content
from alerts.tokens import new_token
from checks import Status
from etl.tables import check_runs, deliveries

OVERDUE = timedelta(hours=1)
ENDED = Content("[Rally] Health checks run again", "Rally: health checks run again and messages are on their way.")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that should have happened and did not, in one sentence."""

    text: str


def watch_of(policy: Policy) -> Watch:
    """The policy's watch; raises PolicyError where it has none."""
    if policy.watch is None:
        raise PolicyError('the alert policy has no [watch]; expected one such as who = ["duty"], by = ["sms"]')
    return policy.watch


def alarms(connection: Connection, policy: Policy, now: datetime) -> Sequence[Alarm]:
    """What is wrong now: no finished health check for too long, or messages that nobody sends."""
    watch = watch_of(policy)
    own = check_runs.c
    finished = select(func.max(own.finished_at)).where(~own.scoped)
    if watch.selection is not None:
        finished = finished.where(own.selection == watch.selection)
    found = []
    last = connection.execute(finished).scalar()
    if last is None or now - last > watch.after:
        found.append(Alarm(_silent(last, now)))
    waiting = _overdue(connection, now)
    if waiting:
        found.append(Alarm(f"{waiting} messages wait for over an hour; does `rally-health alerts dispatch` run?"))
    return found


def enqueue_alarms(
    connection: Connection,
    policy: Policy,
    found: Sequence[Alarm],
    now: datetime,
    *,
    tokens: Callable[[], str] = new_token,
) -> Sequence[int]:
    """Put what the watchers have to hear into the outbox: the alarm, its repetition, and its end.

    Repeated after the watch's own interval; the end is told once, in nobody's quiet hours.
    """
    lock(connection)
    watch = watch_of(policy)
    messages = []
    for address in [(name, channel) for name in watch.who for channel in watch.by]:
        content = _for(connection, policy, found, address, now)
        if content is not None:
            urgency = 0 if content is ENDED else Status.CRITICAL.rank
            plain = Plain(
                recipient=address[0], channel=address[1], reason=Reason.WATCH, content=content, urgency=urgency
            )
            messages.append(put(connection, plain, now, tokens()))
    return messages


def _for(
    connection: Connection, policy: Policy, found: Sequence[Alarm], address: tuple[str, Channel], now: datetime
) -> Content | None:
    own = deliveries.c
    mine = own.recipient == address[0], own.channel == address[1].value, own.reason == Reason.WATCH.value
    before = connection.execute(
        select(own.created_at, own.urgency).where(*mine).order_by(own.id.desc()).limit(1)
    ).first()
    alarmed = before is not None and before.urgency > 0
    if not found:
        return ENDED if alarmed and policy.by_name[address[0]].awake(now) else None
    if before is not None and alarmed and now - before.created_at < watch_of(policy).repeat:
        return None
    return Content(
        "[Rally] CRITICAL: health checks are silent", f"Rally CRITICAL: {' '.join(one.text for one in found)}"
    )


def _silent(last: datetime | None, now: datetime) -> str:
    if last is None:
        return "no health check has ever finished."
    hours = (now - last) / timedelta(hours=1)
    return f"no health check has finished for {hours:.0f} h (last {last:%Y-%m-%d %H:%M} UTC)."


def _overdue(connection: Connection, now: datetime) -> int:
    own = deliveries.c
    # tries of its own postpone a message: these were never even tried
    left = own.state == State.QUEUED.value, own.due_at < now - OVERDUE, own.reason != Reason.WATCH.value
    return int(connection.execute(select(func.count()).select_from(deliveries).where(*left)).scalar_one())
