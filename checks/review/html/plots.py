"""Plots as SVG that take their colours from the page, so that they are right in the dark and on paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from checks.engine.authoring.units import Measure
from checks.review.time_series import Course
from checks.review.trend import Crossing, Direction, Trend

# matplotlib knows no CSS: it draws in these colours, which are then put into the hands of the page
INK, CURVE, BAND, BOUND, GRID = "#010201", "#010202", "#010203", "#010204", "#010205"
COLORS = {INK: "var(--muted)", CURVE: "var(--accent)", BAND: "var(--accent)", BOUND: "var(--critical)",
          GRID: "var(--rule)"}  # fmt: skip
STYLE: Mapping[Any, Any] = {
    "svg.fonttype": "none", "font.size": 10.5, "axes.edgecolor": GRID, "axes.labelcolor": INK, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "axes.grid.axis": "y", "grid.color": GRID,
    "grid.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "xtick.major.size": 0, "ytick.major.size": 0, "path.simplify": True,
}  # fmt: skip
DPI = 72
AHEAD = 0.35
"""How far a forecast may lead beyond what was read, as a share of it."""


def plot(course: Course, *, width: int, height: int, since: datetime, alt: str) -> Markup:
    """A course with its trend, limits and forecast, `width` and `height` in pixels; `alt` says it in words."""
    points = [point for point in course.points if point[0] > since]
    # a salt of its own for each plot: ids of one page must not meet
    with mpl.rc_context({**STYLE, "svg.hashsalt": f"{course.key}{course.title}{width}"}):
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.plot([_number(at) for at, _ in points], [value for _, value in points], color=CURVE, linewidth=1.8,
                  marker="o" if len(points) < 20 else "", markersize=3)  # fmt: skip
        _draw_trend(axes, course)
        _draw_limits(axes, course, [value for _, value in points])
        _format(axes, course, width)
        return _embedded(figure, alt)


def sparkline(course: Course, *, since: datetime, alt: str) -> Markup:
    """The course alone, as small as a word."""
    points = [point for point in course.points if point[0] > since]
    if len(points) < 2:
        return Markup("")
    times, values = zip(*((at.timestamp(), value) for at, value in points), strict=True)
    xs, ys = _scaled(times, 100), _scaled(values, 24)
    line = " ".join(f"{x:.1f},{26 - y:.1f}" for x, y in zip(xs, ys, strict=True))
    return Markup(
        '<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(alt, line)


def _number(at: datetime) -> float:
    return float(date2num(at))  # type: ignore[no-untyped-call]


def _scaled(values: Sequence[float], size: float) -> list[float]:
    low, high = min(values), max(values)
    return [size * (value - low) / (high - low) if high > low else size / 2 for value in values]


def _draw_trend(axes: Axes, course: Course) -> None:
    found = course.trend
    if found is None or found.direction is Direction.STEADY:
        return
    end = _end(found, course.crossings[0] if course.crossings else None)
    moments = [found.since, found.pivot[0], found.until, end]
    xs = [_number(moment) for moment in moments]
    bounds = [sorted((found.at(moment, found.low), found.at(moment, found.high))) for moment in moments]
    axes.fill_between(xs, [low for low, _ in bounds], [high for _, high in bounds], color=BAND, alpha=0.16, linewidth=0)
    axes.plot(xs[:3], [found.at(moment) for moment in moments[:3]], color=CURVE, linewidth=1)
    axes.plot(xs[2:], [found.at(moment) for moment in moments[2:]], color=CURVE, linewidth=1, linestyle=(0, (3, 3)))


def _end(found: Trend, ahead: Crossing | None) -> datetime:
    if ahead is None:
        return found.until
    return min(ahead.on, found.until + max(timedelta(days=3), AHEAD * (found.until - found.since)))


def _draw_limits(axes: Axes, course: Course, values: Sequence[float]) -> None:
    """Limits that are near what was read; one far away would press the line flat."""
    low, high = axes.get_ylim()
    room = max(high - low, max(map(abs, values), default=0.0) * 0.05)
    for name, limit in course.limits:
        if low - room <= limit <= high + room:
            axes.axhline(limit, color=BOUND, linewidth=1, linestyle=(0, (5, 3)))
            axes.annotate(name, (1, limit), xycoords=("axes fraction", "data"), xytext=(-2, 2),
                          textcoords="offset points", ha="right", va="bottom", fontsize=9, color=BOUND)  # fmt: skip


def _format(axes: Axes, course: Course, width: int) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=max(6, width // 90))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.locator_params(axis="y", nbins=4)
    if course.unit is Measure.PERCENT:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.4g} %"))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.margins(x=0.01)


def _embedded(figure: Figure, alt: str) -> Markup:
    out = StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # a <style> inside an SVG is one of the whole page
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]+;? ?", "", text)
    # every plot calls its groups the same, and an id stands in a page once
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    # the page says how wide it is
    box = re.search(r'viewBox="[\d. ]+"', text)
    head = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(alt)}">'
    text = head + text[text.index(">") + 1 :]
    for drawn, wanted in COLORS.items():
        text = text.replace(drawn, wanted)
    return Markup(text)  # noqa: S704 - matplotlib escapes its texts, which are numbers, days and names of ours
