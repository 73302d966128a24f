"""Where the bad rows of a failing rule are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, select, true, update

from checks import Bad, Row, Severity, Status, above, check, percent, row_check, rows
from checks.engine.authoring import MeasureError
from checks.engine.judging import evaluate, evidence, outcome
from checks.engine.judging.bad_rows import Place, PlaceCounts, census
from checks.engine.judging.evidence import _shares
from checks.engine.judging.judge import Baseline, Cluster, candidates, possible_candidates
from checks.engine.measuring.measure import Measurement
from checks.engine.measuring.scope import Dimension, through
from checks.engine.reporting.report import Result
from tests.checks.engine.conftest import PLACE, SHELF, Run, counted, thing, things

Put = Callable[..., None]


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


def stock() -> list[dict[str, object]]:
    """400 things on two places and four shelves; 58 of 62 big ones stand in the South on shelf 3."""
    good = [thing(f"g{n}", place_id=1 + n // 4 % 2, shelf=str(n % 4)) for n in range(338)]
    bad = [thing(f"b{n}", size=10, place_id=2, shelf="3") for n in range(58)]
    other = [thing(f"o{n}", size=10, place_id=1, shelf="2") for n in range(4)]
    return [*good, *bad, *other]


@pytest.mark.parametrize("listed", [10, 1_000])
def test_a_failing_rule_says_where_its_bad_rows_are(run: Run, put: Put, listed: int) -> None:
    put(*stock())

    clusters = run(big, dimensions=(PLACE, SHELF), listed=10).of("big").clusters

    assert str(clusters[0]) == "58 of 62 in South, shelf 3"
    assert clusters[0].where == (("place", "South"), ("shelf", "3"))


def test_the_lift_is_how_much_denser_it_is_there(run: Run, put: Put) -> None:
    put(*stock())

    cluster = run(big, dimensions=(SHELF,)).of("big").clusters[0]

    rows_there = 58 + 84
    assert (cluster.count, cluster.of, cluster.rows) == (58, 62, rows_there)
    assert cluster.lift == round(58 / rows_there / (62 / 400), 2)


def test_bad_rows_that_are_everywhere_are_no_cluster(run: Run, put: Put) -> None:
    put(*(thing(f"t{n}", size=10 if n % 3 == 0 else 1, place_id=1 + n % 2) for n in range(120)))

    assert run(big, dimensions=(PLACE,)).of("big").clusters == ()


def test_a_rule_that_is_ok_is_not_searched(run: Run, put: Put) -> None:
    put(thing("b", size=10, place_id=2), *(thing(f"g{n}") for n in range(200)))

    assert run(big, dimensions=(PLACE,)).of("big").clusters == ()


def test_rows_without_a_place_are_a_place_too(run: Run, put: Put) -> None:
    put(*(thing(f"t{n}", size=10 if n < 9 else 1, place_id=None if n < 9 else 1) for n in range(100)))

    assert str(run(big, dimensions=(PLACE,)).of("big").clusters[0]) == "9 of 9 in place none"


@pytest.mark.parametrize("wanted", [2, 9])
def test_rows_that_are_not_found_where_their_place_is_looked_up_are_a_place_too(
    run: Run, put: Put, wanted: int
) -> None:
    """A thing lies on another one, which is known by its name; one of these is missing."""
    below = things.alias("below").c
    hall = Dimension("hall", (through("shelf", below.name, below.shelf),))
    racks = [thing(f"rack {n}", shelf=f"hall {n}") for n in range(1, wanted)]
    bad = [thing(f"b{n}", size=10, shelf=f"rack {n % wanted if n < 81 else 0}") for n in range(90)]
    put(*racks, *bad, *(thing(f"g{n}", shelf=f"rack {1 + n % (wanted - 1)}") for n in range(200)))

    clusters = run(big, dimensions=(hall,), listed=10).of("big").clusters

    missing = len([one for one in bad if one["shelf"] == "rack 0"])
    assert [(c.where, c.count, c.rows) for c in clusters] == [((("hall", "none"),), missing, missing + len(racks))]


def test_a_question_across_tables_clusters_by_the_columns_of_its_keys(run: Run, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
    def across() -> Bad:
        keys = select(things.c.name, things.c.id.label("thing_id"))
        return Bad(keys.where(things.c.size > 9), among=keys)

    put(*stock())

    cluster = run(across, dimensions=(PLACE, SHELF)).of("across").clusters[0]

    assert (str(cluster), cluster.rows) == ("58 of 62 in shelf 3", 142)


def test_without_a_total_there_is_a_share_and_no_lift(run: Run, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(1)))
    def across() -> Bad:
        return Bad(select(things.c.name, things.c.place_id).where(things.c.size > 9))

    put(*stock())

    assert run(across, dimensions=(PLACE,)).of("across").clusters[0] == Cluster(
        (("place", "South"),), 58, 62, None, None
    )


@pytest.mark.parametrize("listed", [10, 1_000])
def test_a_question_across_tables_is_asked_once_however_many_rows_are_bad(
    run: Run, put: Put, shelves: Engine, listed: int
) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(1)))
    def across() -> Bad:
        return Bad(select(things.c.name, things.c.id.label("thing_id")).where(things.c.size > 9))

    put(*stock())

    with counted(shelves) as statements:
        result = run(across, dimensions=(SHELF,), listed=listed).of("across")

    assert (result.count, result.new, str(result.clusters[0])) == (62, 62, "58 of 62 in shelf 3")
    assert len([statement for statement in statements if "things.size" in statement]) == 1


@pytest.mark.parametrize(("bad", "shown"), [(0, False), (3, True)])
def test_of_a_question_as_few_bad_rows_as_in_the_last_run_are_looked_for_first(
    run: Run, put: Put, shelves: Engine, bad: int, shown: bool
) -> None:
    put(*(thing(f"g{n}", size=10 if n < bad else 1) for n in range(30)))
    before = run(big_by_place, dimensions=(PLACE, SHELF), listed=50)

    with counted(shelves) as statements:
        again = run(big_by_place, dimensions=(PLACE, SHELF), listed=50, baseline=before.as_baseline())

    result, (asked,) = again.of("big_by_place"), [sent for sent in statements if "things.size" in sent]
    assert (result.count, result.total, result.known, result.new) == (bad, 30, bad, 0)
    assert (result.clusters, len(result.examples)) == (before.of("big_by_place").clusters, bad)
    assert ("json_build_array" in asked, "GROUPING" in asked) == (shown, False)


@pytest.mark.parametrize("bad", [0, 3])
@pytest.mark.parametrize("listed", [50, 62, 100])
def test_a_question_with_more_bad_rows_than_in_the_last_run_is_asked_as_if_there_was_none(
    run: Run, put: Put, bad: int, listed: int
) -> None:
    put(*(thing(f"g{n}", size=10 if n < bad else 1) for n in range(30)))
    before = run(big_by_place, dimensions=(PLACE, SHELF), listed=listed).as_baseline()
    put(*stock())

    later, first = (
        run(big_by_place, dimensions=(PLACE, SHELF), baseline=past, listed=listed).of("big_by_place")
        for past in (before, Baseline())
    )

    assert later.new == 62
    compared: dict[str, Any] = {
        "seconds": 0,
        "before": None,
        "new": 0,
        "known": 0,
        "appeared": frozenset[int](),
        "examples": (),
    }
    assert replace(later, **compared) == replace(first, **compared)


@check(severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
def big_by_place() -> Bad:
    """The same, asked across tables: nothing but its keys says where a row is."""
    where = (things.c.place_id, things.c.shelf)
    return Bad(select(things.c.name, *where).where(things.c.size > 9), among=select(*where))


@check(severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
def big_and_named_by_place() -> Bad:
    """As `big_by_place`, among things of some names alone."""
    where, named = (things.c.place_id, things.c.shelf), things.c.name.not_like("g1%")
    return Bad(select(things.c.name, *where).where(named, things.c.size > 9), among=select(*where).where(named))


@check(severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
def big_of_distinct_places() -> Bad:
    """As `big_by_place`, among places that are no rows of a table."""
    where = (things.c.place_id, things.c.shelf)
    return Bad(select(things.c.name, *where).where(things.c.size > 9), among=select(*where).distinct())


def test_rules_that_count_among_rows_of_one_table_are_located_by_one_statement(
    run: Run, put: Put, shelves: Engine
) -> None:
    put(*stock())
    across = (big_by_place, big_and_named_by_place, big_of_distinct_places)
    alone = {rule.__name__: figures(run(rule, dimensions=(PLACE, SHELF)).of(rule.__name__)) for rule in across}

    with counted(shelves) as statements:
        report = run(*across, dimensions=(PLACE, SHELF))

    assert {result.rule: figures(result) for result in report.results} == alone
    assert sorted(statement.count("FILTER") for statement in statements if "FILTER" in statement) == [1, 2]
    first_clusters = [report.of(rule.__name__).clusters[0] for rule in across[:2]]
    assert [(cluster.count, cluster.rows) for cluster in first_clusters] == [(58, 100), (58, 86)]


@pytest.mark.parametrize(
    ("among", "status"),
    [(select(things.c.id).join(things.alias().join(things.alias(), true())), Status.ERROR), (select(), Status.WARN)],
    ids=["unclear", "nothing"],
)
def test_what_cannot_be_counted_among_is_the_error_of_its_rule_alone(
    run: Run, put: Put, among: Any, status: Status
) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(1)))
    def odd() -> Bad:
        return Bad(select(things.c.name).where(things.c.size > 9), among=among)

    put(*stock())

    report = run(odd, big_by_place, dimensions=(PLACE,))

    assert [report.of(name).status for name in ("odd", "big_by_place")] == [status, Status.WARN]


def test_a_rule_whose_rows_cannot_be_counted_leaves_the_places_of_others_as_they_are(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lame_for_one(session: Any, asked: Any, *how: Any) -> Any:
        return (
            lame()
            if big_and_named_by_place in [one.query.check.function for one in asked]
            else census(session, asked, *how)
        )

    put(*stock())
    sound = figures(run(big_by_place, dimensions=(PLACE, SHELF)).of("big_by_place"))
    monkeypatch.setattr(outcome, "census", lame_for_one)

    report = run(big_by_place, big_and_named_by_place, dimensions=(PLACE, SHELF))

    assert figures(report.of("big_by_place")) == sound
    assert report.of("big_and_named_by_place").note == "the density of its clusters, and its parts, are unknown: lame"


@pytest.mark.parametrize("rule", [big, big_by_place])
def test_the_places_of_very_many_bad_rows_are_counted_and_not_estimated(
    run: Run, put: Put, rule: Callable[..., object]
) -> None:
    """Where to count is guessed from a sample of a thousand rows; a sample's figures would end in three zeros."""
    south = [thing(f"s{n}", size=10, place_id=2, shelf="3") for n in range(1_117)]
    north = [thing(f"n{n}", size=10, place_id=1, shelf=str(n % 40)) for n in range(123)]
    good = [thing(f"g{n}", place_id=1 + n % 2, shelf=str(n % 7)) for n in range(1_301)]
    put(*south, *north, *good)

    report = run(rule, dimensions=(replace(PLACE, scored=True), SHELF), listed=50)

    there = 1_117 + len([n for n in range(1_301) if n % 2 == 1 and n % 7 == 3])
    cluster = report.results[0].clusters[0]
    assert (str(cluster), cluster.rows) == ("1,117 of 1,240 in South, shelf 3", there)
    assert cluster.lift == round(1_117 / there / (1_240 / 2_541), 2)
    assert report.parts["place"] == {"North": Decimal("98.20"), "South": Decimal("97.40")}


@pytest.mark.parametrize("wanted", [1, 2, 9])
def test_a_place_is_found_whether_few_places_or_many_are_asked_about(run: Run, put: Put, wanted: int) -> None:
    """Up to three values of a dimension are asked about as conditions, more of them by their place in a list."""
    bad = [thing(f"b{n}", size=10, shelf=f"bad {n % wanted}") for n in range(90)]
    put(*bad, *(thing(f"g{n}", shelf=f"good {n % 3}") for n in range(200)))

    clusters = run(big, dimensions=(SHELF,), listed=10).of("big").clusters

    assert [(c.where[0][1], c.count, c.rows) for c in clusters] == [
        (f"bad {n}", 90 // wanted, 90 // wanted) for n in range(min(wanted, 3))
    ]


def test_rules_of_one_table_are_located_by_one_statement_that_draws_and_one_that_counts(
    run: Run, put: Put, shelves: Engine
) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
    def far(row: Row) -> ColumnElement[bool]:
        """Far up."""
        return row.shelf == "2"

    put(*stock())

    with counted(shelves) as statements:
        report = run(big, far, dimensions=(PLACE, SHELF), listed=10)

    assert str(report.of("big").clusters[0]) == "58 of 62 in South, shelf 3"
    assert str(report.of("far").clusters[0]) == "88 of 88 in shelf 2"
    assert len([statement for statement in statements if "random()" in statement]) == 1
    assert len([statement for statement in statements if "GROUP BY" in statement and "GROUPING" not in statement]) == 1


def test_the_reading_of_a_value_is_that_of_its_own_dimension_alone() -> None:
    place, shelf, both = (("place", "North"),), (("shelf", "3"),), (("place", "North"), ("shelf", "3"))

    counted = PlaceCounts(Counter({place: 40, shelf: 30, both: 20}))

    assert counted.readings("place", {place: 4, shelf: 3, both: 2}) == {"North": Measurement(4, 40)}


def test_a_row_that_is_drawn_for_several_rules_counts_for_each_by_its_own_chance() -> None:
    assert _shares((True, False), (0.5, 0.8)) == {0: 1.0}
    assert _shares((True, None, True), (1.0, 0.5, 1.0)) == {0: 1.0, 2: 1.0}
    assert _shares((True, True), (0.5, 0.8)) == {0: pytest.approx(0.5 / 0.9), 1: pytest.approx(0.8 / 0.9)}


def test_places_with_a_tenth_of_the_bad_rows_are_worth_a_closer_look() -> None:
    places = {
        (("place", label),): number for label, number in zip("abcdefgh", (90, 60, 9, 10, 30, 5, 4, 20), strict=True)
    }
    shelf: dict[Place, int] = {(("shelf", "1"),): 11, (("shelf", "2"),): 9}

    assert candidates(places | shelf, 100) == [
        (("place", "a"),), (("place", "b"),), (("place", "e"),), (("shelf", "1"),),
    ]  # fmt: skip
    assert [label for ((_, label),) in possible_candidates(places | shelf, 100)] == [*"abehdcf", "1", "2"]
    assert candidates({(("place", "a"),): 2, (("place", "b"),): 1}, 3) == [(("place", "a"),)]


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(90)))
def not_small(row: Row) -> ColumnElement[bool]:
    """Bigger than nothing, of those that have a name but one."""
    return (row.size > 0) & (row.name != "g0")


def lame(*_: Any, **__: Any) -> Any:
    raise MeasureError("lame")


@pytest.mark.parametrize(
    ("part", "note"),
    [
        ((outcome, "census"), "the density of its clusters, and its parts, are unknown: lame"),
        ((evaluate, "many"), "its bad rows cannot be shown: lame"),
    ],
)
def test_what_cannot_be_told_about_bad_rows_is_a_note_of_each_rule_that_is_measured(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch, part: tuple[ModuleType, str], note: str
) -> None:
    monkeypatch.setattr(*part, lame)
    put(*stock())

    report = run(big, not_small, dimensions=(PLACE, SHELF), listed=10)

    assert [(result.rule, result.count, result.note) for result in report.results] == [
        ("not_small", 399, note), ("big", 62, note),
    ]  # fmt: skip


def test_few_bad_rows_of_several_rules_of_a_table_are_fetched_by_one_statement(
    run: Run, put: Put, shelves: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "few_by_key", lambda *_: {})
    put(*stock())

    with counted(shelves) as statements:
        report = run(big, not_small)

    assert [len(report.of(name).examples) for name in ("big", "not_small")] == [5, 5]
    assert len([sent for sent in statements if "json_build_array" in sent]) == 1


def test_rows_that_cannot_be_fetched_together_are_fetched_rule_by_rule(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*stock())
    together = [figures(result) for result in run(big, not_small, dimensions=(PLACE, SHELF)).results]
    monkeypatch.setattr(evaluate, "few_of_many", lame)

    assert [figures(result) for result in run(big, not_small, dimensions=(PLACE, SHELF)).results] == together


def test_places_that_cannot_be_drawn_are_a_note_of_each_rule(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "draw", lame)
    put(*stock())

    report = run(big, not_small, dimensions=(PLACE, SHELF), listed=10)

    note = "where its bad rows stand is unknown: lame"
    assert [(result.rule, result.count, result.note) for result in report.results] == [
        ("not_small", 399, note), ("big", 62, note),
    ]  # fmt: skip


def test_of_each_rule_as_many_bad_rows_are_drawn_however_many_another_has(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 of 4,000 and of 1,000: six deviations around that are left to chance."""
    put(*(thing(f"g{n}", size=10 if n < 1_000 else 1, place_id=1, shelf="1") for n in range(4_000)))
    drawn: dict[str, int | None] = {}

    def noted(*given: Any) -> Any:
        found = draw(*given)
        drawn.update({rule: own.sampled for (rule, _), own in found.items()})
        return found

    draw = evidence.draw
    monkeypatch.setattr(evidence, "draw", noted)
    monkeypatch.setattr(evidence, "DRAWN", 400)
    run(big, not_small, dimensions=(PLACE, SHELF), listed=10)

    assert {rule: 280 < (number or 0) < 520 for rule, number in drawn.items()} == {"big": True, "not_small": True}


def test_places_that_cannot_be_drawn_for_all_rules_at_once_are_drawn_for_each(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*stock())
    own = evidence.draw
    monkeypatch.setattr(evidence, "draw", lambda *given: (lame if len(given[1]) > 1 else own)(*given))

    report = run(big, not_small, dimensions=(PLACE, SHELF), listed=10)

    assert [result.note for result in report.results] == ["", ""]
    assert str(report.of("big").clusters[0]) == "58 of 62 in South, shelf 3"


def test_places_that_were_counted_with_very_many_rows_are_not_drawn_again(run: Run, put: Put, shelves: Engine) -> None:
    put(*stock())
    before = run(big, dimensions=(PLACE, SHELF), listed=10)
    put(thing("more", size=10, place_id=2, shelf="3"))

    with counted(shelves) as statements:
        result = run(big, dimensions=(PLACE, SHELF), listed=10, baseline=before.as_baseline()).of("big")

    assert (result.count, result.new, str(result.clusters[0])) == (63, 1, "59 of 63 in South, shelf 3")
    assert len([statement for statement in statements if "random()" in statement]) == 1


def test_as_many_other_bad_rows_are_told_from_those_of_the_last_run(run: Run, put: Put, shelves: Engine) -> None:
    """The sum of the hashes of very many is first known in the second run."""
    put(*stock())
    first = run(big, listed=10)
    second = run(big, listed=10, baseline=first.as_baseline())
    with shelves.begin() as connection:
        connection.execute(update(things).where(things.c.name.in_(["b1", "o1"])).values(size=1))
    put(thing("more", size=10), thing("most", size=10))

    third = run(big, listed=10, baseline=second.as_baseline()).of("big")

    assert second.of("big").change == "62 known"
    assert (third.count, third.new, third.known, third.fixed) == (62, 2, 60, 2)


def figures(result: Result) -> tuple[object, ...]:
    """What is told about bad rows."""
    return result.rule, result.count, result.new, result.examples, result.clusters, result.note
