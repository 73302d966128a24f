"""Which of the stored nights a threshold would have alerted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.engine.judge import judge
from checks.engine.levels import Status
from checks.engine.measure import Reading as Measured
from checks.engine.past import Id
from checks.engine.thresholds import Threshold
from checks.review.values import Reading


@dataclass(frozen=True, slots=True)
class Night:
    """One stored reading: how it was judged, and how a threshold would judge it."""

    reading: Reading
    then: Status

    @property
    def at(self) -> datetime:
        """When it was read."""
        return self.reading.at


def backtest(history: Mapping[Id, Sequence[Reading]], threshold: Threshold) -> tuple[Night, ...]:
    """Judge every stored reading of a rule anew, oldest first, a metric on the past that it had on its night.

    Readings that were not measured stay what they were; rows that were waived one by one count as bad.
    """
    nights = [night for readings in history.values() for night in _nights(readings, threshold)]
    return tuple(sorted(nights, key=lambda night: (night.at, night.reading.parameter)))


def _nights(readings: Sequence[Reading], threshold: Threshold) -> Iterator[Night]:
    past: list[float] = []
    for reading in readings:
        if reading.status is Status.ERROR or (reading.count is None and reading.value is None):
            yield Night(reading, reading.status)
            continue
        figures = Measured(count=reading.count, total=reading.total, value=reading.value)
        yield Night(reading, judge(threshold, figures, past).status)
        if reading.value is not None and not reading.accepted:
            past.append(reading.value)
