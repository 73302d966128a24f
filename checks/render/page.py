"""A report as one HTML file that needs no network and no script."""

from __future__ import annotations

from functools import cache

from jinja2 import Template

from checks.engine.report import Report
from checks.render.pages import environment, style
from checks.render.words import headline, headlines, remarks, tally, verdict

MOST = 60
"""Rules in trouble that are told in full; the rest is counted."""


def page(report: Report) -> str:
    """The HTML text: score, domains, what to look at and where, and a table of all rules, worst first."""
    return _template().render(
        report=report, style=style(), headline=headline(report), headlines=headlines(report), tally=tally(report),
        remarks=remarks(report), verdict=verdict, most=MOST,
    )  # fmt: skip


@cache
def _template() -> Template:
    return environment().get_template("run.html.j2")
