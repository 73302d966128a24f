"""A rule for each place that asks for all places at once is the rule that asks place by place, in two statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from checks import Bad, Severity, Status, above, check, fixture, metric_check, percent, rows
from checks.engine.collecting.rules import Rules
from checks.engine.judging import alone
from checks.engine.reporting.report import Result
from checks.engine.run import run_checks
from tests.checks.engine.conftest import PLACE, SHELF, Run, counted, request, thing, things

Put = Callable[..., None]
ROW = things.c
SHARE = above(warn=percent(10), critical=percent(50))
LABELS = ["North", "South", "West", "Empty"]


@fixture
def place() -> list[tuple[int, str]]:
    """Four places, of which one is empty."""
    return list(enumerate(LABELS, 1))


def by_place(function: Callable[..., Bad], name: str = "big", **options: Any) -> Callable[..., Bad]:
    """A function as a rule of one name for each place."""
    function.__name__ = name
    return check(severity=Severity.LOW, threshold=SHARE, each="place", **options)(function)


def one_by_one() -> Callable[..., Bad]:
    """Things of a place that are bigger than nine."""
    return by_place(
        lambda place: Bad(
            select(ROW.name, ROW.shelf).where(ROW.size > 9, ROW.place_id == place),
            among=select(ROW.shelf, ROW.place_id).where(ROW.place_id == place),
        )
    )


def together(name: str = "big", **options: Any) -> Callable[..., Bad]:
    """The same, of all places at once."""
    return by_place(
        lambda: Bad(
            select(ROW.name, ROW.shelf, ROW.place_id).where(ROW.size > 9), among=select(ROW.shelf, ROW.place_id)
        ),
        name,
        **options,
    )


def put_some(put: Put) -> None:
    """Bad rows: one of five in North, five of six in South, two that are one in West; some stand in no place."""
    put(
        *(thing(f"n{n}", size=9 + (n == 0), place_id=1, shelf="ab"[n % 2]) for n in range(5)),
        *(thing(f"s{n}", size=4 + 6 * (n > 0), place_id=2, shelf="abb"[n % 3]) for n in range(6)),
        *(thing("w", size=20, place_id=3) for _ in range(2)),
        thing("nowhere", size=20, place_id=None),
        thing("unasked", size=20, place_id=9),
    )


def told(run: Run, rule: Callable[..., Any], **options: Any) -> list[Result]:
    """The results without what may differ: how it was asked, where that stands, how long it took."""
    shelf = replace(SHELF, labels=select(ROW.shelf, ROW.shelf).distinct(), scored=True)
    found = run(rule, place, dimensions=(shelf,), **options).results
    return [
        replace(result, sql="", seconds=0.0, source=None)
        for result in sorted(found, key=lambda result: result.parameter)
    ]


@pytest.mark.parametrize(
    "options", [{}, {"listed": 2}, {"details": False}, {"selection": None}], ids=["few", "many", "counts", "south"]
)
def test_all_at_once_gives_what_each_alone_gives(run: Run, put: Put, options: dict[str, Any]) -> None:
    from tests.checks.engine.collecting.test_selection import within  # noqa: PLC0415

    options = {"selection": within(shelf="b")} if "selection" in options else options
    put_some(put)

    results = told(run, together(), **options)

    assert results == told(run, one_by_one(), **options)
    if not options:
        assert {one.parameter: (one.count, one.total) for one in results} == {
            "North": (1, 5), "South": (5, 6), "West": (2, 2), "Empty": (0, 0),
        }  # fmt: skip


def test_more_bad_rows_than_are_read_at_once_are_read_place_by_place(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "MOST_TOGETHER", 4)
    put_some(put)

    assert told(run, together()) == told(run, one_by_one())


def test_all_places_are_asked_by_two_statements(run: Run, put: Put, shelves: Engine) -> None:
    """404 leagues were 404 statements, and each of them looked for the season of its league."""
    put_some(put)

    with counted(shelves) as statements:
        run(together(), place, details=False)

    assert sum("FROM things" in statement for statement in statements) == 2


def test_the_sql_of_a_place_lists_its_bad_rows(run: Run, put: Put, shelves: Engine) -> None:
    put_some(put)

    result = run(together(), place).of("big", "South")

    with shelves.connect() as connection:
        listed = connection.exec_driver_sql(result.sql).fetchall()
    assert [row.name for row in listed] == ["s1", "s2", "s3", "s4", "s5"]
    assert result.examples[0] == {"name": "s1", "shelf": "b"}


@pytest.mark.parametrize(
    ("bad", "among", "lacks"),
    [
        (select(ROW.name), select(ROW.place_id), "bad rows need a column 'place_id' to tell them apart; found name"),
        (select(ROW.place_id), select(ROW.id), "among need a column 'place_id' to tell them apart; found id"),
    ],
)
def test_a_rule_whose_rows_do_not_say_their_place_says_what_is_missing(
    run: Run, put: Put, bad: Any, among: Any, lacks: str
) -> None:
    put_some(put)

    report = run(by_place(lambda: Bad(bad, among=among)), place)

    said = "the rule says each='place' without an argument 'place', so it asks for all at once: its "
    assert {result.error for result in report.results} == {said + lacks}


def test_an_error_in_the_rows_of_one_place_is_that_places_alone(run: Run, put: Put) -> None:
    put_some(put)
    inverse = select(ROW.name, ROW.place_id).where(100 / (ROW.size - 4) < 9)

    report = run(by_place(lambda: Bad(inverse, among=select(ROW.place_id))), place)

    assert {one.parameter for one in report.by_status(Status.ERROR)} == {"South"}
    assert report.of("big", "South").error == "division by zero (SQLSTATE 22012)"
    assert (report.of("big", "West").count, report.of("big", "West").total) == (2, 2)


def test_bad_rows_that_are_few_come_with_their_number(run: Run, put: Put, shelves: Engine) -> None:
    """One statement for all places; those of a place with more than are listed are asked about once more."""
    put_some(put)

    asked = {}
    for listed in (1, 2, 5):
        with counted(shelves) as statements:
            run(together(), place, listed=listed)
        asked[listed] = sum("size >" in statement for statement in statements)

    assert asked == {1: 3, 2: 2, 5: 1}


def test_a_statement_that_takes_too_long_is_not_asked_once_more_for_each_place(
    run: Run, put: Put, shelves: Engine
) -> None:
    put_some(put)
    endless = select(ROW.name, ROW.place_id).where(func.pg_sleep(60).is_not(None))

    with counted(shelves) as statements:
        report = run(by_place(lambda: Bad(endless, among=select(ROW.place_id)), timeout=0.2), place)

    assert {result.error for result in report.results} == {"timed out after 0.2 s (SQLSTATE 57014)"}
    assert sum("pg_sleep" in statement for statement in statements) == 1


def test_a_place_that_is_judged_with_other_parameters_is_asked_apart(shelves: Engine, put: Put) -> None:
    def big(size: int = 9) -> Bad:
        return Bad(select(ROW.name, ROW.place_id).where(ROW.size > size), among=select(ROW.place_id))

    put_some(put)
    rules = Rules.of(by_place(big), place, domain="things")
    own = rules["big"]
    south = replace(own, parameters={"size": 3}, segments={})
    changed = replace(own, segments={("place", "South"): south, ("place", "West"): None})

    report = run_checks(shelves, rules.only([changed]), request())

    assert {one.parameter: (one.count, one.status) for one in report.results} == {
        "North": (1, Status.WARN), "South": (6, Status.CRITICAL), "West": (None, Status.SKIPPED),
        "Empty": (0, Status.SKIPPED),
    }  # fmt: skip


def test_rows_that_do_not_say_their_place_cannot_be_judged_apart(shelves: Engine, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(2)))
    def big() -> Bad:
        return Bad(select(ROW.name).where(ROW.size > 9))

    put_some(put)
    rules = Rules.of(big, domain="things")
    changed = replace(rules["big"], segments={("place", "South"): replace(rules["big"], segments={})})

    report = run_checks(shelves, rules.only([changed]), request(dimensions=(PLACE,)))

    assert [(one.status, one.error) for one in report.results] == [
        (Status.ERROR, "cannot be judged apart: its rows do not say their place, so it cannot be narrowed to one")
    ]


def test_rows_are_counted_without_an_among(run: Run, put: Put) -> None:
    put_some(put)
    rule = check(severity=Severity.LOW, threshold=above(warn=rows(2)), each="place")

    def big() -> Bad:
        return Bad(select(ROW.name, ROW.place_id).where(ROW.size > 9))

    report = run(rule(big), place)

    assert {one.parameter: (one.count, one.total, one.status) for one in report.results} == {
        "North": (1, None, Status.OK), "South": (5, None, Status.WARN), "West": (2, None, Status.OK),
        "Empty": (0, None, Status.OK),
    }  # fmt: skip


def figure(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function as a rule about a figure of each place."""
    function.__name__ = "biggest"
    return metric_check(things, severity=Severity.LOW, threshold=above(warn=rows(9)), each="place")(function)


@pytest.mark.parametrize("aggregate", [func.max(ROW.size), func.count(), func.sum(ROW.size)], ids=str)
def test_a_figure_of_all_places_at_once_is_that_of_each_alone(run: Run, put: Put, aggregate: Any) -> None:
    """Also of a place without rows, and in the SQL that is shown."""
    put_some(put)

    at_once = run(figure(lambda row: aggregate), place)
    alone = run(figure(lambda row, place: aggregate.filter(row.place_id == place)), place)

    assert [(one.parameter, one.value, one.status, one.sql) for one in at_once.results] == [
        (one.parameter, one.value, one.status, one.sql) for one in alone.results
    ]
    assert len({one.value for one in at_once.results}) > 2


def test_a_figure_of_all_places_is_asked_for_by_one_statement_and_its_rule_once(
    run: Run, put: Put, shelves: Engine
) -> None:
    put_some(put)
    asked = iter([func.max(ROW.size)])

    with counted(shelves) as statements:
        report = run(figure(lambda row: next(asked)), place)

    assert [result.error for result in report.results] == [""] * 4
    assert sum("max(things.size)" in statement for statement in statements) == 1


@pytest.mark.parametrize(
    "answer", [lambda row: func.max(row.size) / func.min(row.size), lambda row: row.size], ids=["two", "none"]
)
def test_a_figure_of_all_places_at_once_is_one_aggregate(run: Run, put: Put, answer: Callable[..., Any]) -> None:
    put_some(put)

    report = run(figure(answer), place)

    said = (
        "the rule takes no 'place', so it asks for all at once: it returns one aggregate such as func.count(), of a"
        " table with a column 'place_id'"
    )
    assert {(one.parameter, one.error) for one in report.results} == {(label, said) for label in LABELS}
