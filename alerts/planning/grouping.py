"""Makes messages of decisions: one to a recipient by a channel, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from alerts.planning.model import Address, Decision, History, Item, Planned, Reason, Told
from alerts.policy import Channel, Policy


def plan(policy: Policy, decisions: Iterable[Decision], told: Iterable[Told], now: datetime) -> list[Planned]:
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
