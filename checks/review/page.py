"""A report as one HTML file: a template that loops over the sections, and plots as SVG inside the page.

Every value is cleaned, cut and escaped by the templates, whatever it is. A plot takes its colours from the page, so
that it is right in the dark and on paper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from checks.render.formats import NOWHERE, PageLinks, environment, page_value, style
from checks.review.charts import sparkline
from checks.review.render import change_lines, text_sections
from checks.review.section import Review
from checks.review.time_series import TimeSeries
from checks.review.trend import Crossing, Direction, Trend
from checks.review.values import PeriodKind

SHOWN = {PeriodKind.DAILY: 30, PeriodKind.WEEKLY: 60, PeriodKind.MONTHLY: 90, PeriodKind.QUARTERLY: 182,
         PeriodKind.ANNUAL: 730}  # fmt: skip
"""Days that a plot shows at least."""


def render_html(review: Review, link: PageLinks = NOWHERE) -> str:
    """The report as one HTML file: styles and plots inside, no script, no request; `link` leads to pages."""
    days = max(SHOWN[review.period.kind], review.period.days)
    draw = Drawing(review.period.until - timedelta(days=days))
    return environment(link).get_template("report.html.j2").render(review=review, style=style(), draw=draw)


def render_mail(review: Review) -> str:
    """The report as the HTML of an e-mail: text with headings, for mail programs know neither variables nor SVG."""
    return (
        environment()
        .get_template("mail.html.j2")
        .render(review=review, changes=list(change_lines(review)), sections=list(text_sections(review)))
    )


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a template asks for a picture; all pictures of a page begin at one moment."""

    since: datetime

    def wide(self, series: TimeSeries) -> Markup:
        """A plot as wide as a desk's page."""
        return plot(series, width=920, height=230, since=self.since, alt=_alt(series))

    def narrow(self, series: TimeSeries) -> Markup:
        """The same for a phone."""
        return plot(series, width=360, height=210, since=self.since, alt=_alt(series))

    def small(self, series: TimeSeries) -> Markup:
        """One plot of several that stand side by side."""
        return plot(series, width=350, height=190, since=self.since, alt=_alt(series))

    def spark(self, series: TimeSeries) -> Markup:
        """A line as small as a word."""
        return sparkline(series, since=self.since, alt=_alt(series))


def _alt(series: TimeSeries) -> str:
    latest = "" if series.latest is None else f", now {series.say(series.latest)}"
    ahead = f"; {series.forecast}" if series.forecast else ""
    return str(page_value(f"{series.title}{latest}; {series.said}{ahead}"))


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


def plot(series: TimeSeries, *, width: int, height: int, since: datetime, alt: str) -> Markup:
    """A time series with its trend, limits and forecast, `width` and `height` in pixels; `alt` says it in words."""
    points = [point for point in series.points if point[0] > since]
    # a salt of its own for each plot: ids of one page must not meet
    with mpl.rc_context({**STYLE, "svg.hashsalt": f"{series.key}{series.title}{width}"}):
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.plot([_number(at) for at, _ in points], [value for _, value in points], color=CURVE, linewidth=1.8,
                  marker="o" if len(points) < 20 else "", markersize=3)  # fmt: skip
        _draw_trend(axes, series)
        _draw_limits(axes, series, [value for _, value in points])
        _format(axes, series, width)
        return _embedded(figure, alt)


def _number(at: datetime) -> float:
    return float(date2num(at))  # type: ignore[no-untyped-call]


def _draw_trend(axes: Axes, series: TimeSeries) -> None:
    line = series.trend
    if line is None or line.direction is Direction.STEADY:
        return
    end = _end(line, series.crossings[0] if series.crossings else None)
    moments = [line.since, line.pivot[0], line.until, end]
    xs = [_number(moment) for moment in moments]
    bounds = [sorted((line.at(moment, line.low), line.at(moment, line.high))) for moment in moments]
    axes.fill_between(xs, [low for low, _ in bounds], [high for _, high in bounds], color=BAND, alpha=0.16, linewidth=0)
    axes.plot(xs[:3], [line.at(moment) for moment in moments[:3]], color=CURVE, linewidth=1)
    axes.plot(xs[2:], [line.at(moment) for moment in moments[2:]], color=CURVE, linewidth=1, linestyle=(0, (3, 3)))


def _end(line: Trend, ahead: Crossing | None) -> datetime:
    if ahead is None:
        return line.until
    return min(ahead.on, line.until + max(timedelta(days=3), AHEAD * (line.until - line.since)))


def _draw_limits(axes: Axes, series: TimeSeries, values: Sequence[float]) -> None:
    """Limits that are near what was read; one far away would press the line flat."""
    low, high = axes.get_ylim()
    room = max(high - low, max(map(abs, values), default=0.0) * 0.05)
    for name, limit in series.limits:
        if low - room <= limit <= high + room:
            axes.axhline(limit, color=BOUND, linewidth=1, linestyle=(0, (5, 3)))
            axes.annotate(name, (1, limit), xycoords=("axes fraction", "data"), xytext=(-2, 2),
                          textcoords="offset points", ha="right", va="bottom", fontsize=9, color=BOUND)  # fmt: skip


def _format(axes: Axes, series: TimeSeries, width: int) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=max(6, width // 90))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.locator_params(axis="y", nbins=4)
    if series.unit is Measure.PERCENT:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.4g} %"))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.margins(x=0.01)


def _embedded(figure: Figure, alt: str) -> Markup:
    out = StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = _undressed(out.getvalue())
    # the page says how wide it is
    box = re.search(r'viewBox="[\d. ]+"', text)
    head = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(alt)}">'
    text = head + text[text.index(">") + 1 :]
    for drawn, wanted in COLORS.items():
        text = text.replace(drawn, wanted)
    return Markup(text)  # noqa: S704 - matplotlib escapes its texts, which are numbers, days and names of ours


def _undressed(text: str) -> str:
    """A drawing without what would say something of the whole page."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # a <style> inside an SVG is one of the whole page
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]+;? ?", "", text)
    # every plot calls its groups the same, and an id stands in a page once
    return re.sub(r'<g id="[^"]*"', "<g", text)
