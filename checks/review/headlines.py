"""What stands on top of a report: the four daily metrics, and how the score differs from the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checks.engine.report import Report
from checks.review.daily import STANDARDS, daily_figures
from checks.review.difference import difference
from checks.review.values import Reading, Run


def with_headlines(report: Report, before: tuple[Run, Sequence[Reading]] | None) -> Report:
    """The report with its figures, and with the difference to the run before, of the same selection."""
    asked = {result.rule for result in report.results}
    # a run about one domain says nothing of the metrics of others
    known = [standard.key for standard in STANDARDS if asked & set(standard.rules)]
    figures = tuple(figure for figure in daily_figures(report.results) if figure.key in known)
    return replace(report, figures=figures, difference=_difference(report, before))


def _difference(report: Report, before: tuple[Run, Sequence[Reading]] | None) -> str:
    if before is None or report.scoped:
        return ""
    units = {result.rule: result.unit for result in report.results}
    return str(difference((before[0].score, before[1]), (report.score, report.results), units))
