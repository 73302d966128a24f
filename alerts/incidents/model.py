"""An incident as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from checks import Severity, Status


class EventKind(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    WORSENED = "worsened"
    IMPROVED = "improved"
    UNMEASURED = "unmeasured"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A rule (and parameter, and scope) that is not OK.

    `since` is when its present status began. `episode` counts its returns: it begins at 1 and grows with each
    reopening. `id` is 0 until it is stored.
    """

    id: int = 0
    rule: str
    parameter: str = ""
    scope: str = ""
    domain: str
    severity: Severity
    status: Status
    worst: Status
    summary: str
    owner: str = ""
    runbook: str = ""
    measurement: str = ""
    change: str = ""
    points: Decimal = Decimal("0.00")
    clusters: tuple[str, ...] = ()
    examples: tuple[dict[str, Any], ...] = ()
    error: str = ""
    opened_at: datetime
    opened_run: str
    seen_at: datetime
    seen_run: str
    since: datetime
    episode: int = 1
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    resolved_at: datetime | None = None
    resolved_run: str | None = None
    resolution: str | None = None

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return f"{self.rule} ({self.parameter})" if self.parameter else self.rule

    @property
    def open(self) -> bool:
        """Whether it lasts."""
        return self.resolved_at is None

    @property
    def state(self) -> str:
        """In one word: open, acknowledged or resolved."""
        if not self.open:
            return "resolved"
        return "acknowledged" if self.acknowledged_at else "open"

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts worst first."""
        return (not self.open, -self.status.rank, -self.severity.rank, -self.points, self.rule, self.parameter, self.id)
