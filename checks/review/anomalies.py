"""Readings that lie far from their own past: median and MAD, the reading itself left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from statistics import median

from checks.engine.authoring.thresholds import FEWEST_FOR_DROP, FEWEST_FOR_OUTLIER, Drop, Outlier, outlier
from checks.engine.collecting.rules import Rules
from checks.review.values import Book, Period, Reading, titled

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
        return titled(self.rule, self.parameter)


def anomalies(book: Book, period: Period) -> tuple[Anomaly, ...]:
    """The unusual readings of a period, the newest of each rule, the farthest out first."""
    found = [own[-1] for readings in book.readings.values() if (own := list(_unusual(readings, period)))]
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


def _unusual(readings: Sequence[Reading], period: Period) -> Iterator[Anomaly]:
    known = [one for one in readings if not one.accepted and (one.value is not None or one.count is not None)]
    figures = [float(one.count or 0) if one.value is None else one.value for one in known]
    for number, (reading, figure) in enumerate(zip(known, figures, strict=True)):
        past = figures[max(0, number - JUDGE.window) : number]
        distance = JUDGE.distance(figure, past) if period.covers(reading.at) else None
        if distance is None or distance <= JUDGE.warn:
            continue
        usual = median(past)
        # four rows after five are no news, however quiet the past was: counts vary by their square root
        if reading.value is None and abs(figure - usual) <= JUDGE.warn * sqrt(max(usual, 1.0)):
            continue
        yield Anomaly(reading.at, reading.rule, reading.parameter, figure, usual, distance)
