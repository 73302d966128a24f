"""Sections that only longer reports have: feedback, system, technology, the year, what became of proposals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from checks.engine.authoring.thresholds import Above
from checks.engine.authoring.units import limit_of
from checks.engine.collecting.rules import Rules
from checks.feedback import Complaint
from checks.review.reading import read_book
from checks.review.sections.feedback import BLIND_LEAGUES, COMPLAINTS
from checks.review.sections.surroundings import SYSTEM, TECHNOLOGY
from checks.review.sections.tuning import APPLIED
from checks.review.sections.year import MONTHS, RULES_CHANGED
from checks.review.surroundings import pinned, size_text
from checks.review.values import Book, Period, PeriodKind, ReviewInputs
from tests.checks.review.conftest import Reviewed
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def heard(number: int, league: str, seen: timedelta | None) -> Complaint:
    """A complaint of yesterday; `seen` is how long before it a rule had seen it, negative for after."""
    at = NOW - DAY
    rule = {} if seen is None else {"incident": 7, "rule": "twin_team", "seen_at": at - seen}
    return Complaint(id=number, at=at, league=league, team="", entered_by="kim", **rule)  # type: ignore[arg-type]


def test_what_no_rule_had_seen_stands_first_with_the_lead_of_the_others(catalogue: Rules) -> None:
    book = Book(complaints=(heard(1, "CITA", 2 * HOUR), heard(2, "CITA", None), heard(3, "NSTF", -HOUR)))
    inputs = ReviewInputs(book, catalogue, Period.of(PeriodKind.WEEKLY, NOW), ())

    assert [COMPLAINTS.text_of(row) for row in COMPLAINTS.rows(inputs)] == [
        "#2 2025-06-29 07:00 CITA: seen by no rule",
        "#3 2025-06-29 07:00 NSTF: seen only after it (twin_team #7, 1 h after)",
        "#1 2025-06-29 07:00 CITA: seen before it came (twin_team #7, 2 h before)",
    ]
    assert [str(row) for row in BLIND_LEAGUES.rows(inputs)] == [
        "CITA: 2 complaints, 1 seen before, 0 only after, 1 by no rule: #2",
        "NSTF: 1 complaint, 0 seen before, 1 only after, 0 by no rule",
    ]


def test_the_size_of_the_database_and_its_growth_are_told(plant: Plant, reviewed: Reviewed) -> None:
    for days, size in ((6, 30 * 2**20), (1, 40 * 2**20)):
        plant.run(NOW - days * DAY, {"twin_team": (0, 9)}, kept={"database_bytes": size})

    facts = {fact.what: fact for fact in reviewed(PeriodKind.WEEKLY).of(SYSTEM)}

    assert facts["database size"].detail == "grown by 10 MB in 5.0 days"
    assert facts["outbox"].said == "0 messages waiting"
    assert set(facts) == {
        "database server", "database size", "largest tables", "connections", "longest statements now", "longest rules",
        "outbox",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("size", "said"), [(512, "512 bytes"), (2048, "2 kB"), (13 * 2**20, "13 MB"), (-3 * 2**30, "-3 GB")]
)
def test_sizes_are_said_as_people_say_them(size: int, said: str) -> None:
    assert size_text(size) == said


def test_technology_is_compared_with_the_constraints(reviewed: Reviewed) -> None:
    rows = {row.name: row for row in reviewed(PeriodKind.ANNUAL).of(TECHNOLOGY)}

    assert rows["PostgreSQL"].remark.startswith("support ends 20")
    assert (rows["sqlalchemy"].version, rows["sqlalchemy"].fine) == (rows["sqlalchemy"].current, True)
    assert "pytest" not in rows


def test_pins_are_read_by_their_normal_names(tmp_path: Path) -> None:
    file = tmp_path / "constraints.txt"
    file.write_text("# made by freeze\nPyYAML==6.0.3\nprefect_dask==0.3.1 ; python_version > '3'\n")

    assert pinned(file) == {"pyyaml": "6.0.3", "prefect-dask": "0.3.1"}
    assert pinned(tmp_path / "none.txt") == {}


def test_a_month_is_told_by_its_runs_incidents_and_imports(season: Plant, reviewed: Reviewed) -> None:
    june, may, *_ = reviewed(PeriodKind.ANNUAL).of(MONTHS)

    assert (june.month, june.checks, may.month, may.checks) == ("2025-06", 29, "2025-05", 30)
    assert (june.imports, june.refused) == (28, 1)
    assert june.lowest is not None
    assert june.score is not None
    assert june.lowest < june.score


def test_a_rule_that_came_is_told_and_those_of_the_first_check_are_not(plant: Plant, reviewed: Reviewed) -> None:
    plant.run(NOW - 30 * DAY, {"twin_team": (0, 9)})
    plant.run(NOW - 3 * DAY, {"twin_team": (0, 9), "duplicate_team": (0, 9)})

    changes = reviewed(PeriodKind.ANNUAL).of(RULES_CHANGED)

    assert [(one.rule, one.what, one.at.date()) for one in changes] == [
        ("duplicate_team", "added", date(2025, 6, 27))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("today", "became"),
    [("1 %", "not applied"), ("80 %", "applied"), ("2 %", "changed to another limit")],
)
def test_what_became_of_a_proposal(plant: Plant, catalogue: Rules, today: str, became: str) -> None:
    for night in range(20):
        plant.run(NOW - (51 - night) * DAY, {"team_without_captain": (300, 600)})
    rule = catalogue["team_without_captain"]
    assert isinstance(rule.threshold, Above)
    threshold = replace(rule.threshold, warn=limit_of(today))
    rules = catalogue.only([replace(rule, mark=replace(rule.mark, threshold=threshold))])
    period = Period.of(PeriodKind.MONTHLY, NOW)
    inputs = ReviewInputs(read_book(plant.connection, period), rules, period, ())

    assert [(row.rule, row.was, row.proposed, row.what) for row in APPLIED.rows(inputs)] == [
        ("team_without_captain", "1 %", "80 %", became)
    ]
