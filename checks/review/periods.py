"""Which time a review is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """The reviews that there are."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    @property
    def days(self) -> int:
        """How many days it looks back on."""
        return {Kind.DAILY: 1, Kind.WEEKLY: 7, Kind.MONTHLY: 30, Kind.QUARTERLY: 91}[self]


LOOKBACK = timedelta(days=90)
"""How far before its period a review reads: trends and anomalies need a past."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time from `since` (left out) to `until` (included)."""

    kind: Kind
    until: datetime
    days: int

    @classmethod
    def of(cls, kind: Kind, until: datetime, days: int | None = None) -> Period:
        """The period that a review at this moment looks back on, of another length where `days` says so."""
        return cls(kind, until, days or kind.days)

    @property
    def since(self) -> datetime:
        """Where it begins."""
        return self.until - timedelta(days=self.days)

    @property
    def reads_from(self) -> datetime:
        """The oldest moment that anything is read of."""
        return min(self.since - LOOKBACK, self.since - timedelta(days=self.days))

    @property
    def dates(self) -> frozenset[date]:
        """Its days, the last one being that of `until`."""
        return frozenset(self.until.date() - timedelta(days=number) for number in range(self.days))

    def covers(self, at: datetime | None) -> bool:
        """Whether a moment lies in it; no moment does not."""
        return at is not None and self.since < at <= self.until

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"
