"""One key per series."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.names.structure import series_key, squash


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Chicago 20", "20"),
        ("Series 20", "20"),
        ("Division 20", "20"),
        ("DIV. 20", "20"),
        ("20", "20"),
        ("Series  020", "20"),
        ("Chicago 9 SW", "9 sw"),
        ("Series 9 SW", "9 sw"),
        ("Series 2B", "2b"),
        ("S2B", "2b"),
        ("Division 14a", "14a"),
        ("Series A", "a"),
        ("Series SN", "sn"),
        ("Series Legends", "legends"),
        ("Series 3.5 & Under Wed", "3.5 and under wed"),
        ("Series 3.0 - 3.5 Singles Thur", "3.0 3.5 singles thur"),
        ("Series 4.5+ Sat", "4.5+ sat"),
        ("Boys 4", "boys 4"),
        ("Sunday 4", "sunday 4"),
        ("Chicago Sunday", "chicago sunday"),
        ("", ""),
    ],
)
def test_all_spellings_of_a_series_have_one_key(text: str, key: str) -> None:
    assert series_key(text) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [("Chicago 9", "Chicago 9 SW"), ("Series 2A", "Series 2B"), ("Series 4.5 Sat", "Series 4.5+ Sat"), ("1", "11")],
)
def test_different_series_have_different_keys(one: str, other: str) -> None:
    assert series_key(one) != series_key(other)


@pytest.mark.parametrize(
    ("parts", "together"),
    [
        (("north", "shore"), "northshore"), (("north", "7"), "north7"), (("7", "north"), "7north"),
        (("1", "1"), "1 1"), (("a1", "1b", "2"), "a1 1b2"), ((), ""),
    ],
)  # fmt: skip
def test_words_are_run_together_but_for_figures(parts: tuple[str, ...], together: str) -> None:
    assert squash(parts) == together


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_key_is_its_own_key(text: str) -> None:
    assert series_key(series_key(text)) == series_key(text)
