"""The score of each league, or of whatever dimension is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, func, select

from checks import Bad, Row, Severity, above, check, fixture, metric_check, percent, row_check
from checks.engine.collecting.rules import Selection
from checks.engine.measuring.measure import Measurement
from checks.engine.measuring.scope import Dimension
from tests.checks.engine.conftest import PLACE, SHELF, Run, counted, places, thing, things

Put = Callable[..., None]
SCORED = replace(PLACE, scored=True)


@row_check(things, severity=Severity.HIGH, threshold=above(warn=percent(10), critical=percent(50)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10), critical=percent(50)))
def nameless(row: Row) -> Bad:
    """Without a name; things on shelf z need none."""
    return Bad(row.name == "", among=row.shelf != "z")


@metric_check(things, severity=Severity.HIGH, threshold=above(critical=percent(0)))
def how_many(row: Row) -> ColumnElement[Any]:
    """The number of things."""
    return func.count()


def stock(bad: int, good: int, place: int) -> list[dict[str, object]]:
    """Big things and others at one place."""
    return [thing(f"{place}-{n}", size=10 if n < bad else 1, place_id=place) for n in range(bad + good)]


@pytest.mark.parametrize("listed", [1, 1_000])
def test_trouble_of_one_part_is_not_that_of_the_others(run: Run, put: Put, listed: int) -> None:
    put(*stock(6, 4, place=2), *stock(0, 90, place=1))

    report = run(big, dimensions=(SCORED, SHELF), listed=listed)

    assert report.parts["place"]["North"] == 100
    assert report.parts["place"]["South"] == Decimal("47.43")  # 100 x (1 - (.27 + .33 x sqrt(6 / 10)))


def test_a_rule_that_is_well_on_the_whole_can_fail_in_a_small_part(run: Run, put: Put) -> None:
    put(*stock(2, 2, place=2), *stock(0, 200, place=1))

    report = run(big, dimensions=(SCORED,))

    assert report.score == 100
    assert report.parts["place"]["South"] == Decimal("79.51")  # WARN: 100 x (1 - (.12 + .12 x sqrt(1 / 2)))


def test_only_rows_that_a_rule_is_about_count(run: Run, put: Put) -> None:
    put(thing("", shelf="a"), thing("x", shelf="a"), *(thing(f"{n}", shelf="z") for n in range(98)))

    assert run(nameless, dimensions=(SCORED,)).parts["place"]["North"] == Decimal(
        "97.58"
    )  # WARN: 100 x (1 - (.01 + .02 x sqrt(1 / 2)))


def test_a_part_without_rows_is_unknown(run: Run, put: Put) -> None:
    put(*stock(1, 1, place=2))

    assert run(big, dimensions=(SCORED,)).parts["place"]["North"] is None


def test_a_metric_of_the_whole_counts_for_no_part(run: Run, put: Put) -> None:
    put(*stock(0, 3, place=1), *stock(0, 3, place=2))

    assert run(big, how_many, dimensions=(SCORED,)).parts["place"] == {"North": 100, "South": 100}


def test_a_rule_per_part_counts_for_its_part_alone(run: Run, put: Put) -> None:
    @check(severity=Severity.HIGH, threshold=above(warn=percent(10), critical=percent(50)), each="place")
    def big_here(place: int) -> Bad:
        """Something big stands at one place."""
        own = select(things.c.name, things.c.place_id).where(things.c.place_id == place)
        return Bad(own.where(things.c.size > 9), among=own)

    put(*stock(4, 0, place=2), *stock(0, 4, place=1))

    found = run(big_here, dimensions=(SCORED,), values={"place": select(places.c.id, places.c.name)})

    assert found.parts["place"] == {"North": 100, "South": 40}


def test_what_could_not_be_measured_counts_for_every_part(run: Run, put: Put) -> None:
    @row_check(things, severity=Severity.HIGH, threshold=above(warn=percent(1)))
    def broken(row: Row) -> ColumnElement[bool]:
        """Divides by nought."""
        return 1 / (row.size - row.size) > 1

    put(*stock(0, 2, place=1))

    assert run(broken, dimensions=(SCORED,)).parts["place"] == {"North": 40, "South": 40}


@pytest.mark.parametrize(("bad", "listed"), [(1, 1_000), (6, 1), (6, 1_000)])
def test_the_part_of_a_run_of_one_place_is_that_of_the_whole(run: Run, put: Put, bad: int, listed: int) -> None:
    put(*stock(bad, 30 - bad, place=2), *stock(9, 80, place=1))
    south, rules = Selection(scope={"place": ("South",)}), (big, nameless)

    whole = run(*rules, dimensions=(SCORED,), listed=listed)
    of_south = run(*rules, dimensions=(SCORED,), listed=listed, selection=south)

    assert of_south.parts["place"] == {"South": whole.parts["place"]["South"]}
    assert of_south.of("big").segments == {"place": {2: Measurement(bad, 30)}}


def test_a_run_of_one_place_does_not_count_its_rows_again(run: Run, put: Put, shelves: Engine) -> None:
    put(*stock(1, 30, place=2), *stock(9, 80, place=1))

    with counted(shelves) as statements:
        run(big, dimensions=(SCORED,), selection=Selection(scope={"place": ("South",)}))

    assert not [statement for statement in statements if "GROUP BY" in statement]


def test_without_a_scored_dimension_there_are_no_parts(run: Run, put: Put) -> None:
    put(*stock(1, 1, place=2))

    assert run(big, dimensions=(PLACE,)).parts == {}


def test_labels_that_cannot_be_read_cost_the_parts_alone(run: Run, put: Put) -> None:
    put(*stock(1, 1, place=2))
    lost = Dimension("place", PLACE.ways, select(func.nextval("no_such_sequence"), func.now()), scored=True)

    report = run(big, dimensions=(lost,))

    assert report.parts == {}
    assert report.score is not None
    assert report.complaints[0].startswith("there are no scores of parts: ")


@fixture
def shelf() -> list[str]:
    """Two shelves."""
    return ["a", "b"]


@check(severity=Severity.MEDIUM, threshold=above(warn=percent(10), critical=percent(50)), each="shelf")
def big_of_shelf(shelf: str) -> Bad:
    """Bigger than nine on a shelf."""
    of_shelf = select(things.c.name, things.c.place_id).where(things.c.shelf == shelf)
    return Bad(of_shelf.where(things.c.size > 9), among=of_shelf)


def test_in_a_part_the_rows_of_all_parameters_of_a_rule_count_together(run: Run, put: Put) -> None:
    """Six of ten on one shelf and none of forty on the other are six of fifty."""
    put(*stock(6, 4, place=2), *({**row, "shelf": "b"} for row in stock(0, 40, place=2)))

    report = run(big_of_shelf, shelf, dimensions=(SCORED,))

    assert report.parts["place"]["South"] == Decimal("84.49")  # 100 x (1 - (.11 + .13 x sqrt(6 / 50)))
