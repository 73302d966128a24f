"""Rules that are asked again in one process: called once for the same arguments, their statements made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Engine, event, func, select, text

from checks import Bad, Row, Severity, above, check, row_check, rows, shared_set
from checks.engine.authoring import UnknownColumnError
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report
from checks.engine.run import run_checks
from tests.checks.engine.conftest import PLACE, SHELF, request, thing, things
from tests.checks.engine.measuring.test_readings import big, biggest, twice

Put = Callable[..., None]
FEW = above(warn=rows(0), critical=rows(100))


def of_place(engine: Engine, rules: Rules, *labels: str, shelf: str = "", **options: Any) -> Report:
    """A report about the things of some places, and of one shelf of them."""
    scope = {"place": labels, **({"shelf": (shelf,)} if shelf else {})}
    wanted = request(selection=Selection(scope=scope), dimensions=(PLACE, LETTERED), **options)
    return run_checks(engine, rules, wanted)


LETTERED = replace(SHELF, labels=select(things.c.shelf, things.c.shelf).distinct())


def stock() -> list[dict[str, Any]]:
    """In the north one big thing and a name that is there twice, in the south three big things."""
    north = [thing("a", size=10), thing("b", size=2), thing("b", size=3), thing("c", size=4, shelf="o'b")]
    south = [thing(f"s{size}", size=size, place_id=2) for size in (1, 11, 12, 13)]
    return [*north, *south]


def figures(report: Report) -> dict[str, tuple[int | float | None, int | None]]:
    """What was found of each rule: bad rows or a value, and the total."""
    return {r.rule: (r.value if r.count is None else r.count, r.total) for r in report.results}


def test_one_rule_finds_of_each_part_what_is_in_it(shelves: Engine, put: Put) -> None:
    put(*stock())
    rules = Rules.of(big, twice, biggest)

    found = [figures(of_place(shelves, rules, *labels)) for labels in (["North"], ["South"], ["North", "South"])]

    assert found == [
        {"big": (1, 4), "twice": (1, 3), "biggest": (10.0, None)},
        {"big": (3, 4), "twice": (0, 4), "biggest": (13.0, None)},
        {"big": (4, 8), "twice": (1, 7), "biggest": (13.0, None)},
    ]


def test_the_sql_of_each_part_finds_what_the_rule_found(shelves: Engine, put: Put) -> None:
    put(*stock())
    rules = Rules.of(big)

    for label, shelf, bad in (("North", "a", 1), ("South", "a", 3), ("North", "o'b", 0), ("North", "", 1)):
        result = of_place(shelves, rules, label, shelf=shelf).of("big")
        with shelves.connect() as connection:
            listed = connection.execute(text(result.sql.replace(":", "\\:"))).all()
        assert (result.count, len(listed)) == (bad, bad), (label, shelf)


def test_a_rule_is_called_once_for_the_same_arguments(shelves: Engine, put: Put) -> None:
    days: list[date] = []

    @row_check(things, severity=Severity.HIGH, threshold=FEW)
    def told_the_day(row: Row, today: date) -> ColumnElement[bool]:
        days.append(today)
        return row.size > today.day

    put(thing("a", size=12))
    rules = Rules.of(told_the_day)

    counts = [
        run_checks(shelves, rules, request(today=date(2025, 6, day))).of("told_the_day").count
        for day in (10, 11, 12, 11, 10)
    ]

    assert (counts, days) == ([1, 1, 0, 1, 1], [date(2025, 6, day) for day in (10, 11, 12)])


def test_a_rule_that_looks_at_the_day_itself_is_called_on_each_day(shelves: Engine, put: Put) -> None:
    calls: list[int] = []

    @row_check(things, severity=Severity.HIGH, threshold=FEW)
    def counted(row: Row) -> ColumnElement[bool]:
        calls.append(len(calls) + 1)
        return row.size > calls[-1]

    put(thing("a", size=2))
    rules = Rules.of(counted)

    found = [run_checks(shelves, rules, request(today=date(2025, 6, day))).of("counted").count for day in (1, 1, 2)]

    assert (found, calls) == ([1, 1, 0], [1, 2])


def test_a_set_that_rules_share_is_read_anew_by_each_run(shelves: Engine, put: Put) -> None:
    @check(severity=Severity.HIGH, threshold=FEW)
    def crowded() -> Bad:
        """More than one thing at its place."""
        places = select(things.c.place_id, func.count().label("number")).group_by(things.c.place_id)
        place = shared_set("crowds", places)
        return Bad(select(things.c.id).join(place, place.c.place_id == things.c.place_id).where(place.c.number > 1))

    rules = Rules.of(crowded)
    counts = []
    for more in ([thing("a"), thing("b")], [thing("c", place_id=2)], [thing("d"), thing("e", place_id=2)]):
        put(*more)
        counts.append(run_checks(shelves, rules, request()).of("crowded").count)

    assert counts == [2, 2, 5]


def test_a_table_known_by_name_is_read_anew(shelves: Engine, put: Put) -> None:
    @row_check("things", severity=Severity.HIGH, threshold=FEW)
    def in_the_way(row: Row) -> ColumnElement[bool]:
        try:
            return row.grown
        except UnknownColumnError:
            return row.size > 9

    put(thing("a", size=12), thing("b", size=1))
    rules = Rules.of(in_the_way)
    before = run_checks(shelves, rules, request()).of("in_the_way").count
    with column(shelves, "grown boolean not null default true"):
        after = run_checks(shelves, rules, request()).of("in_the_way").count

    assert (before, after) == (1, 2)


@contextmanager
def column(engine: Engine, declared: str) -> Iterator[None]:
    """The table with one column more, for the block."""
    with engine.begin() as connection:
        connection.execute(text(f"alter table things add {declared}"))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"alter table things drop {declared.split(maxsplit=1)[0]}"))


def test_a_further_part_is_asked_by_the_statements_of_the_first(shelves: Engine, put: Put) -> None:
    put(*stock())
    rules = Rules.of(big, twice, biggest)
    with narrowed(shelves) as first:
        of_place(shelves, rules, "North", details=False)
    with narrowed(shelves) as second:
        of_place(shelves, rules, "South", details=False)

    assert len(first) == 2  # one of the scan, one of the rule that asks alone
    assert set(map(id, second)) == set(map(id, first))


@contextmanager
def narrowed(engine: Engine) -> Iterator[list[Any]]:
    """The statements about a part of the rows that are executed in the block, as they were written in Python."""
    sent: list[Any] = []

    def note(_connection: object, statement: Any, *_: object) -> None:
        if "only_place_0" in str(statement):
            sent.append(statement)

    event.listen(engine, "before_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_execute", note)
