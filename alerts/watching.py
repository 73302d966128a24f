"""The dead man's switch: people are notified when the checks or the imports themselves have stopped.

It looks for what should have happened and did not, and needs nothing but the database. When the database itself is
away, people are notified directly, and a small file stands in for the outbox.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from alerts import DeliveryError, OutcomeUnknown, PolicyError
from alerts.channels import Message, Sender, State
from alerts.incidents import new_token
from alerts.incidents.store import lock
from alerts.outbox.enqueue import Plain, put
from alerts.people import Channel
from alerts.planning import Address, Reason
from alerts.policy import Policy, Watch
from alerts.render import Content
from checks import Status
from checks.engine.authoring.units import number_of
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
    columns = check_runs.c
    finished = select(func.max(columns.finished_at)).where(~columns.scoped)
    if watch.selection is not None:
        finished = finished.where(columns.selection == watch.selection)
    raised = []
    last = connection.execute(finished).scalar()
    if last is None or now - last > watch.after:
        raised.append(Alarm(_silent(last, now)))
    waiting = _overdue(connection, now)
    if waiting:
        raised.append(
            Alarm(
                f"{number_of(waiting, 'messages')} waiting for over an hour; does `rally-health alerts dispatch` run?"
            )
        )
    return raised


def enqueue_alarms(
    connection: Connection,
    policy: Policy,
    raised: Sequence[Alarm],
    now: datetime,
    *,
    tokens: Callable[[], str] = new_token,
) -> Sequence[int]:
    """Put the watchers' notifications into the outbox: the alarm, its repetition, and its end.

    Repeated after the watch's own interval; people are notified of the end once, in nobody's quiet hours.
    """
    lock(connection)
    watch = watch_of(policy)
    messages = []
    for address in [(name, channel) for name in watch.who for channel in watch.by]:
        content = _for(connection, policy, raised, address, now)
        if content is not None:
            urgency = 0 if content is ENDED else Status.CRITICAL.rank
            plain = Plain(
                recipient=address[0], channel=address[1], reason=Reason.WATCH, content=content, urgency=urgency
            )
            messages.append(put(connection, plain, now, tokens()))
    return messages


def _for(
    connection: Connection, policy: Policy, raised: Sequence[Alarm], address: tuple[str, Channel], now: datetime
) -> Content | None:
    columns = deliveries.c
    mine = columns.recipient == address[0], columns.channel == address[1].value, columns.reason == Reason.WATCH.value
    before = connection.execute(
        select(columns.created_at, columns.urgency).where(*mine).order_by(columns.id.desc()).limit(1)
    ).first()
    alarmed = before is not None and before.urgency > 0
    if not raised:
        return ENDED if alarmed and policy.by_name[address[0]].awake(now) else None
    if before is not None and alarmed and now - before.created_at < watch_of(policy).repeat:
        return None
    return Content(
        "[Rally] CRITICAL: health checks are silent", f"Rally CRITICAL: {' '.join(one.text for one in raised)}"
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


log = logging.getLogger("rally.alerts")

AWAY = Content(
    "[Rally] CRITICAL: the database is away",
    "Rally CRITICAL: the database cannot be reached, so nothing is checked and no alert can be written.",
)
BACK = Content("[Rally] The database is back", "Rally: the database can be reached again.")


@dataclass(frozen=True, slots=True)
class Away:
    """How many were notified, and how many could not be."""

    told: int = 0
    failed: int = 0


def tell_away(policy: Policy, senders: Mapping[Channel, Sender], memory: Path, now: datetime) -> Away:
    """Tell the watchers that the database is away; each again only after the watch's interval."""
    watch, notified_at = watch_of(policy), _read(memory)
    due = [one for one in _addresses(policy) if one not in notified_at or now - notified_at[one] >= watch.repeat]
    told = _tell(policy, senders, AWAY, due)
    _write(memory, notified_at | dict.fromkeys(told, now))
    return Away(len(told), len(due) - len(told))


def back(policy: Policy, senders: Mapping[Channel, Sender], memory: Path) -> Away:
    """Tell those who heard that the database was away that it is back."""
    due = [one for one in _addresses(policy) if one in _read(memory)]
    told = _tell(policy, senders, BACK, due)
    memory.unlink(missing_ok=True)
    return Away(len(told), len(due) - len(told))


def _addresses(policy: Policy) -> list[Address]:
    watch = watch_of(policy)
    return [(name, channel) for name in watch.who for channel in watch.by]


def _tell(policy: Policy, senders: Mapping[Channel, Sender], content: Content, due: Iterable[Address]) -> list[Address]:
    reached = []
    for name, channel in due:
        token = new_token()
        text = f"{content.text} #{token}" if channel is Channel.SMS else content.text
        try:
            senders[channel].send(
                policy.by_name[name].contacts[channel], Message(0, token, content.subject, text), lambda: None
            )
            reached.append((name, channel))
        except KeyError:
            log.warning("no provider is set up for %s", channel)
        except OutcomeUnknown:
            reached.append((name, channel))  # it may have arrived, and once is what was promised
        except DeliveryError as error:
            log.warning("the watch cannot tell by %s (%s)", channel, error)
    return reached


def _read(memory: Path) -> dict[Address, datetime]:
    try:
        entries = json.loads(memory.read_text()).items()
        split = ((key.rsplit(" ", 1), datetime.fromisoformat(at)) for key, at in entries)
        return {(name, Channel(channel)): at for (name, channel), at in split}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}  # to be notified twice is better than not at all


def _write(memory: Path, known: Mapping[Address, datetime]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({f"{name} {channel}": at.isoformat() for (name, channel), at in known.items()}))
