"""The figures that have a course: one series of points for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.engine.past import Id
from checks.engine.thresholds import Above, Below, Threshold
from checks.engine.units import Limit, Unit
from checks.review.daily import STANDARDS, Standard
from checks.review.trend import Point
from checks.review.values import Book, Reading, Run


def figure_of(reading: Reading, threshold: Threshold | None) -> float | None:
    """The figure that a threshold judges: a metric's value, a share of rows, or a number of rows."""
    if reading.value is not None:
        return reading.value
    in_rows = isinstance(threshold, (Above, Below)) and threshold.unit is not Unit.PERCENT
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
