"""Small pictures as SVG that a page draws on the fly: a line as small as a word, a line with its limits, and bars.

They need no library and a millisecond each; the plots of `page` show trends and forecasts as well, and take a hundred.
Colours come from the page's styles, and every picture says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from checks.engine.reporting.score import band_of
from checks.review.time_series import TimeSeries

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 84, 8, 10, 24
TICKS = 5
SPARK = Markup(
    '<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label="{}">'
    '<polyline points="{}" vector-effect="non-scaling-stroke"/></svg>'
)
CHART = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
LINE = Markup('<polyline class="curve" points="{}"/>')
DOT = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="2.5"/>')
GRID_LINE = Markup(
    '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text x="{}" y="{:.1f}" class="end">{}</text>'
)
LIMIT = Markup(
    '<line class="limit" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text x="{}" y="{:.1f}" class="end bound">{}</text>'
)
MARK = Markup('<rect class="mark" x="{:.1f}" width="{:.1f}" y="{}" height="{}"><title>{}</title></rect>')
DAY = Markup('<text x="{:.1f}" y="{}" class="middle">{:%d %b}</text>')
BAR = Markup('<rect class="{}" x="{:.1f}" width="{:.1f}" y="{:.1f}" height="{:.1f}"/>')


@dataclass(frozen=True, slots=True)
class Marked:
    """A time that a chart marks, such as that of an incident; `until` None: it lasts."""

    since: datetime
    until: datetime | None
    title: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The window of a chart: from when to when, from which value to which."""

    since: datetime
    until: datetime
    low: float
    high: float

    def x(self, at: datetime) -> float:
        """The place of a moment, no farther than the edges."""
        span = (self.until - self.since).total_seconds() or 1.0
        share = (at - self.since).total_seconds() / span
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """The place of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def sparkline(series: TimeSeries, *, since: datetime, alt: str) -> Markup:
    """The series alone, as small as a word; empty with fewer than two figures."""
    points = [point for point in series.points if point[0] > since]
    if len(points) < 2:
        return Markup("")
    times, values = zip(*((at.timestamp(), value) for at, value in points), strict=True)
    xs, ys = _scaled(times, 100), _scaled(values, 24)
    return SPARK.format(alt, " ".join(f"{x:.1f},{26 - y:.1f}" for x, y in zip(xs, ys, strict=True)))


def _scaled(values: Sequence[float], size: float) -> list[float]:
    low, high = min(values), max(values)
    return [size * (value - low) / (high - low) if high > low else size / 2 for value in values]


def line_chart(
    series: TimeSeries, *, since: datetime, until: datetime, alt: str, marks: Iterable[Marked] = ()
) -> Markup:  # fmt: skip
    """The series with its limits, as wide as its page, and the times of `marks` behind it; empty without a figure."""
    points = [point for point in series.points if since < point[0] <= until]
    if not points:
        return Markup("")
    frame = _framed([value for _, value in points], [limit for _, limit in series.limits], since, until)
    parts = [_mark(frame, one) for one in marks if (one.until or until) > since and one.since < until]
    parts += _grid(frame, series)
    parts += [_limit(frame, name, limit) for name, limit in series.limits if frame.low <= limit <= frame.high]
    parts.append(LINE.format(" ".join(f"{frame.x(at):.1f},{frame.y(value):.1f}" for at, value in points)))
    if len(points) < TICKS * TICKS:
        parts += [DOT.format(frame.x(at), frame.y(value)) for at, value in points]
    return CHART.format(WIDTH, HEIGHT, alt, Markup("").join(parts))


def _framed(values: Sequence[float], limits: Sequence[float], since: datetime, until: datetime) -> Frame:
    """A frame that holds the values, and limits that are near: one far away would press the line flat."""
    low, high = min(values), max(values)
    room = max(high - low, abs(high) * 0.05, 1e-9)
    near = [limit for limit in limits if low - 2 * room <= limit <= high + 2 * room]
    low, high = min(low, *near) if near else low, max(high, *near) if near else high
    room = max(high - low, abs(high) * 0.05, 1e-9) * 0.06
    # what is never below nought, such as a share, has no room below it either
    return Frame(since, until, low - room if low < 0 or low > room else min(low, 0.0), high + room)


def _mark(frame: Frame, marked: Marked) -> Markup:
    left, right = frame.x(marked.since), frame.x(marked.until or frame.until)
    return MARK.format(left, max(2.0, right - left), TOP, HEIGHT - TOP - BOTTOM, marked.title)


def _grid(frame: Frame, series: TimeSeries) -> Iterator[Markup]:
    for number in range(TICKS - 1):
        value = frame.low + (frame.high - frame.low) * number / (TICKS - 2)
        yield _level(frame, value, series.say(float(f"{value:.3g}")))
    yield from _days(frame)


def _level(frame: Frame, value: float, said: str) -> Markup:
    y = frame.y(value)
    return GRID_LINE.format(LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, said)


def _days(frame: Frame) -> Iterator[Markup]:
    step = (frame.until - frame.since) / TICKS
    for number in range(TICKS):
        at = frame.since + step * number + step / 2
        yield DAY.format(frame.x(at), HEIGHT - 6, at)


def _limit(frame: Frame, name: str, limit: float) -> Markup:
    y = frame.y(limit)
    return LIMIT.format(LEFT, WIDTH - RIGHT, y, y, WIDTH - RIGHT - 2, y - 4, name)


Stack = tuple[datetime, int, int]


def stacked_bars(days: Sequence[Stack], *, since: datetime, until: datetime, alt: str) -> Markup:
    """What stood above and below the line on each day, such as new and fixed rows; empty where there was nothing."""
    shown = [day for day in days if since < day[0] <= until]
    top, bottom = max((day[1] for day in shown), default=0), max((day[2] for day in shown), default=0)
    if not top and not bottom:
        return Markup("")
    frame = Frame(since, until, -float(bottom), float(top))
    wide = max(1.5, (WIDTH - LEFT - RIGHT) / max((until - since) / timedelta(days=1), 1) * 0.7)
    parts = [part for day in shown for part in _bar(frame, day, wide)]
    ends = [_level(frame, value, f"{abs(value):,}") for value in sorted({top, 0, -bottom})]
    return CHART.format(WIDTH, HEIGHT, alt, Markup("").join([*ends, *parts, *_days(frame)]))


def _bar(frame: Frame, day: Stack, wide: float) -> Iterator[Markup]:
    at, above, below = day
    zero, left = frame.y(0), frame.x(at) - wide / 2
    if above:
        yield BAR.format("new", left, wide, frame.y(above), zero - frame.y(above))
    if below:
        yield BAR.format("fixed", left, wide, zero, frame.y(-below) - zero)


FIELDS = Markup('<path class="{}" d="{}"/>')
STRIP = Markup('<svg class="heat" viewBox="0 0 720 20" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>')


def heat_strip(days: Sequence[datetime], scores: Sequence[float | None]) -> Markup:
    """A score a day as a strip of colours; a day without one is left pale. Days of one colour are one path."""
    wide = WIDTH / max(len(days), 1)
    fields: dict[str, list[str]] = {}
    for number, score in enumerate(scores):
        field = f"M{number * wide:.1f} 0h{wide * 0.9:.1f}v20h-{wide * 0.9:.1f}z"
        fields.setdefault(band_of(score).value, []).append(field)
    known = [score for score in scores if score is not None]
    alt = f"lowest {min(known)}, highest {max(known)}" if known else "unknown on all days"
    paths = Markup("").join(FIELDS.format(band, "".join(parts)) for band, parts in fields.items())
    return STRIP.format(f"{len(days)} days: {alt}", paths)
