"""Stretches of trouble: from the run that saw a rule fail to the run that saw it well again, and which come back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.engine.levels import Status
from checks.review.periods import Period
from checks.review.values import Book, Reading, titled

AGAIN_AND_AGAIN = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """Runs in a row that saw a rule in trouble; `ended` None: it still is."""

    began: datetime
    ended: datetime | None
    worst: Status
    runs: int


@dataclass(frozen=True, slots=True)
class Recurring:
    """A rule that fails again and again."""

    rule: str
    parameter: str
    domain: str
    stretches: tuple[Stretch, ...]
    share: float

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return titled(self.rule, self.parameter)

    @property
    def said(self) -> str:
        """In words: how often, how much of the time, since when."""
        last = self.stretches[-1]
        now = "failing now" if last.ended is None else f"well since {last.ended:%Y-%m-%d}"
        return f"{len(self.stretches)} times, in {self.share:.0%} of the runs, last from {last.began:%Y-%m-%d}; {now}"


def stretches(readings: Sequence[Reading]) -> tuple[Stretch, ...]:
    """The stretches of trouble among some readings of one rule. What is SKIPPED ends none: it was not seen well."""
    return tuple(_stretches(readings))


def recurring(book: Book, period: Period) -> tuple[Recurring, ...]:
    """The rules that began to fail at least three times in a period, the most frequent first."""
    found = []
    for (rule, parameter), readings in book.readings.items():
        own = [reading for reading in readings if period.covers(reading.at)]
        parts = stretches(own)
        if len(parts) >= AGAIN_AND_AGAIN:
            share = sum(reading.trouble for reading in own) / len(own)
            found.append(Recurring(rule, parameter, own[0].domain, parts, share))
    return tuple(sorted(found, key=lambda one: (-len(one.stretches), -one.share, one.rule, one.parameter)))


def _stretches(readings: Sequence[Reading]) -> Iterator[Stretch]:
    running: list[Reading] = []
    for reading in readings:
        if reading.trouble:
            running.append(reading)
        elif running and (reading.status is Status.OK or reading.accepted):
            yield _stretch(running, reading.at)
            running = []
    if running:
        yield _stretch(running, None)


def _stretch(running: Sequence[Reading], ended: datetime | None) -> Stretch:
    worst = max((reading.status for reading in running), key=lambda status: status.rank)
    return Stretch(running[0].at, ended, worst, len(running))
