"""Which time a review is about.

The past as values: what a review is a function of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from checks.engine.authoring.units import Measure, Severity, Status, figure_text
from checks.engine.judging.judge import Id


class PeriodKind(StrEnum):
    """The reviews that there are."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    @property
    def days(self) -> int:
        """How many days it looks back on."""
        return {PeriodKind.DAILY: 1, PeriodKind.WEEKLY: 7, PeriodKind.MONTHLY: 30, PeriodKind.QUARTERLY: 91}[self]


LOOKBACK = timedelta(days=90)
"""How far before its period a review reads: trends and anomalies need a past."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time from `since` (left out) to `until` (included)."""

    kind: PeriodKind
    until: datetime
    days: int

    @classmethod
    def of(cls, kind: PeriodKind, until: datetime, days: int | None = None) -> Period:
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


@dataclass(slots=True)
class Reading:
    """One result of one rule. Treat it as frozen: there are too many of them for the cost of saying so."""

    at: datetime
    rule: str
    parameter: str
    domain: str
    severity: Severity
    status: Status
    count: int | None
    total: int | None
    rate: float | None
    value: float | None
    points: Decimal
    accepted: bool

    @property
    def id(self) -> Id:
        """Rule and parameter."""
        return self.rule, self.parameter

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return titled(self.rule, self.parameter)

    @property
    def trouble(self) -> bool:
        """Whether someone should have looked."""
        return self.status.failing and not self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as it is kept. `parts` are scores by dimension, such as league, and label."""

    id: str
    at: datetime
    today: date
    selection: str
    score: Decimal | None
    gross: Decimal | None
    band: str
    coverage: float
    domains: Mapping[str, float | None] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The newest result of a rule, with what someone needs who looks into it. The rule itself gives the last four."""

    reading: Reading
    threshold: str
    new: int | None
    fixed: int | None
    clusters: tuple[str, ...]
    examples: tuple[Mapping[str, Any], ...]
    error: str
    note: str
    summary: str = ""
    owner: str = ""
    runbook: str = ""
    unit: Measure | None = None

    @property
    def measurement(self) -> str:
        """What was measured, as a person would say it."""
        own = self.reading
        if own.value is not None:
            return figure_text(own.value, self.unit) if self.unit else f"{own.value:,.6g}"
        if own.count is None:
            return ""
        share = "" if own.rate is None else f" ({figure_text(own.rate, Measure.PERCENT)})"
        return f"{own.count:,} rows" if own.total is None else f"{own.count:,} of {own.total:,}{share}"

    @property
    def change(self) -> str:
        """ "3 new, 5 fixed", without what is nought."""
        return ", ".join(f"{number:,} {name}" for name, number in (("new", self.new), ("fixed", self.fixed)) if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed of one import run. `ended` None: it is still running, or was killed."""

    run: int
    kind: str
    league: str
    outcome: str
    began: datetime
    ended: datetime | None
    rows: int
    records: int
    rejects: int
    linked: int
    unlinked: int
    changed: int
    reasons: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended is None else (self.ended - self.began).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An incident from one beginning to its end; one that is reopened has several.

    `told` is when the first message about it was sent, `answered` when somebody acknowledged it.
    """

    incident: int
    rule: str
    parameter: str
    domain: str
    severity: Severity
    worst: Status
    began: datetime
    ended: datetime | None = None
    told: datetime | None = None
    answered: datetime | None = None
    resolution: str = ""

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return titled(self.rule, self.parameter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything that was read, oldest first; `latest` is the newest result of each rule, worst first."""

    runs: tuple[Run, ...] = ()
    readings: Mapping[Id, tuple[Reading, ...]] = field(default_factory=dict)
    latest: tuple[Line, ...] = ()
    feeds: tuple[Feed, ...] = ()
    episodes: tuple[Episode, ...] = ()


def titled(rule: str, parameter: str) -> str:
    """A rule as reports name it."""
    return f"{rule}[{parameter}]" if parameter else rule
