"""Where the figures go: rules and domains over time, and single readings that lie far from what is usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from statistics import median
from typing import Any

from checks.engine.authoring.thresholds import outlier
from checks.engine.authoring.units import figure_text
from checks.engine.reporting.report import title_of
from checks.review.section import CellKind, Layout, Section, SectionColumn
from checks.review.time_series import TimeSeries, domain_series, rule_series, series_document
from checks.review.values import Period, PeriodKind, ReviewInputs
from checks.stored import StoredResult

JUDGE = outlier(warn=3.5, critical=7.0, window=14)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A reading that is `distance` usual deviations from the median of the 14 before it: bad rows, or a value."""

    at: datetime
    rule: str
    parameter: str
    value: float
    usual: float
    distance: float

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return title_of(self.rule, self.parameter)


def _anomalies(inputs: ReviewInputs) -> tuple[Anomaly, ...]:
    """The unusual readings of a period, the newest of each rule, the farthest out first."""
    groups = (list(_unusual(results, inputs.period)) for results in inputs.book.results.values())
    newest = [group[-1] for group in groups if group]
    return tuple(sorted(newest, key=lambda anomaly: (-anomaly.distance, anomaly.rule, anomaly.parameter)))


def _unusual(results: Sequence[StoredResult], period: Period) -> Iterator[Anomaly]:
    """Median and MAD of the readings before, the reading itself left out."""
    read = [one for one in results if not one.accepted and (one.value is not None or one.count is not None)]
    figures = [float(one.count or 0) if one.value is None else one.value for one in read]
    for number, (result, figure) in enumerate(zip(read, figures, strict=True)):
        baseline = figures[max(0, number - JUDGE.window) : number]
        distance = JUDGE.distance(figure, baseline) if period.covers(result.at) else None
        if distance is None or distance <= JUDGE.warn:
            continue
        usual = median(baseline)
        # four rows after five are no news, however quiet it was before: counts vary by their square root
        if result.value is None and abs(figure - usual) <= JUDGE.warn * sqrt(max(usual, 1.0)):
            continue
        yield Anomaly(result.at, result.rule, result.parameter, figure, usual, distance)


def _series_line(series: TimeSeries) -> str:
    return f"{series.title} {series.said}{f'; {series.forecast}' if series.forecast else ''}"


def _series_documents(series: Sequence[TimeSeries]) -> list[dict[str, Any]]:
    return [series_document(one) for one in series]


def _distance(anomaly: Anomaly) -> str:
    return "over 100" if anomaly.distance > 100 else f"{anomaly.distance:.1f}"


TRENDS = Section(
    key="trends", anchor="trends", title="Trends", place=50, shortest=PeriodKind.WEEKLY, empty="No rule has a trend.",
    rows=lambda inputs: rule_series(inputs.book, inputs.rules, inputs.period.until), layout=Layout.PLOTS, most=12,
    line=_series_line, document=_series_documents,
)  # fmt: skip

DOMAINS = Section(
    key="domain_trends", anchor="domains", title="Domains", place=60, shortest=PeriodKind.MONTHLY,
    empty="No domain has a score.", rows=lambda inputs: domain_series(inputs.runs, inputs.period.until),
    layout=Layout.PLOTS, most=24, line=_series_line, document=_series_documents,
)  # fmt: skip

ANOMALIES = Section(
    key="anomalies", anchor="anomalies", title="Out of the ordinary", place=70, shortest=PeriodKind.WEEKLY,
    empty="No reading was unusual.", rows=_anomalies,
    caption="Readings far from the median of the 14 before them, in usual deviations",
    columns=(
        SectionColumn("rule", lambda anomaly: anomaly.title, CellKind.NAME, to=lambda anomaly: ("rule", anomaly.rule)),
        SectionColumn("when", lambda anomaly: f"{anomaly.at:%Y-%m-%d %H:%M}"),
        SectionColumn("found", lambda anomaly: figure_text(anomaly.value, None), CellKind.NUMBER),
        SectionColumn("usual", lambda anomaly: figure_text(anomaly.usual, None), CellKind.NUMBER),
        SectionColumn("distance", _distance, CellKind.NUMBER),
    ),
    line=lambda anomaly: (
        f"{anomaly.at:%Y-%m-%d} {anomaly.title}: {figure_text(anomaly.value, None)}, "
        f"usually {figure_text(anomaly.usual, None)}"
    ),
)  # fmt: skip
