"""Figures over time, each with its trend and forecast: the score, the domains, the daily metrics and every rule.

A time series is a figure with its points, the limits that it may cross, and what `trend` makes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks.engine.authoring.thresholds import Fixed, Threshold
from checks.engine.authoring.units import Limit, Measure, figure_text
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Id
from checks.engine.reporting.report import title_of
from checks.engine.reporting.score import HEALTHY, WATCH
from checks.review.kpis import STANDARDS, Standard
from checks.review.trend import Crossing, Direction, Point, Trend, crossing, trend
from checks.review.values import Book
from checks.stored import StoredResult, StoredRun


def figure_of(result: StoredResult, threshold: Threshold | None) -> float | None:
    """The figure that a threshold judges: a metric's value, a share of rows, or a number of rows."""
    if result.value is not None:
        return result.value
    in_rows = isinstance(threshold, Fixed) and threshold.unit is not Measure.PERCENT
    return result.count if in_rows or result.rate is None else result.rate


def points_of(results: Sequence[StoredResult], threshold: Threshold | None) -> list[Point]:
    """The measured figures of one rule; what was accepted is not what is usual."""
    figures = [(result.at, figure_of(result, threshold)) for result in results if not result.accepted]
    return [(at, float(figure)) for at, figure in figures if figure is not None]


def limits_of(threshold: Threshold | None) -> tuple[tuple[str, Limit], ...]:
    """The fixed limits of a threshold by name, WARN first."""
    if not isinstance(threshold, Fixed):
        return ()
    named = (("WARN", threshold.warn), ("CRITICAL", threshold.critical))
    return tuple((name, limit) for name, limit in named if limit is not None)


def comparable_runs(book: Book) -> tuple[StoredRun, ...]:
    """The runs of the selection that is asked most often and widest: their scores can be compared."""
    sizes = _sizes(book)
    weights: dict[str, int] = {}
    for run in book.runs:
        weights[run.selection] = weights.get(run.selection, 0) + sizes.get(run.id, 0)
    if not weights:
        return ()
    widest = max(weights, key=lambda selection: (weights[selection], selection))
    return tuple(run for run in book.runs if run.selection == widest)


def whole_checks(book: Book) -> tuple[StoredRun, ...]:
    """The runs that looked at the whole: each has at least half as many results as the widest."""
    sizes = _sizes(book)
    widest = max(sizes.values(), default=0)
    return tuple(run for run in book.runs if 2 * sizes.get(run.id, 0) >= widest)


def _sizes(book: Book) -> Mapping[str, int]:
    """How many results each run has."""
    return book.sizes or Counter(result.run for results in book.results.values() for result in results)


def score_points(runs: Sequence[StoredRun]) -> list[Point]:
    """The score over time."""
    return [(run.at, float(run.score)) for run in runs if run.score is not None]


def domain_points(runs: Sequence[StoredRun], domain: str) -> list[Point]:
    """A domain's score over time."""
    scores = [(run.at, run.domains.get(domain)) for run in runs]
    return [(at, float(score)) for at, score in scores if score is not None]


def standard_points(results: Mapping[Id, Sequence[StoredResult]]) -> dict[str, list[Point]]:
    """The daily metrics over time, by key."""
    return {standard.key: _standard_points(standard, results) for standard in STANDARDS}


def _standard_points(standard: Standard, results: Mapping[Id, Sequence[StoredResult]]) -> list[Point]:
    by_run: dict[str, list[StoredResult]] = {}
    for rule in standard.rules:
        for result in results.get((rule, ""), ()):
            by_run.setdefault(result.run, []).append(result)
    figures = [(group[0].at, standard.of(group).value) for group in by_run.values()]
    return sorted((at, figure) for at, figure in figures if figure is not None)


BAND_LIMITS = (("watch", HEALTHY), ("critical", WATCH))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """A figure over time. `unit` None: a bare number. `crossings` are limits that it will reach, the nearest first."""

    key: str
    title: str
    unit: Measure | None
    points: tuple[Point, ...]
    trend: Trend | None
    limits: tuple[tuple[str, float], ...] = ()
    crossings: tuple[Crossing, ...] = ()

    @property
    def direction(self) -> Direction | None:
        """Where it goes; None where that cannot be said."""
        return None if self.trend is None else self.trend.direction

    @property
    def latest(self) -> float | None:
        """The last figure."""
        return self.points[-1][1] if self.points else None

    @property
    def moves(self) -> bool:
        """Whether there is more than one figure; the page asks."""
        return len({value for _, value in self.points}) > 1

    def say(self, value: float) -> str:
        """A value of this figure in words."""
        return figure_text(value, self.unit)

    @property
    def said(self) -> str:
        """The trend in a sentence."""
        if self.trend is None:
            return "too few readings for a trend"
        if self.trend.direction is Direction.STEADY:
            return f"steady since {self.trend.since:%Y-%m-%d}"
        low, high = sorted((self.trend.low, self.trend.high), key=abs)
        return (
            f"{self.trend.direction} by {self._pace(self.trend.per_day)} a day since {self.trend.since:%Y-%m-%d} "
            f"(95 %: {self._pace(low)} to {self._pace(high)}){'' if self.trend.even else ', at a pace that changes'}"
        )

    @property
    def forecast(self) -> str:
        """What the pace leads to, in a sentence; empty when to nothing."""
        if self.trend is None or not self.crossings:
            return ""
        first = self.crossings[0]
        latest = "perhaps never" if first.latest is None else f"{first.latest:%Y-%m-%d}"
        days = first.days(self.trend.until)
        return (
            f"at this pace {first.name} ({self.say(first.limit)}) in {days:.0f} days, on {first.on:%Y-%m-%d} "
            f"(between {first.earliest:%Y-%m-%d} and {latest})"
        )

    def _pace(self, slope: float) -> str:
        if self.unit is Measure.PERCENT:
            return f"{abs(slope) * 100:.3g} points"
        return f"{abs(slope):.3g}" + (f" {self.unit}" if self.unit else "")


def score_series(runs: Sequence[StoredRun], until: datetime) -> TimeSeries:
    """The score over time."""
    return _series("score", "Score", None, score_points(runs), until, BAND_LIMITS)


def domain_series(runs: Sequence[StoredRun], until: datetime) -> tuple[TimeSeries, ...]:
    """The domains' scores over time."""
    names = sorted({name for run in runs for name in run.domains})
    return tuple(_series(name, name, None, domain_points(runs, name), until, BAND_LIMITS) for name in names)


def standard_series(book: Book, until: datetime) -> tuple[TimeSeries, ...]:
    """The daily metrics over time, each towards its target."""
    points = standard_points(book.results)
    return tuple(
        _series(one.key, one.title, Measure.PERCENT, points[one.key], until, (("target", one.target),))
        for one in STANDARDS
    )


def rule_series(book: Book, rules: Rules, until: datetime) -> tuple[TimeSeries, ...]:
    """All rules that have a trend, those first that reach a limit soonest, then the steepest."""
    moving = [one for one in _rule_series(book, rules, until) if one.direction not in {None, Direction.STEADY}]
    return tuple(sorted(moving, key=_urgency))


def _rule_series(book: Book, rules: Rules, until: datetime) -> Iterator[TimeSeries]:
    for (rule, _), results in sorted(book.results.items()):
        series = result_series(results, rules[rule].threshold if rule in rules else None, until)
        if series.points:
            yield series


def result_series(results: Sequence[StoredResult], threshold: Threshold | None, until: datetime) -> TimeSeries:
    """The figures of one rule and parameter over time, towards the limits of its threshold; `results` are not empty."""
    limits, newest = limits_of(threshold), results[-1]
    unit = limits[0][1].unit if limits else _unit(newest)
    named = [(name, limit.value) for name, limit in limits]
    title = title_of(newest.rule, newest.parameter)
    return _series(newest.rule, title, unit, points_of(results, threshold), until, named)


def _series(  # noqa: PLR0917 - a row of a table
    key: str, title: str, unit: Measure | None, points: Sequence[Point], until: datetime,
    limits: Iterable[tuple[str, float]],
) -> TimeSeries:  # fmt: skip
    line = trend(points, until)
    named = tuple(limits)
    ahead = [crossing(line, limit, name) for name, limit in named] if line else []
    crossings = sorted((one for one in ahead if one is not None), key=lambda one: one.on)
    return TimeSeries(
        key=key, title=title, unit=unit, points=tuple(points), trend=line, limits=named, crossings=tuple(crossings)
    )


def _unit(result: StoredResult) -> Measure | None:
    if result.value is not None:
        return None
    return Measure.ROWS if result.rate is None else Measure.PERCENT


def _urgency(series: TimeSeries) -> tuple[object, ...]:
    soonest = series.crossings[0].on.timestamp() if series.crossings else float("inf")
    level = abs(series.trend.pivot[1]) if series.trend else 0.0
    steepness = abs(series.trend.per_day) / level if series.trend and level else 0.0
    return soonest, -steepness, series.title


def series_document(series: TimeSeries) -> dict[str, Any]:
    """A time series as JSON has it."""
    line = series.trend
    return {
        "key": series.key,
        "title": series.title,
        "unit": None if series.unit is None else series.unit.value,
        "direction": None if series.direction is None else series.direction.value,
        "per_day": None if line is None else line.per_day,
        "between": None if line is None else [line.low, line.high],
        "said": series.said,
        "forecast": series.forecast or None,
        "crossings": [_crossing_document(crossing) for crossing in series.crossings],
        "points": [[at.isoformat(), value] for at, value in series.points],
    }


def _crossing_document(crossing: Crossing) -> dict[str, Any]:
    latest = crossing.latest
    return {
        "limit": crossing.limit,
        "name": crossing.name,
        "on": crossing.on.isoformat(),
        "earliest": crossing.earliest.isoformat(),
        "latest": None if latest is None else latest.isoformat(),
    }
