"""Rules that depend on the day find on any day of the year what they find in February, also in a second season."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import Connection

from checks import Status
from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import Result
from checks.rules import words
from etl.tables import match_scores, schedule
from tests.checks.rules.ask import FIGURES, result
from tests.checks.rules.case import Case
from tests.checks.rules.conftest import Write
from tests.checks.rules.entries import FOREVER, NEVER, TODAY, TWO_TEAMS, Entry, match, played
from tests.checks.rules.test_catalogue import CASES

DAYS = (date(2025, 8, 31), date(2025, 9, 1), date(2025, 12, 31), date(2024, 2, 28), date(2024, 2, 29), date(2026, 3, 1))
SEASONAL = {
    "gap_in_league_schedule", "match_outside_season", "matches_in_schedule", "team_with_uneven_schedule",
    "team_without_schedule",
}  # fmt: skip
"""They look for the seasons in the schedule, whatever the day."""
ON_THE_DAY = {"fixture_without_result"}
"""What is due begins anew on the first of September."""
YEAR = 364


def arguments(case: Case) -> set[str]:
    return set(inspect.signature(case.rule).parameters)


TIMED = [case for case in CASES if str(case) in SEASONAL or arguments(case) & {"today", "now", "season_start"}]
PLAYED = {schedule, match_scores}
TWICE = [case for case in TIMED if any(entry.table in PLAYED for entry in (*case.good, *case.bad))
         and str(case) != "match_outside_season"]  # fmt: skip
"""A match that lies far from all others does so in each season."""


def figures(found: Result) -> tuple[str, int | None, int | None, float | None]:
    return found.error, found.count, found.total, found.value


@pytest.mark.parametrize("case", TIMED, ids=str)
def test_a_case_holds_on_any_day(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    def on(day: date) -> Result:
        days = (day - TODAY).days
        with loose.begin_nested() as savepoint:
            write(entry.moved(days) for entry in (*case.good, *case.bad))
            found = result(
                loose, catalogue, str(case), case.parameter, earlier=case.earlier, today=day, options=FIGURES
            )
            savepoint.rollback()
        return found

    days = [day for day in DAYS if str(case) not in ON_THE_DAY or day.month not in {8, 9}]

    assert {day: figures(on(day)) for day in days} == dict.fromkeys(days, figures(on(TODAY)))


def again(entries: Sequence[Entry]) -> list[Entry]:
    """Entries, and what was played, a year earlier."""
    return [*(entry.moved(-YEAR) for entry in entries if entry.table in PLAYED), *entries]


@pytest.mark.parametrize("case", TWICE, ids=str)
def test_a_case_holds_in_a_second_season(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    """A year that was the same before it makes nothing good and nothing bad."""
    with loose.begin_nested() as savepoint:
        write([*case.good, *case.bad])
        first = result(loose, catalogue, str(case), case.parameter, earlier=case.earlier, options=FIGURES)
        savepoint.rollback()
    write(again([*case.good, *case.bad]))

    second = result(loose, catalogue, str(case), case.parameter, earlier=case.earlier, options=FIGURES)

    assert (second.error, second.count, second.value) == (first.error, first.count, first.value)


@pytest.mark.parametrize(
    ("day", "first"),
    [
        (date(2025, 8, 31), date(2024, 9, 1)), (date(2025, 9, 1), date(2025, 9, 1)),
        (date(2025, 12, 31), date(2025, 9, 1)), (date(2026, 1, 1), date(2025, 9, 1)),
        (date(2024, 2, 29), date(2023, 9, 1)),
    ],
)  # fmt: skip
def test_a_season_starts_on_the_first_of_september(day: date, first: date) -> None:
    assert words.season_start(day) == first


@pytest.mark.parametrize(
    ("today", "due"),
    [
        (date(2025, 8, 31), ["2025-08-24"]), (date(2025, 9, 1), []), (date(2025, 9, 7), []),
        (date(2025, 9, 8), ["2025-09-01"]), (date(2025, 9, 9), ["2025-09-01", "2025-09-02"]),
    ],
)  # fmt: skip
def test_what_is_due_in_september(
    today: date, due: list[str], catalogue: Rules, loose: Connection, write: Write
) -> None:
    days = (date(2025, 8, 24), date(2025, 8, 25), date(2025, 8, 31), date(2025, 9, 1), date(2025, 9, 2))
    write([*TWO_TEAMS, *(match(1, 2, day) for day in days), played(1, 3)])

    found = result(loose, catalogue, "fixture_without_result", today=today)

    assert sorted(key["match_date"] for key in found.examples) == due


def test_where_no_match_is_set_for_a_real_day_there_is_no_last_one(
    catalogue: Rules, loose: Connection, write: Write
) -> None:
    write([*TWO_TEAMS, match(day=NEVER), match(day=FOREVER)])

    found = result(loose, catalogue, "hours_since_last_match_day")

    assert (found.status, found.value, found.note) == (Status.SKIPPED, None, "nothing to measure: no value")
