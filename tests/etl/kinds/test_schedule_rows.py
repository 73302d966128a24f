"""Rows of schedules."""

from __future__ import annotations

from datetime import date, time

import pytest

from etl.kinds.schedules import SCHEDULES, Fixture
from etl.records import Reject
from tests.etl.kinds.rows import FIXTURE, PRACTICE, check, reason, without

DAY = "MM/DD/YYYY, YYYY-MM-DD or DD-Mon-YY between 1990 and 2100"


def fixture(row: object, league: str = "all") -> Fixture:
    record = check(SCHEDULES, row, league=league)
    assert isinstance(record, Fixture), record
    return record


def test_a_match_is_taken_as_scraped() -> None:
    assert fixture(FIXTURE) == Fixture(
        0, "APTA_CHICAGO", "Chicago 1", date(2024, 9, 24), time(18, 30), "Winnetka - 1", "Glen Ellyn - 1", "Glen Ellyn",
        "match",
    )  # fmt: skip


def test_the_oldest_layout_has_no_series() -> None:
    assert fixture(without(FIXTURE, "series")).series is None


def test_double_spaces_stay_in_names() -> None:
    assert fixture({**FIXTURE, "home_team": "Lake Forest  S1 - Series 1"}).home_team == "Lake Forest  S1 - Series 1"


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_an_empty_time_is_no_time(empty: str | None) -> None:
    assert fixture({**FIXTURE, "time": empty}).match_time is None


@pytest.mark.parametrize("side", ["home_team", "away_team"])
def test_a_bye_is_known_for_what_it_is(side: str) -> None:
    assert fixture({**FIXTURE, side: "BYE - 11"}).kind == "bye"


def test_a_club_whose_name_begins_with_bye_is_a_club() -> None:
    assert fixture({**FIXTURE, "home_team": "Byefield - 11"}).kind == "match"


def test_a_practice_is_named_after_club_and_series() -> None:
    assert fixture(PRACTICE) == Fixture(
        0, "APTA_CHICAGO", "Chicago 22", date(2025, 5, 27), time(20, 30), "Tennaqua Practice - Chicago 22", "", None,
        "practice",
    )  # fmt: skip


def test_a_practice_of_a_series_that_several_leagues_have_is_of_no_league() -> None:
    assert fixture({**PRACTICE, "Series": "Series 2B"}).league is None
    assert fixture({**PRACTICE, "Series": "Series 2B"}, league="NSTF").league == "NSTF"


def test_a_side_that_names_no_team_is_still_a_row() -> None:
    """It cannot be linked, and is reported for that; a reject would hide the fixture."""
    assert fixture({**FIXTURE, "home_team": " - 9 SW"}).home_team == " - 9 SW"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"date": "13/45/2024"}, f"date is '13/45/2024', expected {DAY}"),
        ({"date": None}, f"date is missing, expected {DAY}"),
        ({"date": 20240924}, f"date is a number of seven digits or more, expected {DAY}"),
        ({"time": "25:00"}, "time is '25:00', expected a time such as 06:30 pm or 18:30"),
        ({"home_team": ""}, "home_team is missing"),
        ({"away_team": "   "}, "away_team is missing"),
        ({"away_team": None}, "away_team is missing"),
        ({"home_team": ["a"]}, "home_team is an array, expected text"),
        ({"home_team": "x" * 201}, "home_team is 201 characters long, at most 200 are allowed"),
        ({"home_team": "a\x00b"}, "home_team holds a control character"),
        ({"home_team": "a\u2028b"}, "home_team holds a control character"),
        ({"home_team": "a\ud800"}, "home_team holds bytes that are not UTF-8, or half a surrogate pair"),
        ({"League": "", "series": "Series 1"},
         "League is missing, and neither the row's source, its folder nor its series tells it"),
    ],
)  # fmt: skip
def test_a_reason_names_field_value_and_what_was_expected(change: dict[str, object], expected: str) -> None:
    assert reason(SCHEDULES, {**FIXTURE, **change}) == expected


def test_a_second_wrong_field_is_counted() -> None:
    assert reason(SCHEDULES, {**FIXTURE, "time": "25:00", "home_team": 1}) == (
        "time is '25:00', expected a time such as 06:30 pm or 18:30 (one more field is wrong)"
    )


def test_a_reject_names_the_field() -> None:
    outcome = check(SCHEDULES, {**FIXTURE, "time": "25:00"})

    assert isinstance(outcome, Reject)
    assert outcome.field == "time"
