"""What rules find in the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import ColumnElement, DateTime, Engine, cast, func, literal, select

from checks import Bad, Row, Severity, Status, above, below, check, drop, hours, metric_check, percent, row_check, rows
from checks.engine.judging.judge import Baseline
from tests.checks.engine.conftest import Run, counted, places, thing, things

Put = Callable[..., None]
ROUTINE = above(warn=percent(10), critical=percent(50))


@row_check(things, severity=Severity.HIGH, threshold=ROUTINE)
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


@row_check(things, severity=Severity.HIGH, threshold=ROUTINE)
def big_in_the_south(row: Row) -> Bad:
    """Bigger than nine, among what stands in the south."""
    return Bad(row.size > 9, among=row.place_id == 2)


@check(severity=Severity.HIGH, threshold=ROUTINE)
def twice() -> Bad:
    """A name that is there twice."""
    names = select(things.c.name, things.c.place_id).group_by(things.c.name, things.c.place_id)
    return Bad(names.having(func.count() > 1), among=names)


@metric_check(things, severity=Severity.LOW, threshold=above(warn=rows(5), critical=rows(20)))
def biggest(row: Row) -> ColumnElement[Any]:
    """The biggest of all."""
    return func.max(row.size)


def test_a_row_rule_counts_bad_rows_among_all(run: Run, put: Put) -> None:
    put(thing("a", size=10), thing("b", size=9), thing("c", size=8), thing("d", size=7))

    result = run(big).of("big")

    assert (result.count, result.total, result.rate, result.status) == (1, 4, 0.25, Status.WARN)


def test_what_has_become_empty_counts_as_wholly_bad(run: Run) -> None:
    """The whole of it, as if every row were bad: what is gone is no better than what is wrong."""
    before = Baseline(measured={("biggest", ""): datetime(2025, 6, 27, tzinfo=UTC)})

    result = run(biggest, baseline=before).of("biggest")

    assert (result.status, result.gross_status, result.share, result.gross_share) == (*2 * [Status.ERROR], 1.0, 1.0)
    assert result.error.endswith("; on 2025-06-27 there was something")


def test_null_is_not_true_so_it_is_not_counted(run: Run, put: Put) -> None:
    put(thing("a", size=None), thing("b", size=9))

    result = run(big).of("big")

    assert (result.count, result.total, result.status) == (0, 2, Status.OK)


def test_only_the_rows_among_which_it_counts_are_counted(run: Run, put: Put) -> None:
    put(thing("a", size=10, place_id=1), thing("b", size=10, place_id=2), thing("c", size=1, place_id=2))

    result = run(big_in_the_south).of("big_in_the_south")

    assert (result.count, result.total) == (1, 2)


def test_a_question_across_tables_counts_the_rows_that_it_selects(run: Run, put: Put) -> None:
    put(thing("a"), thing("a"), thing("b"), thing("c"))

    result = run(twice).of("twice")

    assert (result.count, result.total, result.examples) == (1, 3, ({"name": "a", "place_id": 1},))


def test_a_metric_is_read_as_a_number(run: Run, put: Put) -> None:
    put(thing("a", size=7), thing("b", size=3))

    result = run(biggest).of("biggest")

    assert (result.value, result.count, result.status, result.measurement) == (7.0, None, Status.WARN, "7 rows")


def test_an_interval_is_read_in_hours(run: Run, put: Put) -> None:
    @metric_check(things, severity=Severity.LOW, threshold=above(warn=hours(26), critical=hours(50)))
    def age(row: Row, now: datetime) -> ColumnElement[Any]:
        return literal(now) - func.max(cast("2025-06-29 06:00+00", DateTime(timezone=True)))

    put(thing("a"))

    result = run(age).of("age")

    assert (result.value, result.status, result.measurement) == (30.0, Status.WARN, "30 h")


def test_no_rows_at_all_is_nothing_to_measure(run: Run) -> None:
    report = run(big, biggest, twice)

    assert {result.status for result in report.results} == {Status.SKIPPED}
    assert (report.score, report.coverage, report.exit_code()) == (None, 0.0, 5)


def test_a_share_can_be_too_low(run: Run, put: Put) -> None:
    @metric_check(things, severity=Severity.LOW, threshold=below(target=percent(99), warn=percent(90)))
    def placed(row: Row) -> ColumnElement[Any]:
        return func.count(row.place_id) * 1.0 / func.count()

    put(thing("a"), thing("b", place_id=None))

    result = run(placed).of("placed")

    assert (result.value, result.status, result.on_target) == (0.5, Status.WARN, False)


def test_a_metric_is_judged_on_its_past(run: Run, put: Put) -> None:
    @metric_check(things, severity=Severity.LOW, threshold=drop(warn=percent(20), critical=percent(50)))
    def volume(row: Row) -> ColumnElement[Any]:
        return func.count()

    put(thing("a"))

    assert run(volume).of("volume").status is Status.SKIPPED
    baseline = Baseline(readings={("volume", ""): (10.0, 10.0, 10.0)})
    assert run(volume, baseline=baseline).of("volume").status is Status.CRITICAL


def test_row_and_metric_rules_of_a_table_share_one_scan(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=1))

    with counted(shelves) as statements:
        run(big, big_in_the_south, biggest)

    assert sum("FROM things" in statement for statement in statements) == 1


def test_the_sql_that_is_shown_lists_the_bad_rows(run: Run, put: Put, shelves: Engine) -> None:
    @row_check(things, severity=Severity.HIGH, threshold=ROUTINE)
    def strange_name(row: Row) -> Bad:
        return Bad(row.name.like("%o'b:rien%"), among=row.size.in_([1, 2]))

    put(thing("100% o'b:rien"), thing("b"))

    sql = run(strange_name).of("strange_name").sql
    with shelves.connect() as connection:
        driver: Any = connection.connection.driver_connection
        found = driver.execute(sql).fetchall()

    assert found == [("100% o'b:rien", 1)]


def test_a_row_rule_that_reads_a_second_table_is_told_how_to_ask(run: Run, put: Put) -> None:
    @row_check(things, severity=Severity.HIGH, threshold=ROUTINE)
    def joined(row: Row) -> ColumnElement[bool]:
        return row.place_id == places.c.id

    put(thing("a"))

    assert run(joined).of("joined").error == (
        "a rule about things reads places as well; ask inside exists(), or write a @check across tables"
    )


def test_a_row_rule_may_ask_another_table_inside_exists(run: Run, put: Put) -> None:
    @row_check(things, severity=Severity.HIGH, threshold=ROUTINE)
    def nowhere(row: Row) -> ColumnElement[bool]:
        return ~select(places.c.id).where(places.c.id == row.place_id).exists()

    put(thing("a", place_id=1), thing("b", place_id=77))

    assert run(nowhere).of("nowhere").count == 1


@pytest.mark.parametrize("workers", [1, 4])
def test_the_number_of_workers_changes_nothing(run: Run, put: Put, workers: int) -> None:
    put(thing("a", size=10), thing("a", size=3))

    report = run(big, big_in_the_south, twice, biggest, workers=workers)

    assert [(r.rule, r.status, r.count) for r in report.results] == [
        ("twice", Status.CRITICAL, 1),
        ("big", Status.WARN, 1),
        ("biggest", Status.WARN, None),
        ("big_in_the_south", Status.SKIPPED, 0),
    ]
