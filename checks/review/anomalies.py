"""Readings that lie far from their own past: median and MAD, the reading itself left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from checks.engine.rules import Rules
from checks.engine.trends import FEWEST_FOR_DROP, FEWEST_FOR_OUTLIER, Drop, Outlier, outlier
from checks.review.periods import Period
from checks.review.series import points_of
from checks.review.values import Book, titled

JUDGE = outlier(warn=3.5, critical=7.0, window=14)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A reading that is `distance` usual deviations from the median of the 14 before it."""

    at: datetime
    rule: str
    parameter: str
    value: float
    usual: float
    distance: float

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return titled(self.rule, self.parameter)


def anomalies(book: Book, rules: Rules, period: Period) -> tuple[Anomaly, ...]:
    """The unusual readings of a period, the newest of each rule, the farthest out first."""
    found: list[Anomaly] = []
    for (rule, parameter), readings in book.readings.items():
        points = points_of(readings, rules[rule].threshold if rule in rules else None)
        newest: Anomaly | None = None
        for number, (at, value) in enumerate(points):
            if period.covers(at):
                past = [figure for _, figure in points[max(0, number - JUDGE.window) : number]]
                distance = JUDGE.distance(value, past)
                if distance is not None and distance > JUDGE.warn:
                    newest = Anomaly(at, rule, parameter, value, median(past), distance)
        found.extend([newest] if newest else [])
    return tuple(sorted(found, key=lambda one: (-one.distance, one.rule, one.parameter)))


def too_short(book: Book, rules: Rules) -> Iterator[str]:
    """Sentences about rules that judge a metric on its past and have too little of it to fire."""
    for rule in rules.values():
        fewest = {Drop: FEWEST_FOR_DROP, Outlier: FEWEST_FOR_OUTLIER}.get(type(rule.threshold))
        if fewest is None:
            continue
        # the newest reading is the one that is judged
        readings = book.readings.get((rule.name, ""), ())
        earlier = max(0, sum(one.value is not None and not one.accepted for one in readings) - 1)
        if earlier < fewest:
            yield f"{rule.name} cannot fire yet: it needs {fewest} earlier readings to compare with, and has {earlier}"
