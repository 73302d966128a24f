"""A review: all that a report says, before it is put into words or pictures.

Puts a review together. What stands in which report is decided here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from checks.engine.authoring.units import Figure, Measure, Status
from checks.engine.collecting.rules import Rules
from checks.review.anomalies import Anomaly, anomalies, too_short
from checks.review.compliance import Kept, by_owner, by_rule
from checks.review.difference import Difference, score_difference
from checks.review.imports import FeedReview, import_review
from checks.review.kpis import STANDARDS, process_figures
from checks.review.risks import Risks, risks
from checks.review.time_series import Course, domain_courses, main_runs, rule_courses, score_course, standard_courses
from checks.review.tuning import Proposal, Recurring, proposals, recurring
from checks.review.values import Book, Episode, Line, Period, PeriodKind, Reading, Run


@dataclass(frozen=True, slots=True)
class MetricReview:
    """One of the four daily metrics with its course."""

    figure: Figure
    course: Course


@dataclass(frozen=True, slots=True)
class SegmentReview:
    """A domain or a league: its score now, and before the period; None is unknown."""

    name: str
    score: float | None
    before: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a report is made of. Sections that a kind of report does not have are empty, and None where one is a whole.

    `run` is the newest run whose score can be compared with earlier ones, `step` how it differs from the one before,
    `change` how it differs from the last one before the period.
    """

    period: Period
    run: Run | None
    step: Difference | None
    change: Difference | None
    score: Course
    domains: tuple[SegmentReview, ...]
    leagues: tuple[SegmentReview, ...]
    measures: tuple[MetricReview, ...]
    process: tuple[Figure, ...]
    rules: tuple[Line, ...]
    open: tuple[Episode, ...]
    feeds: tuple[FeedReview, ...] = ()
    episodes: tuple[Episode, ...] = ()
    domain_courses: tuple[Course, ...] = ()
    courses: tuple[Course, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    recurring: tuple[Recurring, ...] = ()
    kept: tuple[Kept, ...] = ()
    owners: tuple[Kept, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    risks: Risks | None = None
    remarks: tuple[str, ...] = field(default_factory=tuple)

    @property
    def trouble(self) -> tuple[Line, ...]:
        """The rules that someone should look at, worst first."""
        return tuple(line for line in self.rules if line.reading.trouble)

    @property
    def headline(self) -> str:
        """The review in one line."""
        if self.run is None:
            return "Score unknown: no health check has run"
        score = "unknown" if self.run.score is None else f"{self.run.score} of 100"
        gross = "" if self.run.gross in {None, self.run.score} else f" (gross {self.run.gross})"
        return f"Score {score}{gross}: {self.run.band}"


LEAGUE_SEGMENT = "league"


def review(book: Book, rules: Rules, period: Period) -> Review:
    """The review of a period, a function of what was read and of the rules as they are."""
    runs = main_runs(book)
    newest = runs[-1] if runs else None
    units = {name: getattr(rule.threshold, "unit", None) for name, rule in rules.items()}
    earlier = [run for run in runs if run.at <= period.since]
    return Review(
        period=period, run=newest,
        step=_difference(book, runs[-2] if len(runs) > 1 else None, newest, units),
        change=_difference(book, earlier[-1] if earlier else None, newest, units),
        score=score_course(runs, period.until),
        domains=_parts(newest, earlier, lambda run: run.domains),
        leagues=_parts(newest, earlier, lambda run: run.parts.get(LEAGUE_SEGMENT, {})),
        measures=_measures(book, standard_courses(book, period.until)),
        process=process_figures(book, book.runs, period),
        rules=tuple(_known(line, rules) for line in book.latest),
        open=tuple(one for one in book.episodes if one.ended is None),
        remarks=tuple(_remarks(book, rules, newest)),
        **_sections(book, rules, period, runs),
    )  # fmt: skip


def _known(line: Line, rules: Rules) -> Line:
    rule = rules.get(line.reading.rule)
    if rule is None:
        return line
    unit = getattr(rule.threshold, "unit", None)
    return replace(line, summary=rule.summary, owner=rule.mark.owner, runbook=rule.mark.runbook, unit=unit)


def _sections(book: Book, rules: Rules, period: Period, runs: Sequence[Run]) -> dict[str, Any]:
    """Each kind of report has the sections of the shorter ones, and some of its own."""
    found: dict[str, Any] = {"feeds": import_review(book.feeds, period), "episodes": book.episodes}
    if period.kind is PeriodKind.DAILY:
        return found
    found["anomalies"] = anomalies(book, period)
    found["courses"] = rule_courses(book, rules, period.until)
    if period.kind is PeriodKind.WEEKLY:
        return found
    kept = by_rule(book, rules, period)
    found |= {
        "domain_courses": domain_courses(runs, period.until), "recurring": recurring(book, period), "kept": kept,
        "owners": by_owner(kept), "proposals": proposals(book, rules, period),
    }  # fmt: skip
    return found if period.kind is PeriodKind.MONTHLY else found | {"risks": risks(book, rules, period)}


def _difference(
    book: Book, before: Run | None, after: Run | None, units: Mapping[str, Measure | None]
) -> Difference | None:
    if before is None or after is None:
        return None
    return score_difference((before.score, _results(book, before)), (after.score, _results(book, after)), units)


def _results(book: Book, run: Run) -> list[Reading]:
    """The results of a run; they bear its moment."""
    return [one for readings in book.readings.values() for one in readings if one.at == run.at]


def _parts(newest: Run | None, earlier: Sequence[Run], of: Any) -> tuple[SegmentReview, ...]:
    if newest is None:
        return ()
    before = of(earlier[-1]) if earlier else {}
    return tuple(SegmentReview(name, score, before.get(name)) for name, score in sorted(of(newest).items()))


def _measures(book: Book, courses: Iterable[Course]) -> tuple[MetricReview, ...]:
    latest = [line.reading for line in book.latest]
    return tuple(MetricReview(standard.of(latest), course) for standard, course in zip(STANDARDS, courses, strict=True))


def _remarks(book: Book, rules: Rules, newest: Run | None) -> Iterable[str]:
    if newest is None:
        yield "no health check has run: rally-health check"
    yield from too_short(book, rules)
    unmeasured = [line.reading.title for line in book.latest if line.reading.status is Status.ERROR]
    if unmeasured:
        yield f"could not be measured: {', '.join(unmeasured)}"
