"""Who is to be notified of what at this moment: pure functions of policy, incidents, earlier notifications and time.

A person is notified of an incident when it is new, when it comes back after its recovery was notified, when it is worse
than at the last notification, again after the repeat interval unless it is acknowledged, and once when it is resolved.
A CRITICAL that nobody acknowledges escalates. What is due becomes one message per recipient and channel, worst first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from alerts.incidents import Incident
from alerts.people import Channel
from alerts.policy import Escalation, Policy, Route
from checks import Status

Address = tuple[str, Channel]


class Reason(StrEnum):
    """Why somebody is notified of an incident, or why there is a message at all."""

    NEW = "new"
    RETURNED = "returned"
    WORSE = "worse"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    RECOVERY = "recovery"
    TEST = "test"
    WATCH = "watch"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Notification:
    """Somebody was notified of an incident, as it stood then. `step` is that of an escalation, from 1."""

    incident: int
    recipient: str
    channel: Channel
    reason: Reason
    status: Status
    at: datetime
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody is notified of an incident now; `reason` is None where not, and `why` says it in words."""

    incident: Incident
    recipient: str
    channel: Channel
    reason: Reason | None
    why: str
    step: int | None = None

    @property
    def address(self) -> Address:
        """Who, and by what."""
        return self.recipient, self.channel


@dataclass(frozen=True, slots=True)
class Item:
    """One incident in a message."""

    incident: Incident
    reason: Reason
    step: int | None = None

    @property
    def recovered(self) -> bool:
        """Whether the notification is that it is resolved."""
        return self.reason is Reason.RECOVERY


@dataclass(frozen=True, slots=True)
class Planned:
    """One message to one recipient by one channel: worst first, what is resolved at the end."""

    recipient: str
    channel: Channel
    items: tuple[Item, ...]
    last_of_night: bool = False

    @property
    def lead(self) -> Item:
        """What the message is about first of all."""
        return self.items[0]

    @property
    def reason(self) -> Reason:
        """The weightiest reason."""
        order = (Reason.ESCALATION, Reason.NEW, Reason.RETURNED, Reason.WORSE, Reason.REPEAT)
        reasons = {item.reason for item in self.items}
        return next((reason for reason in order if reason in reasons), Reason.RECOVERY)

    @property
    def status(self) -> Status:
        """The worst status among them; OK when all are resolved."""
        failing = [item.incident.status for item in self.items if not item.recovered]
        return max(failing, key=lambda status: status.rank, default=Status.OK)


@dataclass(frozen=True, slots=True)
class History:
    """The notifications so far, oldest first, found by incident and address."""

    entries: Mapping[int, Sequence[Notification]] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Iterable[Notification]) -> History:
        """Sort notifications."""
        messages: dict[int, list[Notification]] = defaultdict(list)
        for one in sorted(told, key=lambda one: one.at):
            messages[one.incident].append(one)
        return cls(messages)

    def about(self, incident: int) -> Sequence[Notification]:
        """Every notification of an incident."""
        return self.entries.get(incident, ())

    def last(self, incident: int, address: Address) -> Notification | None:
        """What somebody heard last of an incident."""
        mine = (one for one in reversed(self.about(incident)) if (one.recipient, one.channel) == address)
        return next(mine, None)

    def messages(self, address: Address, since: datetime) -> int:
        """How many messages went to somebody since a moment; what was sent at one time was one message."""
        told = (one for entries in self.entries.values() for one in entries)
        return len({one.at for one in told if (one.recipient, one.channel) == address and one.at >= since})


def escalations(policy: Policy, incident: Incident, history: History, now: datetime) -> Iterator[Decision]:
    """The next step of the chain, if its time has come. Quiet hours do not hold it back, maintenance does."""
    chain = policy.escalation
    if chain is None or not _burning(chain, incident) or policy.maintained(incident.rule, now):
        return
    step, due = _next(policy, chain, incident, history, now)
    if step > len(chain.chain) or now < due:
        return
    for name in chain.chain[step - 1].who:
        for channel in chain.chain[step - 1].by:
            yield Decision(incident, name, channel, Reason.ESCALATION, f"unacknowledged, step {step}", step)


def _burning(chain: Escalation, incident: Incident) -> bool:
    unanswered = incident.open and incident.acknowledged_at is None
    return unanswered and incident.status is Status.CRITICAL and incident.severity in chain.severities


def _next(
    policy: Policy, chain: Escalation, incident: Incident, history: History, now: datetime
) -> tuple[int, datetime]:
    ended = [window.end for window in policy.windows(incident.rule) if window.end <= now]
    begin = max([incident.since, *ended])
    steps = [
        one
        for one in history.about(incident.id)
        if one.reason is Reason.ESCALATION and one.step and one.at >= incident.since
    ]
    last = max(steps, key=lambda one: one.step or 0, default=None)
    if last is None or last.step is None:
        return 1, begin + chain.after
    return last.step + 1, last.at + chain.after


def decide(
    policy: Policy, incidents: Iterable[Incident], told: Iterable[Notification], now: datetime
) -> list[Decision]:
    """A decision for each incident and address that the policy or the past connects; those not due say why."""
    history = History.of(told)
    return [decision for incident in incidents for decision in _about(policy, incident, history, now)]


def matches(route: Route, incident: Incident) -> bool:
    """Whether a route is about an incident as it stands."""
    return (
        incident.status in route.statuses
        and incident.severity in route.severities
        and (not route.domains or incident.domain in route.domains)
        and (not route.owners or incident.owner in route.owners)
        and (not route.rules or any(fnmatchcase(incident.rule, glob) for glob in route.rules))
    )


def _about(policy: Policy, incident: Incident, history: History, now: datetime) -> Iterator[Decision]:
    if incident.open:
        decisions = {one.address: one for one in _open(policy, incident, history, now)}
        decisions.update((one.address, one) for one in escalations(policy, incident, history, now))
        yield from decisions.values()
    elif policy.recovery:
        yield from _gone(policy, incident, history, now)


def _open(policy: Policy, incident: Incident, history: History, now: datetime) -> Iterator[Decision]:
    routes: dict[Address, list[Route]] = {}
    for route in policy.routes:
        if matches(route, incident):
            for address in ((name, channel) for name in route.who for channel in route.by):
                routes.setdefault(address, []).append(route)
    for address, some in routes.items():
        reason, why = _reason(policy, incident, some, history.last(incident.id, address), now)
        held = _held(policy, incident, address, now, critical=incident.status is Status.CRITICAL)
        yield Decision(incident, *address, None if held else reason, held if held and reason else why)


def _reason(
    policy: Policy, incident: Incident, routes: Sequence[Route], last: Notification | None, now: datetime
) -> tuple[Reason | None, str]:
    begin = incident.since + min(route.after for route in routes)
    if last is None or last.reason is Reason.RECOVERY:
        reason, why = (Reason.NEW, "not told yet") if last is None else (Reason.RETURNED, "back after its recovery")
    elif incident.status.rank > last.status.rank:
        reason, why = Reason.WORSE, f"was {last.status} when last told"
    elif incident.acknowledged_at is not None:
        return None, f"acknowledged by {incident.acknowledged_by}"
    else:
        again = last.at + min(policy.repeat if route.repeat is None else route.repeat for route in routes)
        return (Reason.REPEAT, f"unchanged since {_at(last.at)}") if now >= again else (None, f"told {_at(last.at)}")
    return (reason, why) if now >= begin else (None, f"told at {_at(begin)} if it lasts")


def _gone(policy: Policy, incident: Incident, history: History, now: datetime) -> Iterator[Decision]:
    assert incident.resolved_at is not None  # noqa: S101 - what is not open is resolved
    addresses = dict.fromkeys((one.recipient, one.channel) for one in history.about(incident.id))
    for address in addresses:
        last = history.last(incident.id, address)
        if address[0] not in policy.by_name or last is None or last.reason is Reason.RECOVERY:
            continue
        held = _held(policy, incident, address, now, critical=False)
        if now < incident.resolved_at + policy.settle:
            held = held or f"told at {_at(incident.resolved_at + policy.settle)} if it stays away"
        yield Decision(incident, *address, None if held else Reason.RECOVERY, held or "gone")


def _held(policy: Policy, incident: Incident, address: Address, now: datetime, *, critical: bool) -> str:
    window = policy.maintained(incident.rule, now)
    if window is not None:
        return f"in maintenance until {_at(window.end)}"
    if not critical and not policy.by_name[address[0]].awake(now):
        return "in their quiet hours"
    return ""


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"


def plan(policy: Policy, decisions: Iterable[Decision], told: Iterable[Notification], now: datetime) -> list[Planned]:
    """The messages that are due. Beyond the cap of a night they wait for its end, escalations excepted."""
    history = History.of(told)
    grouped: dict[Address, list[Item]] = {}
    for decision in decisions:
        if decision.reason is not None:
            item = Item(decision.incident, decision.reason, decision.step)
            grouped.setdefault(decision.address, []).append(item)
    messages = []
    for address, items in sorted(grouped.items()):
        left = _left_tonight(policy, address, history, now)
        if left is None or left > 0 or any(item.reason is Reason.ESCALATION for item in items):
            messages.append(Planned(*address, tuple(sorted(items, key=_order)), last_of_night=left == 1))
    channels = list(Channel)
    return sorted(messages, key=lambda one: (-one.status.rank, channels.index(one.channel), one.recipient))


def _left_tonight(policy: Policy, address: Address, history: History, now: datetime) -> int | None:
    night = policy.by_name[address[0]].night_began(now)
    return None if night is None else policy.night_cap - history.messages(address, night)


def _order(item: Item) -> tuple[Any, ...]:
    return (item.recovered, *item.incident.order)
