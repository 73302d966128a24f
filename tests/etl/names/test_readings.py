"""The ways to read a name in a series, by value: its club, its squads, and whether it tells the series itself."""

from __future__ import annotations

import pytest

from etl.names.structure import Reading, own_reading, readings

WAYS: list[tuple[str, str, str, set[tuple[str, str, bool]]]] = [
    ("Winnetka - 22", "22", "", {("winnetka", "", True)}),
    ("Winnetka 22 Blue", "22", "", {("winnetka 22 blue", "", False)}),
    ("Winnetka", "22", "", {("winnetka", "", False)}),
    ("Wilmette 99 A", "99", "", {("wilmette", "a", True)}),
    ("Hinsdale PC 1b", "1", "", {("hinsdale pc", "b", True)}),
    ("Winnetka B(1)", "b", "", {("winnetka", "1", True)}),
    ("Skokie II", "22", "", {("skokie", "ii", False)}),
    ("Lake Forest A 1", "a", "1", {("lake forest", "1", True), ("lake forest", "", True)}),
]


@pytest.mark.parametrize(("name", "series", "ordinal", "ways"), WAYS)
def test_a_name_is_read_in_a_series(name: str, series: str, ordinal: str, ways: set[tuple[str, str, bool]]) -> None:
    found = {(" ".join(one.club), " ".join(one.squads), one.explicit) for one in readings(name, series, ordinal)}

    assert found == ways


def test_a_city_may_be_a_part_of_the_club_or_of_the_series() -> None:
    with_city = Reading(("midtown", "-", "chicago"), (), explicit=True)

    assert readings("Midtown - Chicago 4", "4") == {Reading(("midtown",), (), explicit=True), with_city}
    assert own_reading("Midtown - Chicago - 4", "4") == with_city
