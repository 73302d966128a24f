"""One id per league, whatever the feed calls it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.leagues import canonical, name_of, of_series


@pytest.mark.parametrize(
    ("spelling", "league"),
    [
        ("APTACHICAGO", "APTA_CHICAGO"),
        ("APTA_CHICAGO", "APTA_CHICAGO"),
        ("APTA Chicago", "APTA_CHICAGO"),
        (" apta-chicago ", "APTA_CHICAGO"),
        ("NTSF", "NSTF"),
        ("nsft", "NSTF"),
        ("NSTF", "NSTF"),
        ("cita", "CITA"),
        ("CNSWPL", "CNSWPL"),
    ],
)
def test_every_spelling_of_a_known_league_has_one_id(spelling: str, league: str) -> None:
    assert canonical(spelling) == league


def test_an_unknown_league_is_upper_cased_and_cleaned() -> None:
    assert canonical("  Paddle / West—coast ") == "PADDLE_WEST_COAST"


def test_text_without_letters_names_no_league() -> None:
    assert canonical(" -- ") == ""


@settings(deadline=None)
@given(st.text(max_size=40))
def test_an_id_is_its_own_spelling(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


def test_a_league_is_called_by_its_name_or_else_by_its_id() -> None:
    assert name_of("APTA_CHICAGO") == "APTA Chicago"
    assert name_of("PADDLE_WEST") == "PADDLE_WEST"


@pytest.mark.parametrize(
    ("series", "league"),
    [("Chicago 22", "APTA_CHICAGO"), ("chicago  9 SW", "APTA_CHICAGO"), ("Series 2B", None), ("Chicago Chicago", None)],
)
def test_only_a_chicago_series_tells_its_league(series: str, league: str | None) -> None:
    assert of_series(series) == league


@pytest.mark.parametrize("text", ["None", "null", "N/A", "n/a", "NaN", "undefined", " "])
def test_what_programs_write_for_nothing_is_no_league(text: str) -> None:
    """A feed's "None" and "null" once made leagues of those names."""
    assert canonical(text) == ""
