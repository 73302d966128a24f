"""What a report is a function of: the period that it is about, and everything that was read of the history.

All of it is plain and frozen; moments are in the time zone of the period's end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from checks.engine.authoring.units import Severity, Status
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Id
from checks.engine.reporting.report import title_of
from checks.feedback import Complaint
from checks.stored import StoredResult, StoredRun


class PeriodKind(StrEnum):
    """The reviews that there are."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    ANNUAL = "annual"

    @property
    def days(self) -> int:
        """How many days it looks back on."""
        return {
            PeriodKind.DAILY: 1, PeriodKind.WEEKLY: 7, PeriodKind.MONTHLY: 30, PeriodKind.QUARTERLY: 91,
            PeriodKind.ANNUAL: 365,
        }[self]  # fmt: skip

    def includes(self, shorter: PeriodKind) -> bool:
        """Whether it has the sections of another kind: each report has those of the shorter ones."""
        return self.days >= shorter.days


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed of one import run. `finished_at` None: it is still running, or was killed."""

    run: int
    kind: str
    league: str
    outcome: str
    started_at: datetime
    finished_at: datetime | None
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
        return None if self.finished_at is None else (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """An incident from one beginning to its end; one that is reopened has several records.

    `id` is its number, `notified_at` when the first message about it was sent.
    """

    id: int
    rule: str
    parameter: str
    domain: str
    severity: Severity
    worst: Status
    opened_at: datetime
    resolved_at: datetime | None = None
    notified_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolution: str = ""

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return title_of(self.rule, self.parameter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that a person did and answers for: accepted, allowed, stopped, repaired, acknowledged, and since when.

    `ended_at` is when it was withdrawn or undone, None while it holds or where it cannot be ended.
    """

    at: datetime
    by: str
    kind: str
    what: str
    reason: str = ""
    until: date | None = None
    ended_at: datetime | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class SystemFact:
    """One thing that the work stands on, as it is; `fine` None where there is nothing to judge."""

    what: str
    said: str
    detail: str = ""
    fine: bool | None = None


@dataclass(frozen=True, slots=True)
class Technology:
    """A program or library in use; `current` is the version that it is tested with, empty where none is named."""

    name: str
    version: str
    current: str
    remark: str = ""
    fine: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything that was read, oldest first; `latest` is the newest result of each rule, worst first.

    `runs` are comparable: those that are not are `apart`. `installed` is the moment of the first check or import.
    `sizes` is how many results each run has, where not all of them were read. `asked` is when each rule was asked for
    the first and for the last time, `limits` what it was judged by at the end of the period before, in words. What only
    longer reports tell of is empty in shorter ones.
    """

    runs: tuple[StoredRun, ...] = ()
    apart: tuple[StoredRun, ...] = ()
    results: Mapping[Id, tuple[StoredResult, ...]] = field(default_factory=dict)
    latest: tuple[StoredResult, ...] = ()
    feeds: tuple[Feed, ...] = ()
    incidents: tuple[IncidentRecord, ...] = ()
    deeds: tuple[Deed, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    system: tuple[SystemFact, ...] = ()
    technology: tuple[Technology, ...] = ()
    asked: Mapping[str, tuple[datetime, datetime]] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    installed: datetime | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)  # no slots: what is computed once is kept in the instance
class ReviewInputs:
    """What each section of a report is made from. `runs` are those whose scores can be compared, oldest first."""

    book: Book
    rules: Rules
    period: Period
    runs: tuple[StoredRun, ...]

    @property
    def newest(self) -> StoredRun | None:
        """The run that the report stands on."""
        return self.runs[-1] if self.runs else None

    @property
    def before(self) -> StoredRun | None:
        """The last run before the period."""
        return next((run for run in reversed(self.runs) if run.at <= self.period.since), None)

    @cached_property
    def results(self) -> dict[Id, list[StoredResult]]:
        """The results of the period, for each rule and parameter that has some."""
        within = {
            id_: [result for result in results if self.period.covers(result.at)]
            for id_, results in self.book.results.items()
        }
        return {id_: results for id_, results in within.items() if results}
