"""What a run leaves behind for people: incidents, and messages about them, in the transaction of its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerts.incidents import Update, open_incidents
from alerts.outbox import enqueue
from alerts.policy import Policy
from checks.engine.report import Report


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
