"""The database itself is away: told directly, with a small file instead of an outbox to remember it by."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts.channels.base import Message, Sender
from alerts.errors import DeliveryError, OutcomeUnknown
from alerts.planning.model import Address
from alerts.policy import Channel, Policy
from alerts.render import Content
from alerts.tokens import new_token
from alerts.watching.silence import watch_of

log = logging.getLogger("rally.alerts")

AWAY = Content(
    "[Rally] CRITICAL: the database is away",
    "Rally CRITICAL: the database cannot be reached, so nothing is checked and no alert can be written.",
)
BACK = Content("[Rally] The database is back", "Rally: the database can be reached again.")


@dataclass(frozen=True, slots=True)
class Away:
    """How many were told, and how many could not be."""

    told: int = 0
    failed: int = 0


def tell_away(policy: Policy, senders: Mapping[Channel, Sender], memory: Path, now: datetime) -> Away:
    """Tell the watchers that the database is away; each again only after the watch's interval."""
    watch, known = watch_of(policy), _read(memory)
    due = [one for one in _addresses(policy) if one not in known or now - known[one] >= watch.repeat]
    told = _tell(policy, senders, AWAY, due)
    _write(memory, known | dict.fromkeys(told, now))
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
    told = []
    for name, channel in due:
        token = new_token()
        text = f"{content.text} #{token}" if channel is Channel.SMS else content.text
        try:
            senders[channel].send(
                policy.by_name[name].contacts[channel], Message(0, token, content.subject, text), lambda: None
            )
            told.append((name, channel))
        except KeyError:
            log.warning("no provider is set up for %s", channel)
        except OutcomeUnknown:
            told.append((name, channel))  # it may have arrived, and once is what was promised
        except DeliveryError as error:
            log.warning("the watch cannot tell by %s (%s)", channel, error)
    return told


def _read(memory: Path) -> dict[Address, datetime]:
    try:
        entries = json.loads(memory.read_text()).items()
        split = ((key.rsplit(" ", 1), datetime.fromisoformat(at)) for key, at in entries)
        return {(name, Channel(channel)): at for (name, channel), at in split}
    except (OSError, ValueError, AttributeError):
        return {}  # to be told twice is better than not at all


def _write(memory: Path, known: Mapping[Address, datetime]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({f"{name} {channel}": at.isoformat() for (name, channel), at in known.items()}))
