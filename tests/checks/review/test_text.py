"""Reports as text and as JSON."""

from __future__ import annotations

import json

import pytest

from checks.review.render import render_text, review_document
from checks.review.values import PeriodKind
from tests.checks.review.conftest import Reviewed
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import FIRST

PLACE = {"count": 9, "of": 9, "rows": 10, "lift": 2.0, "text": ""}


def test_the_text_begins_with_what_matters_most(season: Plant, reviewed: Reviewed) -> None:
    lines = render_text(reviewed(PeriodKind.WEEKLY)).splitlines()

    assert lines[:3] == [
        "Rally Data Health, weekly report, 2025-06-23 07:00 to 2025-06-30 07:00",
        "Score 85.85 of 100: watch",
        "Since the last run: 85.88 -> 85.85: -0.03 standing without team, +1 row",
    ]
    assert "DAILY FIGURES" in lines
    assert "Schedule coverage 99.72 % (at least 99 %); steady since 2025-05-02" in lines


@pytest.mark.parametrize("kind", PeriodKind)
def test_every_report_is_json(season: Plant, reviewed: Reviewed, kind: PeriodKind) -> None:
    told = json.loads(json.dumps(review_document(reviewed(kind))))

    assert told["kind"] == kind
    assert told["run"]["score"] == 85.85
    assert [one["key"] for one in told["daily"]] == [
        "schedule_coverage", "rows_without_team_ids", "duplicate_rate", "orphan_rate",
    ]  # fmt: skip
    assert len(told["process"]) == 8


def test_a_report_without_any_run_says_so(reviewed: Reviewed) -> None:
    found = reviewed(PeriodKind.QUARTERLY, until=FIRST)

    assert "Score unknown: no health check has run" in render_text(found)
    assert review_document(found)["run"] is None


def test_a_metric_whose_past_is_too_short_is_told(plant: Plant, reviewed: Reviewed) -> None:
    plant.run(FIRST, {"matches_in_schedule": 7_000.0})

    assert "matches_in_schedule cannot fire yet: it needs 3 earlier readings to compare with, and has 0" in render_text(
        reviewed(PeriodKind.DAILY, until=FIRST)
    )


def test_hostile_data_steers_no_terminal(plant: Plant, reviewed: Reviewed) -> None:
    plant.run(
        FIRST, {"duplicate_match": (9, 10)}, clusters=[PLACE | {"where": {"league": "x\x1b[2J\u202e" + "y" * 10_000}}]
    )
    plant.imported(FIRST, league="\x1b]0;hacked\x07", outcome="failed", reasons=["a\nb\x00c".replace("\x00", "")])

    text = render_text(reviewed(PeriodKind.WEEKLY, until=FIRST))

    assert not {"\x1b", "\u202e", "\x07"} & set(text)
    assert max(map(len, text.splitlines())) < 400
