"""Which queries share a statement, and where one statement would be too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Engine, func

from checks import Row, Severity, Status, above, metric_check, percent, row_check, rows
from checks.engine.measuring.snapshot import asking
from tests.checks.engine.conftest import Run, counted, thing, things

Put = Callable[..., None]


def rule(number: int, size: int = 9) -> Callable[..., Any]:
    """A row rule of its own name."""

    def bigger(row: Row) -> ColumnElement[bool]:
        return row.size > size

    bigger.__name__ = f"bigger_{number}"
    return row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))(bigger)


def scans(statements: list[str]) -> int:
    """How many of the statements pass over the table."""
    return sum("FROM things" in statement for statement in statements)


def test_more_targets_than_postgresql_takes_are_split(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=1))

    with counted(shelves) as statements:
        report = run(*(rule(number) for number in range(1_000)))

    assert report.counts() == {Status.OK: 1_000}
    assert scans(statements) == 2


def test_more_parameters_than_postgresql_takes_are_split(run: Run, put: Put, shelves: Engine) -> None:
    def long(number: int) -> Callable[..., Any]:
        def listed(row: Row) -> ColumnElement[bool]:
            return row.size.in_(range(20_000))

        listed.__name__ = f"listed_{number}"
        return row_check(things, severity=Severity.LOW, threshold=above(warn=rows(1)))(listed)

    put(thing("a", size=-1))

    with counted(shelves) as statements:
        report = run(*(long(number) for number in range(4)))

    assert report.counts() == {Status.OK: 4}
    assert scans(statements) == 4


def test_one_broken_predicate_among_many_is_found_by_halves(run: Run, put: Put, shelves: Engine) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))
    def broken(row: Row) -> ColumnElement[bool]:
        return func.div(1, row.size) > 1

    put(thing("a", size=0))

    with counted(shelves) as statements:
        report = run(*(rule(number) for number in range(63)), broken)

    assert report.counts() == {Status.OK: 63, Status.ERROR: 1}
    assert scans(statements) == 1 + 2 * 6


def test_a_slow_rule_reaches_its_limit_once_more_and_not_in_every_half(run: Run, put: Put, shelves: Engine) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))
    def slow(row: Row) -> ColumnElement[bool]:
        return func.pg_sleep(30).is_(None)

    put(thing("a", size=0))

    with counted(shelves) as statements:
        report = run(*(rule(number) for number in range(7)), slow, timeout=0.2)

    assert report.counts() == {Status.OK: 7, Status.ERROR: 1}
    assert scans(statements) == 1 + 8


def test_a_metric_shares_the_scan_of_row_rules_and_of_its_own_failures(run: Run, put: Put) -> None:
    @metric_check(things, severity=Severity.LOW, threshold=above(warn=rows(1)))
    def endless(row: Row) -> ColumnElement[Any]:
        return func.sum(row.size) / 0

    put(thing("a", size=10))

    report = run(rule(1), endless)

    assert report.of("bigger_1").count == 1
    assert report.of("endless").error == "division by zero (SQLSTATE 22012)"


def test_every_statement_has_a_parameter_so_that_two_statements_in_one_are_refused() -> None:
    assert asking(func.count()).compile().params == {"rally": 1}
