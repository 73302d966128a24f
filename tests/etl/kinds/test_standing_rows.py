"""Rows of series_stats."""

from __future__ import annotations

from decimal import Decimal

import pytest

from etl.kinds.standings import SERIES_STATS, Standing
from etl.records import Reject
from tests.etl.kinds.rows import STANDING, check, reason, without


def standing(row: object, league: str = "all") -> Standing:
    record = check(SERIES_STATS, row, league=league)
    assert isinstance(record, Standing), record
    return record


def test_nested_counts_become_columns() -> None:
    assert standing(STANDING) == Standing(
        0, "APTA_CHICAGO", "Chicago 1", "Glenbrook RC - 1", Decimal(147), 14, 3, 1, "77.8%", 45, 26, 2, 1, "63.4%",
        92, 62, "59.7%", 777, 667, "53.8%",
    )  # fmt: skip


def test_shifted_columns_are_kept_as_scraped() -> None:
    """CITA's sets are its games; whoever reads them must see what the site said."""
    sets = {"won": 0, "lost": 690, "percentage": "340"}

    assert standing({**STANDING, "sets": sets}).sets_percentage == "340"


def test_a_row_without_counts_is_a_team_all_the_same() -> None:
    assert standing(without(STANDING, "points", "matches", "lines", "sets", "games")).team == "Glenbrook RC - 1"


@pytest.mark.parametrize(
    ("keys", "folder", "league"),
    [
        ({"league_id": "nsft", "source_league": "CITA"}, "CNSWPL", "NSTF"),
        ({"league_id": "", "source_league": "ntsf"}, "CNSWPL", "NSTF"),
        ({"league_id": None}, "CNSWPL", "CNSWPL"),
        ({"league_id": None}, "all", "APTA_CHICAGO"),
    ],
)
def test_the_league_is_told_by_the_row_its_source_its_folder_or_its_series(
    keys: dict[str, object], folder: str, league: str
) -> None:
    assert standing({**STANDING, **keys}, folder).league == league


def test_a_row_whose_league_nothing_tells_is_rejected() -> None:
    outcome = check(SERIES_STATS, {**without(STANDING, "league_id"), "series": "Series 2B"})

    assert isinstance(outcome, Reject)
    assert outcome.field == "League"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"team": " "}, "team is missing"),
        ({"matches": [1]}, "matches is an array, expected an object"),
        ({"matches": {"won": "x"}}, "matches.won is text of 1 characters, expected a number"),
        (
            {"sets": {"percentage": "12345678901234567"}},
            "sets.percentage is 17 characters long, at most 16 are allowed",
        ),
    ],
)
def test_a_reason_names_the_nested_field(change: dict[str, object], expected: str) -> None:
    assert reason(SERIES_STATS, {**STANDING, **change}) == expected


def test_a_number_beyond_all_numbers_is_named() -> None:
    """JSON's 1e999 becomes infinity in Python."""
    percentage = check(SERIES_STATS, {**STANDING, "matches": {"won": 1, "percentage": float("inf")}})

    assert isinstance(percentage, Reject)
    assert percentage.field == "matches.percentage"
