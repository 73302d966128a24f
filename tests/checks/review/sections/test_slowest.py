"""The section about the slowest rules of a period."""

from __future__ import annotations

from datetime import timedelta

from checks.review.render import render_text
from checks.review.sections.slowest import SLOWEST_RULES
from checks.review.values import PeriodKind
from tests.checks.review.conftest import Reviewed
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NOW

FIGURES = {"duplicate_match": (0, 100), "twin_team": (0, 100)}


def test_the_slowest_by_their_median_stand_first(plant: Plant, reviewed: Reviewed) -> None:
    for night, seconds in enumerate((0.2, 9.0, 0.4)):
        plant.run(NOW - timedelta(days=3 - night), {"duplicate_match": (0, 100)}, seconds=seconds)
        plant.run(NOW - timedelta(days=3 - night, hours=-1), {"twin_team": (0, 100)}, seconds=0.5)

    rows = reviewed(PeriodKind.MONTHLY).of(SLOWEST_RULES)

    assert [(row.rule, row.runs, row.median, row.longest, row.last) for row in rows] == [
        ("twin_team", 3, 0.5, 0.5, 0.5), ("duplicate_match", 3, 0.4, 9.0, 0.4),
    ]  # fmt: skip


def test_runs_before_the_period_do_not_count(plant: Plant, reviewed: Reviewed) -> None:
    plant.run(NOW - timedelta(days=40), FIGURES, seconds=60.0)
    plant.run(NOW - timedelta(days=1), FIGURES, seconds=0.25)

    report = reviewed(PeriodKind.MONTHLY)

    assert [(row.runs, row.longest) for row in report.of(SLOWEST_RULES)] == [(1, 0.25), (1, 0.25)]
    assert "duplicate_match: runs 1, median 0.25 s, longest 0.25 s, last 0.25 s" in render_text(report)
