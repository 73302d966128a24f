"""Which places of bad rows are told, by value: how dense they are there, which of them say the same, in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from checks.engine.judging.bad_rows import places_of
from checks.engine.judging.evidence import _mask, _place, _places
from checks.engine.judging.judge import Cluster, Spot, clusters, least_rows
from checks.engine.measuring.measure import Measurement
from checks.engine.measuring.scope import Dimension, Labels

NAMES = ("league", "series", "club")
LABELS = Labels(None, [Dimension(name, ()) for name in NAMES])  # type: ignore[arg-type]  # nobody asks for labels
WHOLE = Measurement(100, 1_000)


def spot(count: int, rows: int | None, **where: Any) -> Spot:
    return Spot(tuple(where.items()), count, rows)


def told(*spots: Spot, reading: Measurement = WHOLE, most: int = 9) -> list[tuple[str, float | None]]:
    """The clusters in words, with how much denser bad rows are there."""
    return [(str(cluster), cluster.lift) for cluster in clusters(spots, reading, LABELS, most)]


def test_a_cluster_is_a_fifth_denser_than_the_whole_or_has_no_total() -> None:
    dense, even = spot(24, 200, club="Elm"), spot(24, 202, club="Fox")

    assert told(dense, even) == [("24 of 100 in Elm", 1.2)]
    assert told(spot(24, None, club="Elm")) == [("24 of 100 in Elm", None)]
    assert told(spot(24, 30, club="Elm"), reading=Measurement(100)) == [("24 of 100 in Elm", None)]


def test_the_place_of_many_bad_rows_among_few_rows_is_told_first() -> None:
    many, dense, both = spot(60, 300, club="Elm"), spot(20, 25, club="Fox"), spot(40, 80, club="Oak")

    assert told(many, dense, both) == [("40 of 100 in Oak", 5.0), ("20 of 100 in Fox", 8.0), ("60 of 100 in Elm", 2.0)]
    assert [words for words, _ in told(many, dense, both, most=1)] == ["40 of 100 in Oak"]


def test_more_than_a_hundred_times_denser_is_not_more_telling() -> None:
    rare = Measurement(100, 1_000_000)

    found = told(spot(30, 30, club="Elm"), spot(31, 3_000, club="Fox"), spot(20, 20, club="Oak"), reading=rare)

    assert [words for words, _ in found] == ["31 of 100 in Fox", "30 of 100 in Elm", "20 of 100 in Oak"]
    assert [lift for _, lift in found] == [103.33, 10_000.0, 10_000.0]


def test_of_places_within_each_other_that_tell_the_same_one_is_told() -> None:
    """The same is within a tenth of the larger one; two clubs, or a club and a series, are no place within another."""
    wide, within = spot(50, 100, club="Elm"), spot(45, 90, club="Elm", series=12)

    assert told(wide, within) == [("50 of 100 in Elm", 5.0)]
    assert told(wide, spot(44, 88, club="Elm", series=12)) == [
        ("50 of 100 in Elm", 5.0), ("44 of 100 in Elm, series 12", 5.0),
    ]  # fmt: skip
    assert told(wide, spot(50, 50, club="Elm", series=12)) == [("50 of 100 in Elm, series 12", 10.0)]
    assert len(told(wide, spot(50, 100, club="Fox"), spot(50, 100, series=12))) == 3


def test_the_plainer_of_two_places_wins_a_tie() -> None:
    pair, alone = spot(50, 100, club="Ash", league=3), spot(50, 100, league=3)

    assert told(pair, alone) == told(alone, pair) == [("50 of 100 in league 3", 5.0)]
    assert told(spot(50, 100, club="Fox"), spot(50, 100, club="Elm"))[0] == ("50 of 100 in Elm", 5.0)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ((("series", "12"),), "1,200 of 3,400 in series 12"),
        ((("series", "Series 12"),), "1,200 of 3,400 in Series 12"),
        ((("club", "none"),), "1,200 of 3,400 in club none"), ((("club", ""),), "1,200 of 3,400 in "),
        ((("club", "Elm"), ("series", "7")), "1,200 of 3,400 in Elm, series 7"),
    ],
)  # fmt: skip
def test_a_place_is_said_with_the_word_that_it_needs(where: tuple[tuple[str, str], ...], words: str) -> None:
    assert str(Cluster(where, 1_200, 3_400, None, None)) == words


@pytest.mark.parametrize(("count", "least"), [(1, 2), (20, 2), (30, 3.0), (1_000, 100.0)])
def test_a_tenth_of_the_bad_rows_and_two_of_them_make_a_place(count: int, least: float) -> None:
    assert least_rows(count) == pytest.approx(least)


def test_a_row_counts_for_each_of_its_dimensions_and_each_two_of_them() -> None:
    league, series, club = ("league", 3), ("series", 12), ("club", "Elm")

    assert list(places_of([league, series, club])) == [
        (league,), (series,), (club,), (league, series), (league, club), (series, club),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mask", "place"),
    [
        (0b011, (("league", 3),)), (0b101, (("series", 12),)), (0b110, (("club", "Elm"),)),
        (0b001, (("league", 3), ("series", 12))), (0b000, (("league", 3), ("series", 12), ("club", "Elm"))),
        (0b111, ()),
    ],
)  # fmt: skip
def test_a_line_is_of_the_dimensions_that_it_is_grouped_by(mask: int, place: tuple[Any, ...]) -> None:
    assert _place(NAMES, mask, (3, 12, "Elm")) == place


def test_a_dimension_alone_is_grouped_by_no_other() -> None:
    assert [_mask(bit, NAMES) for bit in range(3)] == [0b011, 0b101, 0b110]


def test_two_values_are_looked_at_where_a_twentieth_of_the_rows_has_both() -> None:
    """Of 60 rows that is three: two of Ash are too few, and no series has more than one row."""
    rows: Any = SimpleNamespace(reached=[(Dimension(name, ()), None) for name in NAMES])
    leagues, clubs = [1] * 50 + [2] * 10, ["Elm"] * 40 + ["Fox"] * 8 + ["Ash"] * 2 + ["Fox"] * 3 + ["Elm"] * 7

    places = _places(rows, list(zip(leagues, range(60), clubs, strict=True)))

    assert {place: number for place, number in places.items() if len(place) == 2} == {
        (("league", 1), ("club", "Elm")): 40, (("league", 1), ("club", "Fox")): 8,
        (("league", 2), ("club", "Fox")): 3, (("league", 2), ("club", "Elm")): 7,
    }  # fmt: skip
    assert (places[("league", 2),], places[("series", 7),], places[("club", "Ash"),]) == (10, 1, 2)
    assert _places(rows, []) == {}
