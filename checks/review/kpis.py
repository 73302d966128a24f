"""The four metrics of the data quality standards that stand on top of every report.

How well the process works: figures measured from the tables, each with its target.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Protocol

from checks.engine.authoring.thresholds import Above
from checks.engine.authoring.units import Figure, Measure, Status, figure_text
from checks.review.values import Book, Episode, Feed, Period, Run
from checks.rules.thresholds import DUPLICATES, IMPORT_FAILURES, MISSING_TEAMS, NULL_IDS, ORPHANS, VALIDATION_COVERAGE


class Counted(Protocol):
    """A result, of a run or out of the history."""

    @property
    def rule(self) -> str: ...
    @property
    def parameter(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def count(self) -> int | None: ...
    @property
    def total(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Standard:
    """One metric: the bad rows of some rules among all rows. A `coverage` is what is not bad."""

    key: str
    title: str
    threshold: Above
    rules: tuple[str, ...]
    coverage: bool = False

    @property
    def target(self) -> float:
        """What the standards want."""
        limit = self.threshold.target
        assert limit is not None  # noqa: S101 - a test keeps it so
        return 1 - limit.value if self.coverage else limit.value

    def of(self, results: Iterable[Counted]) -> Figure:
        """The metric by these results; unknown where none of its rules was measured."""
        own = [result for result in results if result.rule in self.rules and not result.parameter]
        rate = pooled(own)
        unmeasured = sorted(set(self.rules) - {result.rule for result in own if result.count is not None})
        return Figure(
            key=self.key, title=self.title, value=1 - rate if self.coverage and rate is not None else rate,
            unit=Measure.PERCENT, target=self.target, at_least=self.coverage,
            detail=f"without {', '.join(unmeasured)}" if unmeasured and rate is not None else "",
        )  # fmt: skip


STANDARDS = (
    Standard("schedule_coverage", "Schedule coverage", MISSING_TEAMS, ("team_without_schedule",), coverage=True),
    Standard(
        "rows_without_team_ids", "Rows without team ids", NULL_IDS, ("match_without_teams", "match_with_one_team")
    ),
    Standard(
        "duplicate_rate", "Duplicate rate", DUPLICATES,
        ("duplicate_match", "duplicate_player", "duplicate_result", "duplicate_standing", "duplicate_team",
         "fixture_under_two_names", "twin_team"),
    ),
    Standard(
        "orphan_rate", "Orphan rate", ORPHANS,
        ("match_of_unknown_team", "player_of_unknown_team", "result_of_unknown_team", "team_of_unknown_club",
         "team_of_unknown_league", "team_of_unknown_series"),
    ),
)  # fmt: skip


def daily_figures(results: Iterable[Counted]) -> tuple[Figure, ...]:
    """The four metrics by the results of one run."""
    known = tuple(results)
    return tuple(standard.of(known) for standard in STANDARDS)


def pooled(results: Iterable[Counted]) -> float | None:
    """The bad rows of all rules among the rows of all domains; None without rows.

    Rules of one domain look at the same rows, each at those that concern it: the largest total stands for them all.
    """
    bad = 0
    totals: dict[str, int] = {}
    for result in results:
        if result.count is not None and result.total:
            bad += result.count
            totals[result.domain] = max(totals.get(result.domain, 0), result.total)
    return min(1.0, bad / sum(totals.values())) if totals else None


SUCCESSFUL = {"published", "unchanged"}
STILL_RUNNING = "running"
ACCEPTED = "accepted by a waiver"
COMPLIANCE = 0.95
"""Ours; the standards name no figure for their own compliance."""
HOUR = timedelta(hours=1)


def process_figures(book: Book, runs: Sequence[Run], period: Period) -> tuple[Figure, ...]:
    """All process metrics of a period; `runs` are all unscoped runs."""
    return (
        _import_success(book.feeds, period),
        _detection(book, period),
        _recovery(book.episodes, period),
        _response(book.episodes, period),
        _resolution(book.episodes, period),
        _validated(book.feeds, period),
        _frequency(runs, period),
        _compliance(book, period),
    )


def _import_success(feeds: Iterable[Feed], period: Period) -> Figure:
    own = [feed for feed in feeds if period.covers(feed.began) and feed.outcome != STILL_RUNNING]
    good = sum(feed.outcome in SUCCESSFUL for feed in own)
    limit = IMPORT_FAILURES.target
    assert limit is not None  # noqa: S101 - a test keeps it so
    return _share("import_success_rate", "Import success rate", good, len(own), 1 - limit.value, "feeds")


def _detection(book: Book, period: Period) -> Figure:
    """From the end of the first import that can have brought the dirt to the incident; the strictest reading."""
    spans, others = [], 0
    for episode in book.episodes:
        if period.covers(episode.began):
            brought = brought_by(episode, book)
            if brought is None:
                others += 1
            else:
                spans.append(episode.began - brought)
    detail = f"{others} incidents that no import can have brought" if others else ""
    return _spans("error_detection_time", "Error detection time", spans, HOUR, detail)


def brought_by(episode: Episode, book: Book) -> datetime | None:
    """When the first import ended that changed rows since the rule was last seen well; None without one."""
    readings = book.readings.get((episode.rule, episode.parameter), ())
    well = [reading.at for reading in readings if reading.status is Status.OK and reading.at < episode.began]
    ends = [feed.ended for feed in book.feeds if feed.ended and feed.changed and feed.ended <= episode.began]
    since = [ended for ended in ends if not well or ended > well[-1]]
    return min(since) if since else None


def _recovery(episodes: Iterable[Episode], period: Period) -> Figure:
    own = [one for one in episodes if one.worst is Status.CRITICAL]
    return _lasting("recovery_time", "Recovery time of CRITICAL incidents", own, 4 * HOUR, period)


def _resolution(episodes: Iterable[Episode], period: Period) -> Figure:
    own = [one for one in episodes if one.worst is not Status.CRITICAL]
    return _lasting("resolution_time", "Resolution time of other incidents", own, 24 * HOUR, period)


def _lasting(key: str, title: str, episodes: Iterable[Episode], target: timedelta, period: Period) -> Figure:
    known = list(episodes)
    ended = [one for one in known if one.ended and period.covers(one.ended) and one.resolution != ACCEPTED]
    late = sum(one.ended is None and period.until - one.began > target for one in known)
    detail = f"{late} still open and over it" if late else ""
    return _spans(key, title, [one.ended - one.began for one in ended if one.ended], target, detail)


def _response(episodes: Iterable[Episode], period: Period) -> Figure:
    """From the first message to the acknowledgement; what ended before its target needed no answer."""
    target = HOUR / 2
    told = [one for one in episodes if one.told and period.covers(one.told)]
    spans = [one.answered - one.told for one in told if one.answered and one.told]
    silent = sum(one.answered is None and (one.ended or period.until) - one.told > target for one in told if one.told)
    detail = f"{silent} never answered" if silent else ""
    return _spans("alert_response_time", "Alert response time", spans, target, detail)


def _validated(feeds: Iterable[Feed], period: Period) -> Figure:
    own = [feed for feed in feeds if feed.ended and period.covers(feed.ended) and feed.outcome in SUCCESSFUL]
    rows, seen = sum(feed.rows for feed in own), sum(feed.records + feed.rejects for feed in own)
    limit = VALIDATION_COVERAGE.target
    assert limit is not None  # noqa: S101 - a test keeps it so
    return _share("validation_coverage", "Validation coverage", seen, rows, limit.value, "rows")


def _frequency(runs: Iterable[Run], period: Period) -> Figure:
    own = [run for run in runs if period.covers(run.at)]
    days = len({run.today for run in own} & period.dates)
    moments = [period.since, *(run.at for run in own), period.until]
    longest = max(then - first for first, then in pairwise(moments))
    detail = f"longest pause {figure_text(longest / HOUR, Measure.HOURS)}"
    return _share("check_frequency", "Days with a health check", days, period.days, 1.0, "days", detail)


def _compliance(book: Book, period: Period) -> Figure:
    own = [one for group in book.readings.values() for one in group if period.covers(one.at)]
    asked = [one for one in own if one.status is not Status.SKIPPED]
    good = sum(not one.trouble for one in asked)
    return _share("standards_compliance", "Standards compliance", good, len(asked), COMPLIANCE, "results")


def _share(  # noqa: PLR0917 - a row of a table
    key: str, title: str, part: int, whole: int, target: float, what: str, detail: str = ""
) -> Figure:
    said = [f"{part:,} of {whole:,} {what}", detail] if whole else [f"no {what}", detail]
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
