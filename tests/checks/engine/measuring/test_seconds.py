"""How long each rule took: its statement's time, or its share of the time of one that several rules have together."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select

from checks import Bad, Row, Severity, above, check, frame_check, metric_check, percent, row_check, rows
from checks.engine.judging import alone, evaluate, evidence
from checks.engine.measuring import measure
from tests.checks.engine.conftest import Run, thing, things
from tests.checks.engine.measuring.test_together import place, together

Put = Callable[..., None]
STEP = 12.0
"""Seconds by which the clock of these tests goes on each time that somebody looks."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that begins late, so that a reading of it is no span."""
    looks = itertools.count(1_000.0, STEP)
    for module in (alone, evaluate, evidence, measure):
        own = module.time
        monkeypatch.setattr(
            module, "time", SimpleNamespace(perf_counter=lambda: next(looks), monotonic=own.monotonic, sleep=own.sleep)
        )


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1)))
def nameless(row: Row) -> ColumnElement[bool]:
    """Without a name."""
    return row.name.is_(None)


@metric_check(things, severity=Severity.LOW, threshold=above(warn=rows(1_000)))
def how_many(row: Row) -> ColumnElement[Any]:
    """The number of things."""
    return func.count()


@check(severity=Severity.LOW, threshold=above(warn=percent(1)))
def across() -> Bad:
    """Bigger than nine, asked across tables."""
    return Bad(select(things.c.name).where(things.c.size > 9), among=select(things.c.name))


@frame_check(things, columns=["name", "size"], severity=Severity.LOW, threshold=above(warn=percent(1)))
def large(frame: Any) -> Any:
    """Bigger than nine, as pandas says it."""
    return frame["size"] > 9


@check(severity=Severity.LOW, threshold=above(warn=rows(0)))
def broken() -> Bad:
    """Divides by nought."""
    return Bad(select(things.c.name).where(1 / (things.c.size - things.c.size) > 1))


def seconds(run: Run, *rules: Any, **options: Any) -> dict[str, float]:
    return {result.title: result.seconds for result in run(*rules, **options).results}


def test_rules_of_one_statement_have_a_part_of_its_time_each(run: Run, put: Put) -> None:
    put(thing("a", size=10))

    assert seconds(run, big, nameless, how_many) == {"big": 4.0, "nameless": 4.0, "how_many": 4.0}


@pytest.mark.parametrize("rule", [across, large, broken, big])
def test_a_rule_alone_has_the_time_of_its_statement(run: Run, put: Put, rule: Callable[..., Any]) -> None:
    put(thing("a", size=10))

    assert list(seconds(run, rule).values()) == [STEP]


def test_parameters_that_are_asked_for_at_once_have_a_part_each(run: Run, put: Put) -> None:
    put(thing("a", size=10))

    assert list(seconds(run, together(), place).values()) == 4 * [3.0]


def test_rules_that_had_very_many_bad_rows_share_the_time_of_drawing_and_counting(run: Run, put: Put) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1)))
    def not_small(row: Row) -> ColumnElement[bool]:
        """Bigger than nothing."""
        return row.size > 0

    put(*(thing(f"b{n}", size=10) for n in range(30)))
    before = run(big, not_small, listed=10)
    put(thing("more", size=10))

    assert seconds(run, big, not_small, listed=10, baseline=before.as_baseline()) == {"big": 6.0, "not_small": 6.0}
