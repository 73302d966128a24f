"""The words of planning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alerts.incidents.model import Incident
from alerts.policy.people import Channel
from checks import Status

Address = tuple[str, Channel]


class Reason(StrEnum):
    """Why somebody hears of an incident, or why there is a message at all."""

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
class Told:
    """Somebody was told of an incident, as it stood then. `step` is that of an escalation, from 1."""

    incident: int
    recipient: str
    channel: Channel
    reason: Reason
    status: Status
    at: datetime
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody hears of an incident now; `reason` is None where they do not, and `why` says it in words."""

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
        """Whether it is told as gone."""
        return self.reason is Reason.RECOVERY


@dataclass(frozen=True, slots=True)
class Planned:
    """One message to one recipient by one channel: worst first, what is gone at the end."""

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
        """The worst status told; OK when all is gone."""
        failing = [item.incident.status for item in self.items if not item.recovered]
        return max(failing, key=lambda status: status.rank, default=Status.OK)


@dataclass(frozen=True, slots=True)
class History:
    """What was told, oldest first, found by incident and address."""

    entries: Mapping[int, Sequence[Told]] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Iterable[Told]) -> History:
        """Sort what was told."""
        found: dict[int, list[Told]] = defaultdict(list)
        for one in sorted(told, key=lambda one: one.at):
            found[one.incident].append(one)
        return cls(found)

    def about(self, incident: int) -> Sequence[Told]:
        """Everything told of an incident."""
        return self.entries.get(incident, ())

    def last(self, incident: int, address: Address) -> Told | None:
        """What somebody heard last of an incident."""
        mine = (one for one in reversed(self.about(incident)) if (one.recipient, one.channel) == address)
        return next(mine, None)

    def messages(self, address: Address, since: datetime) -> int:
        """How many messages went to somebody since a moment; what was told at one time was one message."""
        told = (one for entries in self.entries.values() for one in entries)
        return len({one.at for one in told if (one.recipient, one.channel) == address and one.at >= since})
