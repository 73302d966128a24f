"""The page: a template of which every value is cleaned, cut and escaped, whatever it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from checks.engine.authoring.units import Measure, figure_text
from checks.render.formats import environment, page_value, style
from checks.review.build import Review
from checks.review.html.plots import plot, sparkline
from checks.review.text import changes, sections
from checks.review.time_series import Course
from checks.review.trend import Direction
from checks.review.values import PeriodKind

MOST_ROWS = 60
"""Lines of one list that are shown; the rest is counted."""
MOST_PLOTS = 12
SHOWN = {PeriodKind.DAILY: 30, PeriodKind.WEEKLY: 60, PeriodKind.MONTHLY: 90, PeriodKind.QUARTERLY: 182}
"""Days that a plot shows at least."""
ARROWS = {Direction.RISING: "▲", Direction.FALLING: "▼", Direction.STEADY: "▬", None: "·"}


def render_html(review: Review) -> str:
    """The report as one HTML file: styles and plots inside, no script, no request."""
    return _environment().get_template("report.html.j2").render(_context(review))


def render_mail(review: Review) -> str:
    """The report as the HTML of an e-mail: text with headings, for mail programs know neither variables nor SVG."""
    told = {"review": review, "changes": list(changes(review)), "sections": list(sections(review))}
    return _environment().get_template("mail.html.j2").render(told)


def _context(review: Review) -> dict[str, Any]:
    since = review.period.until - timedelta(days=max(SHOWN[review.period.kind], review.period.days))
    return {
        "review": review,
        "style": style(),
        "score_plots": [
            ("wide", plot(review.score, width=920, height=230, since=since, alt=_alt(review.score))),
            ("narrow", plot(review.score, width=360, height=210, since=since, alt=_alt(review.score))),
        ] if len(review.score.points) > 1 else [],
        "plotted": [(one, _small(one, since)) for one in review.courses[:MOST_PLOTS]],
        "domain_plots": [(one, _small(one, since)) for one in review.domain_courses if one.moves],
        "sparks": {
            one.course.key: sparkline(one.course, since=since, alt=_alt(one.course)) for one in review.measures
        },
        "most": MOST_ROWS, "most_plots": MOST_PLOTS, "Unit": Measure,
    }  # fmt: skip


def _small(course: Course, since: datetime) -> Markup:
    return plot(course, width=350, height=190, since=since, alt=_alt(course))


def _alt(course: Course) -> str:
    latest = "" if course.latest is None else f", now {course.say(course.latest)}"
    ahead = f"; {course.forecast}" if course.forecast else ""
    return str(page_value(f"{course.title}{latest}; {course.said}{ahead}"))


@cache
def _environment() -> Environment:
    made = environment()
    made.filters |= {
        "arrow": ARROWS.__getitem__, "moment": _moment, "share": lambda value: figure_text(value, Measure.PERCENT),
        "span": lambda span: figure_text(span / timedelta(hours=1), Measure.HOURS),
    }  # fmt: skip
    return made


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
