"""Which queries share a statement, and where one statement would be too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, Engine, Integer, MetaData, Table, case, func, text

from checks import Bad, Row, Severity, Status, above, fixture, metric_check, percent, row_check, rows
from checks.engine.collecting.rules import Rules
from checks.engine.measuring.snapshot import asking
from checks.engine.run import run_checks
from etl.connections import TimeLimits
from etl.database import open_engine
from tests.checks.engine.conftest import PLACE, Run, counted, request, thing, things

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
        report = run(*(long(number) for number in range(2)))

    assert report.counts() == {Status.OK: 2}
    assert scans(statements) == 2


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
        report = run(*(rule(number) for number in range(7)), slow, timeout=0.25)

    assert report.counts() == {Status.OK: 7, Status.ERROR: 1}
    assert scans(statements) == 1 + 8


def test_a_table_that_somebody_holds_is_asked_once_and_not_in_every_half(put: Put, shelves: Engine) -> None:
    hurried = open_engine(shelves.url.render_as_string(hide_password=False), limits=TimeLimits(lock=0.3))
    rules = Rules.of(*(rule(number) for number in range(7)), domain="things")
    put(thing("a", size=1))

    with shelves.begin() as holding, counted(hurried) as statements:
        pid = holding.scalar(text("select pg_backend_pid()"))
        holding.execute(text("lock table things in access exclusive mode"))
        report = run_checks(hurried, rules, request())

    hurried.dispose()
    assert report.counts() == {Status.ERROR: 7}
    assert all(f"it waited for process {pid} " in result.error for result in report.results)
    assert scans(statements) == 1


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


@fixture
def shelf() -> list[str]:
    """Five shelves, of which one is empty."""
    return ["a", "b", "c", "d", "empty"]


def of_shelf(name: str, metric: Callable[[Row, str], ColumnElement[Any]]) -> Callable[..., Any]:
    """A metric of its own name, for each shelf."""

    def measured(row: Row, shelf: str) -> ColumnElement[Any]:
        return metric(row, shelf)

    measured.__name__ = name
    return metric_check(things, severity=Severity.LOW, threshold=above(critical=rows(999)), each="shelf")(measured)


SHELVES = [
    (lambda row, shelf: func.count().filter(row.shelf == shelf), {"a": 1, "b": 2, "c": 3, "d": 4, "empty": 0}),
    (lambda row, shelf: func.sum(row.size).filter(row.shelf == shelf), {"a": 1, "b": 3, "c": 6, "d": 10}),
    (lambda row, shelf: func.max(row.size).filter(row.shelf == shelf), {"a": 1, "b": 2, "c": 3, "d": 4}),
]
OTHERS = [
    (lambda row, shelf: func.count().filter(row.shelf != shelf), {"a": 9, "b": 8, "c": 7, "d": 6, "empty": 10}),
    (lambda row, shelf: func.count().filter((row.shelf == shelf) & (row.size > 1)), {
        "a": 0, "b": 1, "c": 2, "d": 3, "empty": 0,
    }),
    (lambda row, shelf: func.count().filter(row.shelf == "a"), dict.fromkeys(["a", "b", "c", "d", "empty"], 1)),
    (lambda row, shelf: func.sum(case((row.shelf == "a", 9), else_=row.size)).filter(row.shelf == shelf), {
        "a": 9, "b": 3, "c": 6, "d": 10,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "values"), [*SHELVES, *OTHERS])
def test_a_metric_of_each_value_is_what_its_condition_alone_would_give(
    run: Run, put: Put, metric: Any, values: dict[str, int]
) -> None:
    put(
        *(thing(f"{shelf}{n}", size=n, shelf=shelf) for last, shelf in enumerate("abcd", 1) for n in range(1, last + 1))
    )

    report = run(of_shelf("measured", metric), shelf)

    assert {result.parameter: result.value for result in report.results if result.value is not None} == values


@pytest.mark.parametrize("metric", [metric for metric, _ in SHELVES])
def test_a_metric_of_each_value_asks_no_condition_of_every_row_for_each(
    run: Run, put: Put, shelves: Engine, metric: Any
) -> None:
    """404 leagues made 404 conditions, asked of each of 800,000 results."""
    put(thing("x", shelf="a"))

    with counted(shelves) as statements:
        run(of_shelf("measured", metric), shelf)

    assert [("GROUP BY" in one, "FILTER" in one) for one in statements if "FROM things" in one] == [(True, False)]


def test_a_metric_whose_groups_cannot_be_read_is_an_error_of_its_own(run: Run, put: Put) -> None:
    put(thing("x", shelf="a", size=0))
    broken = of_shelf("broken", lambda row, shelf: func.sum(1 / row.size).filter(row.shelf == shelf))

    report = run(broken, of_shelf("sound", SHELVES[0][0]), shelf)

    assert {result.status for result in report.results if result.rule == "broken"} <= {Status.ERROR, Status.SKIPPED}
    assert {result.status for result in report.results if result.rule == "sound"} == {Status.OK}


def test_which_rows_are_bad_is_asked_once(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=1), *(thing(name, size=11) for name in "bcd"), thing("e", size=31))

    with counted(shelves) as statements:
        report = run(rule(1, 10), rule(2, 30), rule(3, 90))

    asked = [statement for statement in statements if "things.size >" in statement]
    names = {result.rule: [example["name"] for example in result.examples] for result in report.results}
    assert len(asked) == 1
    assert names == {"bigger_1": ["b", "c", "d", "e"], "bigger_2": ["e"], "bigger_3": []}


def test_a_table_whose_key_is_not_unique_shows_its_bad_rows_all_the_same(shelves: Engine) -> None:
    loose = Table("loose", MetaData(), Column("id", Integer, primary_key=True), Column("size", Integer))

    @row_check(loose, severity=Severity.LOW, threshold=above(warn=rows(0)))
    def large(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    with shelves.begin() as connection:
        connection.execute(text("create table loose (id integer, size integer)"))
        connection.execute(text("insert into loose values (1, 10), (1, 10), (2, 10), (null, 10), (3, 1)"))
    try:
        (result,) = run_checks(shelves, Rules.of(large, domain="things"), request()).results
    finally:
        with shelves.begin() as connection:
            connection.execute(text("drop table loose"))

    assert (result.count, result.total, result.note) == (4, 5, "")
    assert result.findings is not None
    assert {(finding.key["id"], finding.times) for finding in result.findings.listed} == {(1, 2), (2, 1), (None, 1)}


def test_rows_are_counted_also_where_their_key_must_not_be_read(shelves: Engine, put: Put) -> None:
    put(thing("a", size=10), thing("b", size=1))
    with shelves.begin() as connection:
        connection.execute(text("create role keyless; grant select (name, place_id, size) on things to keyless"))
    try:
        (result,) = run_checks(shelves, Rules.of(rule(1), domain="things"), request(role="keyless")).results
    finally:
        with shelves.begin() as connection:
            connection.execute(text("drop owned by keyless; drop role keyless"))

    assert (result.count, result.total, result.error) == (1, 2, "")
    assert [example["name"] for example in result.examples] == ["a"]


def test_what_several_rules_count_among_is_asked_once_of_a_row(run: Run, put: Put, shelves: Engine) -> None:
    def among(number: int, letter: str) -> Callable[..., Any]:
        def bigger(row: Row) -> Bad:
            return Bad(row.size > number, among=func.lower(row.name) != letter)

        bigger.__name__ = f"bigger_{number}"
        return row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))(bigger)

    put(thing("A", size=9), *(thing(name, size=7) for name in "BC"), thing("D", size=5), {**thing("x"), "name": None})

    with counted(shelves) as statements:
        report = run(among(8, "a"), among(6, "a"), among(4, "a"), among(3, "b"), dimensions=(PLACE,))

    assert {result.rule: (result.count, result.total) for result in report.results} == {
        "bigger_8": (0, 3), "bigger_6": (2, 3), "bigger_4": (3, 3), "bigger_3": (3, 3),
    }  # fmt: skip
    asked = [statement for statement in statements if "lower(" in statement]
    # in the scan, then where bad rows stand: once for three rules, and for the fourth in each of its own counts
    assert [statement.count("lower(") for statement in asked if "LATERAL" in statement] == [3, 2]
