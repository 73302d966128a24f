"""The figures that have a course: one series of points for each.

Courses: a figure over time with its trend and what that leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.engine.authoring.thresholds import Above, Below, Threshold
from checks.engine.authoring.units import Limit, Measure, figure_text
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Id
from checks.engine.reporting.score import HEALTHY, WATCH
from checks.review.kpis import STANDARDS, Standard
from checks.review.trend import Crossing, Direction, Point, Trend, crossing, trend
from checks.review.values import Book, Reading, Run, titled


def figure_of(reading: Reading, threshold: Threshold | None) -> float | None:
    """The figure that a threshold judges: a metric's value, a share of rows, or a number of rows."""
    if reading.value is not None:
        return reading.value
    in_rows = isinstance(threshold, (Above, Below)) and threshold.unit is not Measure.PERCENT
    return reading.count if in_rows or reading.rate is None else reading.rate


def points_of(readings: Sequence[Reading], threshold: Threshold | None) -> list[Point]:
    """The measured figures of one rule; what was accepted is not what is usual."""
    figures = [(reading.at, figure_of(reading, threshold)) for reading in readings if not reading.accepted]
    return [(at, float(figure)) for at, figure in figures if figure is not None]


def limits_of(threshold: Threshold | None) -> tuple[tuple[str, Limit], ...]:
    """The fixed limits of a threshold by name, WARN first."""
    if not isinstance(threshold, (Above, Below)):
        return ()
    named = (("WARN", threshold.warn), ("CRITICAL", threshold.critical))
    return tuple((name, limit) for name, limit in named if limit is not None)


def main_runs(book: Book) -> tuple[Run, ...]:
    """The runs of the selection that is asked most often and widest: their scores can be compared."""
    weights: dict[str, float] = {}
    sizes = _sizes(book)
    for run in book.runs:
        weights[run.selection] = weights.get(run.selection, 0) + sizes.get(run.at, 0)
    if not weights:
        return ()
    chosen = max(weights, key=lambda selection: (weights[selection], selection))
    return tuple(run for run in book.runs if run.selection == chosen)


def score_points(runs: Sequence[Run]) -> list[Point]:
    """The course of the score."""
    return [(run.at, float(run.score)) for run in runs if run.score is not None]


def domain_points(runs: Sequence[Run], domain: str) -> list[Point]:
    """The course of a domain's score."""
    found = [(run.at, run.domains.get(domain)) for run in runs]
    return [(at, float(score)) for at, score in found if score is not None]


def standard_points(readings: Mapping[Id, Sequence[Reading]]) -> dict[str, list[Point]]:
    """The courses of the four daily metrics by key."""
    return {standard.key: _standard_points(standard, readings) for standard in STANDARDS}


def _standard_points(standard: Standard, readings: Mapping[Id, Sequence[Reading]]) -> list[Point]:
    by_moment: dict[object, list[Reading]] = {}
    for rule in standard.rules:
        for reading in readings.get((rule, ""), ()):
            by_moment.setdefault(reading.at, []).append(reading)
    figures = [(own[0].at, standard.of(own).value) for own in by_moment.values()]
    return sorted((at, figure) for at, figure in figures if figure is not None)


def _sizes(book: Book) -> dict[object, int]:
    """How many results a run has; the results of a run bear its moment."""
    sizes: dict[object, int] = {}
    for readings in book.readings.values():
        for reading in readings:
            sizes[reading.at] = sizes.get(reading.at, 0) + 1
    return sizes


BAND_LIMITS = (("watch", HEALTHY), ("critical", WATCH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
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
        """Whether there is more than one figure."""
        return len({value for _, value in self.points}) > 1

    def say(self, value: float) -> str:
        """A value of this figure in words."""
        return figure_text(value, self.unit) if self.unit else f"{value:,.4g}"

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
            f"(95 %: {self._pace(low)} to {self._pace(high)})"
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


def score_course(runs: Sequence[Run], until: datetime) -> Course:
    """The course of the score."""
    return _course("score", "Score", None, score_points(runs), until, BAND_LIMITS)


def domain_courses(runs: Sequence[Run], until: datetime) -> tuple[Course, ...]:
    """The courses of the domains' scores."""
    names = sorted({name for run in runs for name in run.domains})
    return tuple(_course(name, name, None, domain_points(runs, name), until, BAND_LIMITS) for name in names)


def standard_courses(book: Book, until: datetime) -> tuple[Course, ...]:
    """The courses of the four daily metrics, each towards its target."""
    points = standard_points(book.readings)
    return tuple(
        _course(one.key, one.title, Measure.PERCENT, points[one.key], until, (("target", one.target),))
        for one in STANDARDS
    )


def rule_courses(book: Book, rules: Rules, until: datetime) -> tuple[Course, ...]:
    """The courses of all rules that have a trend, those first that reach a limit soonest, then the steepest."""
    found = [course for course in _rule_courses(book, rules, until) if course.direction not in {None, Direction.STEADY}]
    return tuple(sorted(found, key=_urgency))


def _rule_courses(book: Book, rules: Rules, until: datetime) -> Iterator[Course]:
    for (rule, parameter), readings in sorted(book.readings.items()):
        threshold = rules[rule].threshold if rule in rules else None
        points = points_of(readings, threshold)
        if points:
            limits = limits_of(threshold)
            unit = limits[0][1].unit if limits else _unit(readings[-1].value)
            named = [(name, limit.value) for name, limit in limits]
            yield _course(rule, titled(rule, parameter), unit, points, until, named)


def _course(  # noqa: PLR0917 - a row of a table
    key: str, title: str, unit: Measure | None, points: Sequence[Point], until: datetime,
    limits: Iterable[tuple[str, float]],
) -> Course:  # fmt: skip
    found = trend(points, until)
    named = tuple(limits)
    ahead = [crossing(found, limit, name) for name, limit in named] if found else []
    crossings = sorted((one for one in ahead if one is not None), key=lambda one: one.on)
    return Course(
        key=key, title=title, unit=unit, points=tuple(points), trend=found, limits=named, crossings=tuple(crossings)
    )


def _unit(value: float | None) -> Measure | None:
    return Measure.ROWS if value is None else None


def _urgency(course: Course) -> tuple[object, ...]:
    soonest = course.crossings[0].on.timestamp() if course.crossings else float("inf")
    level = abs(course.trend.pivot[1]) if course.trend else 0.0
    steepness = abs(course.trend.per_day) / level if course.trend and level else 0.0
    return soonest, -steepness, course.title
