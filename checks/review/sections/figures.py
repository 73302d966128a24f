"""The figures that a reader steers by: the four daily metrics, and the scores of domains and leagues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.engine.authoring.units import Figure
from checks.engine.reporting.report import figure_document
from checks.review.kpis import STANDARDS
from checks.review.section import Layout, Section
from checks.review.time_series import TimeSeries, series_document, standard_series
from checks.review.values import ReviewInputs
from checks.stored import StoredRun

LEAGUE_SEGMENT = "league"
WORST_LEAGUES = 10
Scores = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class DailyMetric:
    """One of the four daily metrics with its history."""

    figure: Figure
    series: TimeSeries


@dataclass(frozen=True, slots=True)
class SegmentScore:
    """A domain or a league: its score now, and before the period; None is unknown."""

    name: str
    score: float | None
    before: float | None

    def __str__(self) -> str:
        was = "" if self.before in {None, self.score} else f", was {self.before}"
        return f"{self.name}: {'unknown' if self.score is None else self.score}{was}"


def _daily_metrics(inputs: ReviewInputs) -> tuple[DailyMetric, ...]:
    series = standard_series(inputs.book, inputs.period.until)
    return tuple(
        DailyMetric(standard.of(inputs.book.latest), own) for standard, own in zip(STANDARDS, series, strict=True)
    )


def _segments(inputs: ReviewInputs, scores_of: Callable[[StoredRun], Scores]) -> tuple[SegmentScore, ...]:
    if inputs.newest is None:
        return ()
    before = {} if inputs.before is None else scores_of(inputs.before)
    return tuple(
        SegmentScore(name, score, before.get(name)) for name, score in sorted(scores_of(inputs.newest).items())
    )


def _leagues_worst_first(inputs: ReviewInputs) -> tuple[SegmentScore, ...]:
    segments = _segments(inputs, lambda run: run.parts.get(LEAGUE_SEGMENT, {}))
    return tuple(sorted(segments, key=lambda part: (part.score is None, part.score, part.name)))


def _metrics_document(metrics: Sequence[DailyMetric]) -> list[dict[str, Any]]:
    return [figure_document(metric.figure) | {"trend": series_document(metric.series)} for metric in metrics]


DAILY_FIGURES = Section(
    key="daily", anchor="figures", title="Daily figures", navigation="Figures", place=10,
    empty="No figure is measured.", rows=_daily_metrics, layout=Layout.FIGURES,
    line=lambda metric: f"{metric.figure}; {metric.series.said}", document=_metrics_document,
)  # fmt: skip

BY_DOMAIN = Section(
    key="domain_scores", anchor="by-domain", title="By domain", place=20, empty="No domain has a score.",
    rows=lambda inputs: _segments(inputs, lambda run: run.domains), layout=Layout.BARS, line=str,
)  # fmt: skip

BY_LEAGUE = Section(
    key="league_scores", anchor="by-league", title="By league", place=30, empty="No league has a score of its own.",
    rows=_leagues_worst_first, layout=Layout.BARS, line=str, most=WORST_LEAGUES,
    to=lambda part: ("league", part.name),
)  # fmt: skip
