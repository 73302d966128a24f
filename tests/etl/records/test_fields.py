"""Dates and times as league sites write them."""

from __future__ import annotations

import locale
from datetime import date, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.records.fields import describe_value, mended, parse_date, parse_time


@pytest.mark.parametrize("text", ["09/24/2024", "9/24/2024", "2024-09-24", "24-Sep-24", "24-SEP-2024", " 24-sep-24 "])
def test_a_date_is_read_in_each_of_its_forms(text: str) -> None:
    assert parse_date(text) == date(2024, 9, 24)


@pytest.mark.parametrize(
    "text",
    ["13/45/2024", "02/30/2025", "24/09/2024", "September 4, 2024", "", "TBD", "1989-12-31", "01/01/2101", "09/24/24",
     "24-Foo-24", "24-09-24", "٠٩/٢٤/٢٠٢٤", "2024-09-24T00:00"],
)  # fmt: skip
def test_any_other_text_is_no_date(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [("24-Sep-24", date(2024, 9, 24)), ("09-Jan-95", date(1995, 1, 9)), ("09-Jan-90", date(1990, 1, 9)),
     ("24-Sep-69", None), ("01-Jan-89", None)],
)  # fmt: skip
def test_a_year_of_two_figures_lies_between_1990_and_ten_years_ahead(text: str, day: date | None) -> None:
    """strptime makes 1969 of 69; a result of 1995 was once published as one of 2095."""
    assert parse_date(text) == day


@pytest.mark.parametrize("text", ["01/01/0001", "0001-01-01", "01/01/0000", "01-Jan-0095"])
def test_a_year_of_four_figures_is_taken_at_its_word(text: str) -> None:
    """They were published as 2001 and 2000."""
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [("6 pm", 18, 0), ("6:30 P. M.", 18, 30), ("06:30\u202fPM", 18, 30), ("06:30\xa0pm", 18, 30), ("noon", 12, 0),
     ("12 am", 0, 0)],
)  # fmt: skip
def test_times_as_people_and_browsers_write_them(text: str, hour: int, minute: int) -> None:
    assert parse_time(text) == time(hour, minute)


def test_months_do_not_depend_on_the_locale() -> None:
    before = locale.setlocale(locale.LC_TIME)
    available = next((name for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C") if _set(name)), before)
    try:
        assert parse_date("07-Mar-25") == date(2025, 3, 7), available
    finally:
        locale.setlocale(locale.LC_TIME, before)


def _set(name: str) -> bool:
    try:
        locale.setlocale(locale.LC_TIME, name)
    except locale.Error:
        return False
    return True


@settings(deadline=None)
@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31)))
def test_every_day_survives_its_forms(day: date) -> None:
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.month:02}/{day.day:02}/{day.year}") == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("06:30 pm", time(18, 30)),
        ("6:30pm", time(18, 30)),
        ("10:30 AM", time(10, 30)),
        ("12:00 am", time(0)),
        ("12:15 pm", time(12, 15)),
        ("18:30", time(18, 30)),
        ("18:30:15", time(18, 30, 15)),
        ("6:30 p.m.", time(18, 30)),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(text: str, expected: time) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["", "TBD", "25:00", "13:00 pm", "0:30 am", "06:60", "18.30"])
def test_any_other_text_is_no_time(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("value", "odd"),
    [("０1/02/2025", "U+FF10"), ("01／02/2025", "U+FF0F"), ("٣", "U+0663"), ("6\u202f30", "U+202F"), ("Löwe", "")],
)
def test_a_refusal_names_the_character_that_looks_like_another(value: str, odd: str) -> None:
    assert describe_value(value).partition(" with the character ")[2] == odd


@pytest.mark.parametrize(
    ("scraped", "meant"),
    [("Smith &amp; Sons 1", "Smith & Sons 1"), ("CafÃ© - 20", "Café - 20"), ("O&#39;Hara", "O'Hara"), ("Åke", "Åke"),
     ("R&D", "R&D"), ("a&#0;b", "a&#0;b"), ("O&amp;#39;Hara", "O'Hara"), ("MartÃ\xadnez", "Martínez"),
     ("CafÃ\x83Â©", "Café"), ("Å\x81awÃ³", "Ławó"), ("Smith\x85", "Smith\x85")],
)  # fmt: skip
def test_what_scraping_did_to_a_name_is_mended(scraped: str, meant: str) -> None:
    """An entity in the standings made a second team beside the one of the schedule."""
    assert mended(scraped) == meant
