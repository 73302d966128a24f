"""Where a figure goes: a robust line with its confidence band, and the day on which it will cross a limit.

The line is that of Theil and Sen: a few outages in the window do not bend it. The window is the longest in which the
pace was steady, so that a ramp is not averaged with the calm before it, and a single step is not taken for a slope.
Nightly counts of one database hang on to those of the night before, so a slope is only called a trend where chance does
not give it to such figures, a random walk among them (`tests/benchmarks/bench_trend.py` measures how often it does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any, TypeAlias

Point: TypeAlias = tuple[datetime, float]

WINDOWS = (90, 56, 28, 14)
"""In days; the first one in which the pace was steady is taken."""
FEWEST_POINTS = 7
CONFIDENCE = 0.95
CHANCE = 0.0002
"""A slope that chance would give more often than this is none: there are a hundred rules, and each day is a new try."""
WALK = 4.4
"""An autocorrelation within so many standard errors of 1 may be that of a random walk; short windows always may."""
USUAL_DEVIATION = 1.4826
OUTAGE = 3.5
"""Figures farther off the line than so many usual deviations count as that far off: an outage is no noise."""
ROUNDING_ERROR = 1e-9
HORIZON = timedelta(days=180)
AHEAD_OF_WINDOW = 2
"""A forecast leads no farther than so many times the days that its line was drawn through."""
SECONDS_PER_DAY = 86_400


class Direction(StrEnum):
    """Where a figure goes."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line through the last days: `per_day`, and the slopes between which it lies at 95 % confidence.

    All lines of the band go through `pivot`, the middle of the window. `certain` says that chance hardly gives such a
    slope, `even` that both halves of the window have its pace: growth that quickens is no line to look ahead along.
    """

    since: datetime
    until: datetime
    points: int
    per_day: float
    low: float
    high: float
    pivot: Point
    certain: bool = False
    even: bool = True

    @property
    def direction(self) -> Direction:
        """STEADY where the slope could as well be chance."""
        if not self.certain or not self.per_day:
            return Direction.STEADY
        return Direction.RISING if self.per_day > 0 else Direction.FALLING

    def at(self, moment: datetime, slope: float | None = None) -> float:
        """The figure on the line at a moment, on the middle one unless another slope is given."""
        return self.pivot[1] + (self.per_day if slope is None else slope) * _days(moment - self.pivot[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """When a figure crosses a limit at its pace; `latest` None: perhaps never."""

    limit: float
    name: str
    on: datetime
    earliest: datetime
    latest: datetime | None

    def days(self, now: datetime) -> float:
        """The days from a moment until then."""
        return _days(self.on - now)


def trend(points: Sequence[Point], until: datetime) -> Trend | None:
    """The trend of a figure, of which the last point of each day counts; None with too few of them."""
    daily = once_a_day(points)
    last: tuple[Trend, Sequence[Point]] | None = None
    quickened = False
    for days in WINDOWS:
        window = [point for point in daily if until - timedelta(days=days) < point[0] <= until]
        if len(window) < FEWEST_POINTS:
            break
        line, halves = _line(window), _halves(window)
        if _steady(line, halves):
            return _tested(line, window, even=days > WINDOWS[-1] or not quickened)
        last = line, window
        quickened |= _quickened(halves)
    return None if last is None else _tested(*last, even=False)


def crossing(line: Trend, limit: float, name: str) -> Crossing | None:
    """When the line crosses a limit that it has not crossed yet.

    None for never, for later than half a year or twice the window, and for a pace that is not even.
    """
    if line.direction is Direction.STEADY or not line.even:
        return None
    moment = _reaches(line, limit, line.per_day)
    ahead = min(HORIZON, AHEAD_OF_WINDOW * (line.until - line.since))
    if moment is None or not line.until < moment <= line.until + ahead:
        return None
    steepest, flattest = (line.high, line.low) if line.per_day > 0 else (line.low, line.high)
    earliest = _reaches(line, limit, steepest) or line.until
    return Crossing(
        limit=limit, name=name, on=moment, earliest=min(moment, max(earliest, line.until)),
        latest=_reaches(line, limit, flattest),
    )  # fmt: skip


def once_a_day(points: Sequence[Point]) -> list[Point]:
    """The last point of each day, oldest first."""
    return list({at.date(): (at, figure) for at, figure in sorted(points)}.values())


def _line(window: Sequence[Point]) -> Trend:
    from scipy.stats import theilslopes  # noqa: PLC0415 - takes a second to import

    days = [_days(at - window[0][0]) for at, _ in window]
    figures = [figure for _, figure in window]
    slope, _, low, high = theilslopes(figures, days, alpha=CONFIDENCE)
    middle = float(median(days))
    # not scipy's own intercept, which takes the medians of time and figure apart: an outage would shift the line
    height = median(figure - slope * (day - middle) for day, figure in zip(days, figures, strict=True))
    return Trend(
        since=window[0][0], until=window[-1][0], points=len(window), per_day=float(slope), low=float(low),
        high=float(high), pivot=(window[0][0] + timedelta(days=middle), float(height)),
    )  # fmt: skip


def _tested(line: Trend, window: Sequence[Point], *, even: bool) -> Trend:
    """The line of a window, and whether chance hardly gives such a slope."""
    days = [_days(at - window[0][0]) for at, _ in window]
    off = [figure - line.at(at) for at, figure in window]
    certain = line.low * line.high > 0 and _chance(days, off, line.per_day) < CHANCE
    return replace(line, certain=certain, even=even)


def _chance(days: Sequence[float], off: Sequence[float], slope: float) -> float:
    """How often figures that go nowhere, but hang on to the day before, give a slope like this.

    `off` is how far each figure lies off the line. What one day hands on to the next is estimated from that and taken
    out (prewhitening); where it could be all of it, as in a random walk, the daily steps are tested instead.
    """
    import numpy as np  # noqa: PLC0415 - as scipy
    from scipy.stats import linregress, ttest_1samp  # noqa: PLC0415 - as above

    day, rest = np.array(days), np.array(off)
    spread = USUAL_DEVIATION * float(np.median(abs(rest)))
    if spread:
        rest = rest.clip(-OUTAGE * spread, OUTAGE * spread)
    if not abs(rest).max() > ROUNDING_ERROR * abs(slope) * (day[-1] - day[0]):
        return 0.0 if slope else 1.0
    figure, handed_on = slope * day + rest, _handed_on(rest - rest.mean())
    if handed_on > 1 - WALK / len(day) ** 0.5:
        return float(ttest_1samp(np.diff(figure) / np.diff(day), 0).pvalue)
    return float(linregress(day[1:] - handed_on * day[:-1], figure[1:] - handed_on * figure[:-1]).pvalue)


def _handed_on(rest: Any) -> float:
    """The share of a day's deviation that the next day has too, from 0 to 1: the first autocorrelation."""
    whole = float(rest[:-1] @ rest[:-1])
    return min(1.0, max(0.0, float(rest[1:] @ rest[:-1]) / whole)) if whole else 1.0


def _halves(window: Sequence[Point]) -> Sequence[Trend]:
    """The lines of both halves of a window; none where they are too short for one."""
    half = len(window) // 2
    return () if half < FEWEST_POINTS else (_line(window[:half]), _line(window[half:]))


def _steady(whole: Trend, halves: Sequence[Trend]) -> bool:
    """Whether both halves of a window could have the pace of the whole."""
    slack = abs(whole.per_day) / 20
    return all(half.low - slack <= whole.per_day <= half.high + slack for half in halves)


def _quickened(halves: Sequence[Trend]) -> bool:
    """Whether a figure that moved already moved faster later: not a ramp after a calm, but growth."""
    first, second = halves
    same = first.per_day * second.per_day > 0
    return same and first.low * first.high > 0 and abs(second.per_day) > abs(first.per_day)


def _reaches(line: Trend, limit: float, slope: float) -> datetime | None:
    if not slope:
        return None
    days = (limit - line.pivot[1]) / slope
    # beyond this a date cannot hold the moment
    return line.pivot[0] + timedelta(days=days) if abs(days) < 36_500 else None


def _days(span: timedelta) -> float:
    return span.total_seconds() / SECONDS_PER_DAY
