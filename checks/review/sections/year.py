"""The year: each month in a line, and which rules came and went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from checks.engine.authoring.units import Measure, Status, figure_text, number_of
from checks.review.section import CellKind, Section, SectionColumn
from checks.review.sections.process import SUCCESSFUL
from checks.review.values import PeriodKind, ReviewInputs
from checks.stored import StoredResult

MONTH_FORM = "%Y-%m"


@dataclass(frozen=True, slots=True)
class MonthReview:
    """One month: the score's median and lowest value, standards compliance (None without results), what happened."""

    month: str
    checks: int
    score: float | None
    lowest: float | None
    compliance: float | None
    opened: int
    critical: int
    resolved: int
    imports: int
    refused: int

    @property
    def kept(self) -> str:
        """The compliance as people say it."""
        return "" if self.compliance is None else figure_text(self.compliance, Measure.PERCENT)

    def __str__(self) -> str:
        score = "no score" if self.score is None else f"score {self.score:g}, lowest {self.lowest:g}"
        return (
            f"{self.month}: {score}; compliance {self.kept or 'unknown'}; {number_of(self.opened, 'incidents')}"
            f" ({self.critical} CRITICAL), {self.resolved} resolved; {number_of(self.imports, 'feeds')},"
            f" {self.refused} refused"
        )


def _months(inputs: ReviewInputs) -> tuple[MonthReview, ...]:
    """The months of the period in which something was measured, imported or opened, the newest first."""
    moments = [
        *(run.at for run in inputs.runs), *(feed.started_at for feed in inputs.book.feeds),
        *(incident.opened_at for incident in inputs.book.incidents),
    ]  # fmt: skip
    months = {f"{at:{MONTH_FORM}}" for at in moments if inputs.period.covers(at)}
    results: dict[str, list[StoredResult]] = {}
    for group in inputs.results.values():
        for result in group:
            results.setdefault(f"{result.at:{MONTH_FORM}}", []).append(result)
    return tuple(_month(inputs, month, results.get(month, [])) for month in sorted(months, reverse=True))


def _month(inputs: ReviewInputs, month: str, results: list[StoredResult]) -> MonthReview:
    def falls(at: datetime | None) -> bool:
        return at is not None and inputs.period.covers(at) and f"{at:{MONTH_FORM}}" == month

    runs = [run for run in inputs.runs if falls(run.at)]
    scores = [float(run.score) for run in runs if run.score is not None]
    asked = [result for result in results if result.status is not Status.SKIPPED]
    opened = [incident for incident in inputs.book.incidents if falls(incident.opened_at)]
    feeds = [feed for feed in inputs.book.feeds if falls(feed.started_at)]
    return MonthReview(
        month, len(runs), median(scores) if scores else None, min(scores, default=None),
        sum(not result.trouble for result in asked) / len(asked) if asked else None,
        len(opened), sum(incident.worst is Status.CRITICAL for incident in opened),
        sum(falls(incident.resolved_at) for incident in inputs.book.incidents),
        len(feeds), sum(feed.outcome not in SUCCESSFUL for feed in feeds),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleArrival:
    """A rule that was asked for the first time in a period, or for the last."""

    rule: str
    what: str
    at: datetime
    severity: str
    summary: str


def _rule_changes(inputs: ReviewInputs) -> tuple[RuleArrival, ...]:
    """The newest first. Rules of the very first check were not added: they came with the installation."""
    return tuple(sorted(_changes(inputs), key=lambda change: (-change.at.timestamp(), change.rule)))


def _changes(inputs: ReviewInputs) -> Iterator[RuleArrival]:
    dates = inputs.book.asked
    beginning = min((first for first, _ in dates.values()), default=None)
    for name, (first, last) in dates.items():
        rule = inputs.rules.get(name)
        words = (str(rule.severity), rule.summary) if rule else ("", "")
        if first != beginning and inputs.period.covers(first):
            yield RuleArrival(name, "added", first, *words)
        if rule is None and inputs.period.covers(last):
            yield RuleArrival(name, "asked for the last time", last, *words)


MONTHS = Section(
    key="months", anchor="months", title="Month by month", place=45, shortest=PeriodKind.ANNUAL,
    empty="Nothing happened in this period.", rows=_months,
    caption="Medians of the scores of each month; in order, for compliance, is what is OK or accepted",
    columns=(
        SectionColumn("month", lambda row: row.month, CellKind.NAME),
        SectionColumn("checks", lambda row: row.checks, CellKind.NUMBER),
        SectionColumn("score", lambda row: None if row.score is None else f"{row.score:.2f}", CellKind.NUMBER),
        SectionColumn("lowest", lambda row: None if row.lowest is None else f"{row.lowest:.2f}", CellKind.NUMBER),
        SectionColumn("compliance", lambda row: row.kept, CellKind.NUMBER),
        SectionColumn("incidents", lambda row: row.opened, CellKind.NUMBER),
        SectionColumn("CRITICAL", lambda row: row.critical, CellKind.NUMBER),
        SectionColumn("resolved", lambda row: row.resolved, CellKind.NUMBER),
        SectionColumn("feeds", lambda row: row.imports, CellKind.NUMBER),
        SectionColumn("refused", lambda row: row.refused, CellKind.NUMBER),
    ),
    line=str,
)  # fmt: skip

RULES_CHANGED = Section(
    key="rules_changed", anchor="rules-changed", title="Rules that came and went", navigation="New rules", place=154,
    shortest=PeriodKind.ANNUAL, empty="No rule came or went.", rows=_rule_changes,
    caption="By their first and last results, the newest first",
    columns=(
        SectionColumn("rule", lambda change: change.rule, CellKind.NAME, to=lambda change: ("rule", change.rule)),
        SectionColumn("what", lambda change: change.what),
        SectionColumn("when", lambda change: f"{change.at:%Y-%m-%d}"),
        SectionColumn("severity", lambda change: change.severity),
        SectionColumn("it says", lambda change: change.summary, CellKind.MUTED),
    ),
    line=lambda change: ": ".join(filter(None, [f"{change.at:%Y-%m-%d} {change.rule} {change.what}", change.summary])),
)  # fmt: skip
