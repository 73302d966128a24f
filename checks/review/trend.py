"""Where a figure goes: a robust line with its confidence band, and the day on which it will cross a limit.

The line is that of Theil and Sen: a few outages in the window do not bend it. The window is the longest in which the
pace was steady, so that a ramp is not averaged with the calm before it, and a single step is not taken for a slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import TypeAlias

Point: TypeAlias = tuple[datetime, float]

WINDOWS = (90, 56, 28, 14)
"""In days; the first one in which the pace was steady is taken."""
FEWEST_POINTS = 7
CONFIDENCE = 0.95
CHANCE = 0.001
"""A slope that chance would give more often than this is none: there are a hundred rules, and each day is a new try."""
HORIZON = timedelta(days=180)
SECONDS_PER_DAY = 86_400


class Direction(StrEnum):
    """Where a figure goes."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line through the last days: `per_day`, and the slopes between which it lies at 95 % confidence.

    All lines of the band go through `pivot`, the middle of the window.
    """

    since: datetime
    until: datetime
    points: int
    per_day: float
    low: float
    high: float
    pivot: Point
    certain: bool

    @property
    def direction(self) -> Direction:
        """STEADY where the slope could as well be chance."""
        if not self.certain or not self.per_day:
            return Direction.STEADY
        return Direction.RISING if self.per_day > 0 else Direction.FALLING

    def at(self, moment: datetime, slope: float | None = None) -> float:
        """The figure on the line at a moment, on the middle one unless told another slope."""
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
    known = once_a_day(points)
    last: Trend | None = None
    for days in WINDOWS:
        window = [point for point in known if until - timedelta(days=days) < point[0] <= until]
        if len(window) < FEWEST_POINTS:
            break
        last = _line(window)
        if _steady(last, window):
            break
    return last


def crossing(found: Trend, limit: float, name: str) -> Crossing | None:
    """When the line crosses a limit that it has not crossed yet; None for never, or not within half a year."""
    if found.direction is Direction.STEADY:
        return None
    moment = _reaches(found, limit, found.per_day)
    if moment is None or not found.until < moment <= found.until + HORIZON:
        return None
    steepest, flattest = (found.high, found.low) if found.per_day > 0 else (found.low, found.high)
    earliest = _reaches(found, limit, steepest) or found.until
    return Crossing(
        limit=limit, name=name, on=moment, earliest=min(moment, max(earliest, found.until)),
        latest=_reaches(found, limit, flattest),
    )  # fmt: skip


def once_a_day(points: Sequence[Point]) -> list[Point]:
    """The last point of each day, oldest first."""
    return list({at.date(): (at, figure) for at, figure in sorted(points)}.values())


def _line(window: Sequence[Point]) -> Trend:
    from scipy.stats import kendalltau, theilslopes  # noqa: PLC0415 - takes a second to import

    days = [_days(at - window[0][0]) for at, _ in window]
    figures = [figure for _, figure in window]
    slope, _, low, high = theilslopes(figures, days, alpha=CONFIDENCE)
    middle = float(median(days))
    # among equal figures there is no order, and no chance either
    chance = float(kendalltau(days, figures).pvalue) if len(set(figures)) > 1 else 1.0
    # not scipy's own intercept, which takes the medians of time and figure apart: an outage would shift the line
    height = median(figure - slope * (day - middle) for day, figure in zip(days, figures, strict=True))
    pivot = window[0][0] + timedelta(days=middle), float(height)
    return Trend(
        since=window[0][0], until=window[-1][0], points=len(window), per_day=float(slope), low=float(low),
        high=float(high), pivot=pivot, certain=bool(chance < CHANCE and low * high > 0),
    )  # fmt: skip


def _steady(whole: Trend, window: Sequence[Point]) -> bool:
    """Whether both halves of a window could have the pace of the whole."""
    half = len(window) // 2
    if half < FEWEST_POINTS:
        return True
    parts = (_line(window[:half]), _line(window[half:]))
    slack = abs(whole.per_day) / 20
    return all(part.low - slack <= whole.per_day <= part.high + slack for part in parts)


def _reaches(found: Trend, limit: float, slope: float) -> datetime | None:
    if not slope or slope * found.per_day < 0:
        return None
    days = (limit - found.pivot[1]) / slope
    # beyond this a date cannot hold the moment
    return found.pivot[0] + timedelta(days=days) if abs(days) < 36_500 else None


def _days(span: timedelta) -> float:
    return span.total_seconds() / SECONDS_PER_DAY
