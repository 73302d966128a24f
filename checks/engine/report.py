"""What a run found: results, score, and what to make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

from checks.engine.document import document
from checks.engine.figures import Figure
from checks.engine.levels import Severity, Status
from checks.engine.past import Past
from checks.engine.results import Result
from checks.engine.score import FORMULA, WATCH, Band, Score
from checks.engine.waivers import Waiver


class FailOn(StrEnum):
    """Where the bar of a failed run lies."""

    CRITICAL = "critical"
    WARN = "warn"
    NEW = "new"
    NEVER = "never"


class Exit(IntEnum):
    """What a run of rules tells the shell."""

    HEALTHY = 0
    FAILED = 1
    PARTIAL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One evaluation of a selection of rules. Results stand worst first.

    `scoped` says that only some rows counted, such as those of one league. `parts` are scores by dimension, such as
    league, and label; `figures` what is steered by, `difference` the change since the run before in words, both put
    in by the caller.
    """

    run: str
    started: datetime
    finished: datetime
    today: date
    selection: str
    scoped: bool = False
    results: tuple[Result, ...]
    net: Score
    gross: Score
    formula: int = FORMULA
    snapshots: int = 1
    role: str | None = None
    role_wanted: str | None = None
    expired: tuple[Waiver, ...] = ()
    unused: tuple[Waiver, ...] = ()
    complaints: tuple[str, ...] = ()
    parts: Mapping[str, Mapping[str, Decimal | None]] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    difference: str = ""

    def as_past(self) -> Past:
        """What this report is for a later run, such as before and after a change in one transaction."""
        measured = [result for result in self.results if result.status.measured]
        return Past(
            statuses={result.id: result.status for result in measured},
            findings={result.id: result.findings for result in measured if result.findings is not None},
        )

    @property
    def score(self) -> Decimal | None:
        """0 to 100, accepted trouble left out; None when nothing was there to measure."""
        return self.net.value

    @property
    def band(self) -> Band:
        """What the score means."""
        return self.net.band

    @property
    def coverage(self) -> float:
        """The share of the selected rules that gave an answer, 0 without any."""
        measured = sum(result.status.measured for result in self.results)
        return measured / len(self.results) if self.results else 0.0

    @property
    def worst(self) -> Result | None:
        """The result to look at first; None when there is none."""
        return self.results[0] if self.results else None

    @property
    def trouble(self) -> tuple[Result, ...]:
        """What someone should look at, worst first."""
        return tuple(result for result in self.results if result.trouble)

    @property
    def metrics(self) -> Mapping[str, float]:
        """The values of all metrics by title."""
        return {result.title: result.value for result in self.results if result.value is not None}

    def by_status(self, status: Status) -> tuple[Result, ...]:
        """The results of one status, worst first."""
        return tuple(result for result in self.results if result.status is status)

    def of(self, rule: str, parameter: str = "") -> Result:
        """One result; KeyError when it is not in the report."""
        for result in self.results:
            if result.id == (rule, parameter):
                return result
        raise KeyError(f"no result of {rule!r}, parameter {parameter!r}")

    def counts(self) -> Mapping[Status, int]:
        """How many results there are of each status."""
        return Counter(result.status for result in self.results)

    def exit_code(self, fail_on: FailOn = FailOn.CRITICAL) -> Exit:
        """1 when the bar is missed or a waiver is over, 5 when something could not be measured, otherwise 0."""
        if fail_on is not FailOn.NEVER and (self.expired or self._fails(fail_on)):
            return Exit.FAILED
        unmeasured = any(result.status is Status.ERROR for result in self.trouble)
        return Exit.PARTIAL if unmeasured or self.score is None else Exit.HEALTHY

    def to_json(self) -> dict[str, Any]:
        """The document that `check --json` writes; its schema is `checks/schemas/check.schema.json`."""
        return document(self)

    def _fails(self, fail_on: FailOn) -> bool:
        if fail_on is FailOn.NEW:
            return any(result.is_new for result in self.trouble if result.status is not Status.ERROR)
        statuses = {Status.CRITICAL} if fail_on is FailOn.CRITICAL else {Status.CRITICAL, Status.WARN}
        low = self.score is not None and self.score < WATCH
        return low or any(result.status in statuses for result in self.trouble)


def worst_first(result: Result) -> tuple[int, int, int, Decimal, str, str]:
    """The order of a report: accepted trouble after the rest, then status, severity, points, name."""
    rank = result.status.rank if result.trouble else -1 if result.status is Status.OK else 0
    severity = list(Severity).index(result.severity)
    return (-rank, -result.status.rank, -severity, -result.points, result.rule, result.parameter)
