"""Decides for each incident and each person whether they hear of it now.

An incident is told when it is new, when it came back after its recovery was told, when it is worse than at the last
telling, again after the repeat interval unless it is acknowledged, and once when it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from alerts.incidents.model import Incident
from alerts.planning.escalate import escalations
from alerts.planning.model import Address, Decision, History, Reason, Told
from alerts.policy import Policy, Route
from checks import Status


def decide(policy: Policy, incidents: Iterable[Incident], told: Iterable[Told], now: datetime) -> list[Decision]:
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
    policy: Policy, incident: Incident, routes: Sequence[Route], last: Told | None, now: datetime
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
