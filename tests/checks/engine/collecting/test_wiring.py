"""Names are wiring: what a rule asks for by argument name is provided, once a run, and cleaned up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import ColumnElement

from checks import CheckDefinitionError, DuplicateCheckError, Row, Severity, above, fixture, percent, row_check
from checks.engine.collecting.rules import Rules
from tests.checks.engine.conftest import NOW, Run, thing, things

Put = Callable[..., None]


def rule(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function as a rule of some name."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__name__ = name
        return row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))(function)

    return mark


def test_today_and_now_are_given(run: Run, put: Put) -> None:
    seen: list[object] = []

    @rule("asks")
    def asks(row: Row, today: date, now: datetime) -> ColumnElement[bool]:
        seen.extend([today, now])
        return row.size > 9

    put(thing("a"))
    run(asks, today=date(2025, 6, 29))

    assert seen == [date(2025, 6, 29), NOW]


def test_today_is_the_day_of_now_when_nothing_else_is_said(run: Run, put: Put) -> None:
    seen: list[date] = []

    @rule("asks")
    def asks(row: Row, today: date) -> ColumnElement[bool]:
        seen.append(today)
        return row.size > 9

    put(thing("a"))
    run(asks)

    assert seen == [date(2025, 6, 30)]


def test_a_fixture_can_ask_for_a_fixture(run: Run, put: Put) -> None:
    @fixture
    def base() -> int:
        return 4

    @fixture
    def limit(base: int) -> int:
        return base * 2

    @rule("asks")
    def asks(row: Row, limit: int) -> ColumnElement[bool]:
        return row.size > limit

    put(thing("a", size=9), thing("b", size=8))

    assert run(asks, limit, base).of("asks").count == 1


def test_a_fixture_is_made_once_a_run_and_cleaned_up_after_it(run: Run, put: Put) -> None:
    events: list[str] = []

    @fixture
    def outer() -> Iterator[int]:
        events.append("outer made")
        yield 9
        events.append("outer cleaned")

    @fixture
    def inner(outer: int) -> Iterator[int]:
        events.append("inner made")
        yield outer
        events.append("inner cleaned")

    @rule("one")
    def one(row: Row, inner: int, outer: int) -> ColumnElement[bool]:
        return row.size > inner

    @rule("two")
    def two(row: Row, inner: int) -> ColumnElement[bool]:
        return row.size > inner

    put(thing("a"))
    run(one, two, inner, outer)

    assert events == ["outer made", "inner made", "inner cleaned", "outer cleaned"]


def test_what_nobody_asks_for_is_never_made(run: Run, put: Put) -> None:
    @fixture
    def costly() -> int:
        raise AssertionError("made")

    @rule("asks")
    def asks(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    put(thing("a"))

    assert run(asks, costly).of("asks").error == ""


def test_a_run_can_hand_in_values_of_its_own(run: Run, put: Put) -> None:
    @rule("asks")
    def asks(row: Row, limit: int) -> ColumnElement[bool]:
        return row.size > limit

    put(thing("a", size=10))

    assert run(asks, values={"limit": 9}).of("asks").count == 1


def test_a_default_does_where_nobody_provides_the_name(run: Run, put: Put) -> None:
    @rule("asks")
    def asks(row: Row, limit: int = 9) -> ColumnElement[bool]:
        return row.size > limit

    put(thing("a", size=10))

    assert run(asks).of("asks").count == 1


def test_an_unknown_name_says_what_is_available() -> None:
    @fixture
    def season_start() -> int:
        return 9

    @rule("asks")
    def asks(row: Row, season_stat: int) -> ColumnElement[bool]:
        return row.size > season_stat

    with pytest.raises(CheckDefinitionError) as refused:
        Rules.of(asks, season_start)

    assert str(refused.value) == (
        f"{__file__}:{asks.__code__.co_firstlineno}: check 'asks' asks for 'season_stat',"
        " which is no fixture (did you mean 'season_start'?);"
        " available: now, season_start, today"
    )


def test_fixtures_in_a_circle_are_refused() -> None:
    @fixture
    def hen(egg: int) -> int:
        return egg

    @fixture
    def egg(hen: int) -> int:
        return hen

    with pytest.raises(CheckDefinitionError, match="fixtures ask for each other in a circle: hen -> egg -> hen"):
        Rules.of(hen, egg)


def test_a_fixture_cannot_hide_what_the_run_provides() -> None:
    @fixture
    def today() -> int:
        return 9

    with pytest.raises(CheckDefinitionError, match=r"fixture 'today' \(.*\) hides a built-in name"):
        Rules.of(today)


def test_two_fixtures_of_one_name_name_both_places() -> None:
    def make() -> Callable[..., int]:
        @fixture
        def limit() -> int:
            return 9

        return limit

    with pytest.raises(DuplicateCheckError, match=r"two fixtures are called 'limit': .* and .*; rename one of them"):
        Rules.of(make(), make())
