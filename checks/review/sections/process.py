"""How well the process works: process metrics with their targets, the imports of each feed, and the incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from checks.documents import plain_value
from checks.engine.authoring.units import Figure, Measure, Status, figure_text, number_of
from checks.engine.reporting.report import figure_document
from checks.review.section import CellKind, Section, SectionColumn
from checks.review.time_series import whole_checks
from checks.review.values import Book, Feed, IncidentRecord, Period, ReviewInputs
from checks.rules.thresholds import IMPORT_FAILURES, VALIDATION_COVERAGE

SUCCESSFUL = {"published", "unchanged"}
STILL_RUNNING = "running"
ACCEPTED = "accepted "
"""How the resolution of an incident begins that was not repaired: by a waiver, or as usual from then on."""
COMPLIANCE = 0.95
"""Ours; the standards name no figure for their own compliance."""
HOUR = timedelta(hours=1)
VERDICTS = {True: "met", False: "missed", None: "unknown"}


def _process_figures(inputs: ReviewInputs) -> tuple[Figure, ...]:
    book, period = inputs.book, inputs.period
    return (
        _import_success(book.feeds, period),
        _detection(book, period),
        _recovery(book.incidents, period),
        _response(book.incidents, period),
        _resolution(book.incidents, period),
        _validated(book.feeds, period),
        _frequency(inputs),
        _compliance(inputs),
    )


def _import_success(feeds: Iterable[Feed], period: Period) -> Figure:
    ended = [feed for feed in feeds if period.covers(feed.started_at) and feed.outcome != STILL_RUNNING]
    good = sum(feed.outcome in SUCCESSFUL for feed in ended)
    limit = IMPORT_FAILURES.target
    assert limit is not None  # noqa: S101 - a test keeps it so
    return _share("import_success_rate", "Import success rate", good, len(ended), 1 - limit.value, "feeds")


def _detection(book: Book, period: Period) -> Figure:
    """From the end of the first import that can have brought the dirt to the incident; the strictest reading."""
    spans, others = [], 0
    for incident in book.incidents:
        if period.covers(incident.opened_at):
            brought = brought_by(incident, book)
            if brought is None:
                others += 1
            else:
                spans.append(incident.opened_at - brought)
    detail = f"{number_of(others, 'incidents')} that no import can have brought" if others else ""
    return _spans("error_detection_time", "Error detection time", spans, HOUR, detail)


def brought_by(incident: IncidentRecord, book: Book) -> datetime | None:
    """When the first import ended that changed rows since the rule was last seen well; None without one."""
    results = book.results.get((incident.rule, incident.parameter), ())
    well = [result.at for result in results if result.status is Status.OK and result.at < incident.opened_at]
    ends = [
        feed.finished_at
        for feed in book.feeds
        if feed.finished_at and feed.changed and feed.finished_at <= incident.opened_at
    ]
    since = [ended for ended in ends if not well or ended > well[-1]]
    return min(since) if since else None


def _recovery(incidents: Iterable[IncidentRecord], period: Period) -> Figure:
    critical = [incident for incident in incidents if incident.worst is Status.CRITICAL]
    return _lasting("recovery_time", "Recovery time of CRITICAL incidents", critical, 4 * HOUR, period)


def _resolution(incidents: Iterable[IncidentRecord], period: Period) -> Figure:
    others = [incident for incident in incidents if incident.worst is not Status.CRITICAL]
    return _lasting("resolution_time", "Resolution time of other incidents", others, 24 * HOUR, period)


def _lasting(key: str, title: str, incidents: Sequence[IncidentRecord], target: timedelta, period: Period) -> Figure:
    spans = [
        incident.resolved_at - incident.opened_at for incident in incidents
        if incident.resolved_at and period.covers(incident.resolved_at) and not incident.resolution.startswith(ACCEPTED)
    ]  # fmt: skip
    late = sum(incident.resolved_at is None and period.until - incident.opened_at > target for incident in incidents)
    detail = f"{late} still open and over it" if late else ""
    return _spans(key, title, spans, target, detail)


def _response(incidents: Iterable[IncidentRecord], period: Period) -> Figure:
    """From the first message about a CRITICAL incident to the acknowledgement; what ended in time needed no answer."""
    target, spans, silent = HOUR / 2, [], 0
    for incident in incidents:
        if (
            incident.worst is not Status.CRITICAL
            or incident.notified_at is None
            or not period.covers(incident.notified_at)
        ):
            continue
        if incident.acknowledged_at is not None:
            spans.append(incident.acknowledged_at - incident.notified_at)
        else:
            silent += (incident.resolved_at or period.until) - incident.notified_at > target
    detail = f"{silent} never answered" if silent else ""
    return _spans("alert_response_time", "Alert response time", spans, target, detail)


def _validated(feeds: Iterable[Feed], period: Period) -> Figure:
    done = [
        feed for feed in feeds if feed.finished_at and period.covers(feed.finished_at) and feed.outcome in SUCCESSFUL
    ]
    rows, seen = sum(feed.rows for feed in done), sum(feed.records + feed.rejects for feed in done)
    limit = VALIDATION_COVERAGE.target
    assert limit is not None  # noqa: S101 - a test keeps it so
    return _share("validation_coverage", "Validation coverage", seen, rows, limit.value, "rows")


def _frequency(inputs: ReviewInputs) -> Figure:
    """Days with a check of the whole, of the days since the installation: before it nothing could be missed.

    The day of the installation counts where it had a check; without one its night is still to come.
    """
    period, installed = inputs.period, inputs.book.installed
    since = period.since if installed is None else min(max(period.since, installed), period.until)
    checks = [run for run in whole_checks(inputs.book) if period.covers(run.at)]
    with_check = {run.today for run in checks} & period.dates
    dates = {day for day in period.dates if installed is None or day > installed.date()} | with_check
    days = len(with_check)
    longest = max(then - first for first, then in pairwise([since, *(run.at for run in checks), period.until]))
    detail = f"longest pause {figure_text(longest / HOUR, Measure.HOURS)}"
    return _share("check_frequency", "Days with a health check", days, len(dates), 1.0, "days", detail)


def _compliance(inputs: ReviewInputs) -> Figure:
    asked = [one for group in inputs.results.values() for one in group if one.status is not Status.SKIPPED]
    good = sum(not one.trouble for one in asked)
    return _share("standards_compliance", "Standards compliance", good, len(asked), COMPLIANCE, "results")


def _share(  # noqa: PLR0917 - a row of a table
    key: str, title: str, part: int, whole: int, target: float, what: str, detail: str = ""
) -> Figure:
    said = [f"{part:,} of {number_of(whole, what)}", detail] if whole else [f"no {what}", detail]
    return Figure(
        key=key, title=title, value=part / whole if whole else None, unit=Measure.PERCENT, target=target, at_least=True,
        detail="; ".join(filter(None, said)),
    )  # fmt: skip


def _spans(key: str, title: str, spans: Sequence[timedelta], target: timedelta, detail: str) -> Figure:
    """The median of some time spans; what lasts too long and is not over yet counts as missed."""
    hours = [span / HOUR for span in spans]
    within = sum(span <= target for span in spans)
    said = (
        [f"{within} of {len(spans)} in time, longest {figure_text(max(hours), Measure.HOURS)}"] if spans else ["none"]
    )
    return Figure(
        key=key, title=title, value=median(hours) if hours else None, unit=Measure.HOURS, target=target / HOUR,
        detail="; ".join(filter(None, [*said, detail])),
    )  # fmt: skip


REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReview:
    """One feed over a period. `reasons` are why it was not published, the most frequent first."""

    kind: str
    league: str
    imports: int
    published: int
    unchanged: int
    blocked: int
    failed: int
    rows: int
    rejects: int
    unlinked: int
    changed: int
    seconds: float | None
    slowest: float | None
    last_at: datetime | None
    reasons: tuple[str, ...]

    @property
    def title(self) -> str:
        """The feed as reports name it."""
        return f"{self.kind} of {self.league}"

    @property
    def refused(self) -> int:
        """How often it was not published."""
        return self.blocked + self.failed


def _feed_reviews(inputs: ReviewInputs) -> tuple[FeedReview, ...]:
    """Every feed that was imported in a period, those with trouble first."""
    groups: dict[tuple[str, str], list[Feed]] = {}
    for feed in inputs.book.feeds:
        if inputs.period.covers(feed.started_at):
            groups.setdefault((feed.kind, feed.league), []).append(feed)
    reviews = [_reviewed(kind, league, feeds) for (kind, league), feeds in groups.items()]
    return tuple(sorted(reviews, key=lambda feed: (-feed.refused, feed.kind, feed.league)))


def _reviewed(kind: str, league: str, feeds: Sequence[Feed]) -> FeedReview:
    outcomes = Counter(feed.outcome for feed in feeds)
    ended = [feed for feed in feeds if feed.outcome in SUCCESSFUL]
    taken = [feed.seconds for feed in feeds if feed.outcome == "published" and feed.seconds is not None]
    reasons = Counter(
        reason for feed in feeds if feed.outcome not in SUCCESSFUL | {STILL_RUNNING} for reason in feed.reasons
    )
    return FeedReview(
        kind=kind, league=league, imports=len(feeds), published=outcomes["published"],
        unchanged=outcomes["unchanged"], blocked=outcomes["blocked"], failed=outcomes["failed"],
        rows=ended[-1].rows if ended else 0, rejects=sum(feed.rejects for feed in ended),
        unlinked=ended[-1].unlinked if ended else 0, changed=sum(feed.changed for feed in ended),
        seconds=median(taken) if taken else None, slowest=max(taken, default=None),
        last_at=ended[-1].finished_at if ended else None,
        reasons=tuple(name for name, _ in reasons.most_common(REASONS)),
    )  # fmt: skip


def _feed_line(feed: FeedReview) -> str:
    return (
        f"{feed.title}: {number_of(feed.imports, 'imports')}, {feed.refused} refused, {number_of(feed.rows, 'rows')}, "
        f"{number_of(feed.rejects, 'rejects')}, {feed.unlinked:,} unlinked"
    )


def _incident_line(incident: IncidentRecord) -> str:
    ended = (
        "open" if incident.resolved_at is None else f"ended after {_span(incident.resolved_at - incident.opened_at)}"
    )
    notified = _after(incident.opened_at, incident.notified_at)
    told = f"notified after {notified}" if notified else "not notified"
    return f"{incident.worst:8} {incident.title} #{incident.id}, {incident.opened_at:%Y-%m-%d %H:%M}, {told}, {ended}"


def _after(began: datetime | None, ended: datetime | None) -> str:
    return "" if began is None or ended is None else _span(ended - began)


def _span(span: timedelta) -> str:
    return figure_text(span / HOUR, Measure.HOURS)


def _incident_documents(incidents: Sequence[IncidentRecord]) -> list[dict[str, Any]]:
    """Oldest first."""
    return [plain_value(incident) | {"title": incident.title} for incident in reversed(incidents)]


PROCESS_METRICS = Section(
    key="process", anchor="process", title="How well the process works", navigation="Process", place=80,
    empty="Nothing is known of the process.", rows=_process_figures,
    caption="Process metrics of this period. In order, for standards compliance, is a result that is OK or accepted",
    columns=(
        SectionColumn("metric", lambda figure: figure.title, CellKind.NAME),
        SectionColumn("value", lambda figure: figure.said),
        SectionColumn("target", lambda figure: figure.aim),
        SectionColumn("verdict", lambda figure: VERDICTS[figure.met], CellKind.BADGE),
        SectionColumn("measured", lambda figure: figure.detail, CellKind.MUTED),
    ),
    line=lambda figure: f"{figure}: {figure.detail}",
    document=lambda figures: [figure_document(figure) for figure in figures],
)  # fmt: skip

IMPORTS = Section(
    key="feeds", anchor="imports", title="Imports", place=90, empty="Nothing was imported.", rows=_feed_reviews,
    caption="Imports of each feed in this period",
    columns=(
        SectionColumn(
            "feed", lambda feed: feed.title, CellKind.NAME, to=lambda feed: ("feed", f"{feed.kind}/{feed.league}")
        ),
        SectionColumn("imports", lambda feed: feed.imports, CellKind.NUMBER),
        SectionColumn("published", lambda feed: feed.published, CellKind.NUMBER),
        SectionColumn("unchanged", lambda feed: feed.unchanged, CellKind.NUMBER),
        SectionColumn("refused", lambda feed: feed.refused, CellKind.NUMBER),
        SectionColumn("rows", lambda feed: feed.rows, CellKind.NUMBER),
        SectionColumn("rejects", lambda feed: feed.rejects, CellKind.NUMBER),
        SectionColumn("unlinked", lambda feed: feed.unlinked, CellKind.NUMBER),
        SectionColumn("changed", lambda feed: feed.changed, CellKind.NUMBER),
        SectionColumn("seconds", lambda feed: None if feed.seconds is None else f"{feed.seconds:.1f}", CellKind.NUMBER),
        SectionColumn("refused because", lambda feed: "; ".join(feed.reasons), CellKind.MUTED),
    ),
    line=_feed_line,
)  # fmt: skip

INCIDENTS = Section(
    key="incidents", anchor="incidents", title="Incidents", place=100, empty="There were none.",
    rows=lambda inputs: inputs.book.incidents[::-1],
    caption="Incidents that were open in this period, newest first",
    columns=(
        SectionColumn(
            "incident", lambda incident: f"{incident.title} #{incident.id}", CellKind.NAME,
            to=lambda incident: ("incident", incident.id),
        ),
        SectionColumn("worst", lambda incident: incident.worst, CellKind.BADGE),
        SectionColumn("began", lambda incident: f"{incident.opened_at:%Y-%m-%d %H:%M}"),
        SectionColumn(
            "notified after", lambda incident: _after(incident.opened_at, incident.notified_at) or "not notified"
        ),
        SectionColumn(
            "acknowledged after",
            lambda incident: _after(incident.notified_at or incident.opened_at, incident.acknowledged_at),
        ),
        SectionColumn("ended after", lambda incident: _after(incident.opened_at, incident.resolved_at) or "open"),
    ),
    line=_incident_line, document=_incident_documents,
)  # fmt: skip
