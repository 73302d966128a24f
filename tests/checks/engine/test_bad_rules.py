"""One rule's mistake is one rule's ERROR: the others are measured, and nothing is written."""

from __future__ import annotations

import linecache
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import ColumnElement, Engine, Integer, bindparam, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import JSONB

from checks import (
    Bad,
    Row,
    Severity,
    Status,
    above,
    check,
    fixture,
    frame_check,
    metric_check,
    percent,
    row_check,
    rows,
)
from checks.engine.reporting.report import Result
from checks.engine.reporting.verdict import Exit
from tests.checks.engine.conftest import Run, thing, things

Put = Callable[..., None]
ROUTINE = above(warn=percent(10), critical=percent(50))
LOW = Severity.LOW


@row_check(things, severity=LOW, threshold=ROUTINE)
def fine(row: Row) -> ColumnElement[bool]:
    """Nothing wrong with this rule."""
    return row.size > 9


def alone(run: Run, put: Put, rule: Callable[..., Any], **options: Any) -> Result:
    """The result of a bad rule, after seeing that a good one beside it was measured all the same."""
    put(thing("a", size=10), thing("b", size=1))
    report = run(rule, fine, **options)
    assert (report.of("fine").status, report.of("fine").count) == (Status.WARN, 1)
    result = report.of(rule.__name__)
    assert (result.status, result.share, result.gross_share) == (Status.ERROR, 1.0, 1.0)
    assert report.exit_code() is Exit.PARTIAL
    return result


def test_a_rule_that_raises(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def raises(row: Row) -> ColumnElement[bool]:
        raise ValueError("no idea")

    at = f'at test_bad_rules.py:{raises.__code__.co_firstlineno + 2}: raise ValueError("no idea")'
    assert alone(run, put, raises).error == f"the rule raised ValueError {at} (no idea)"


def test_a_rule_that_forgets_to_return(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def forgets(row: Row) -> Any:
        row.size > 9  # noqa: B015 - the mistake

    assert alone(run, put, forgets).error == (
        "the rule returned None (is a return missing?);"
        " expected the condition of a bad row or Bad(condition, among=condition)"
    )


@pytest.mark.parametrize("garbage", [True, "size > 9", 7])
def test_a_rule_that_returns_garbage(run: Run, put: Put, garbage: object) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def odd(row: Row) -> Any:
        return garbage

    assert alone(run, put, odd).error == (
        f"the rule returned {type(garbage).__name__} {garbage!r};"
        " expected the condition of a bad row or Bad(condition, among=condition)"
    )


def test_a_row_rule_that_returns_a_statement(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def odd(row: Row) -> Any:
        return Bad(select(things.c.id))

    assert alone(run, put, odd).error.startswith("the rule returned Select; expected the condition of a bad row")


def test_a_check_that_returns_a_condition(run: Run, put: Put) -> None:
    @check(severity=LOW, threshold=ROUTINE)
    def odd() -> Bad:
        return Bad(things.c.size > 9)

    assert alone(run, put, odd).error == (
        "the rule returned BinaryExpression; expected Bad(select(<keys of the bad rows>), among=select(...))"
    )


def test_a_share_of_nobody_knows_what(run: Run, put: Put) -> None:
    @check(severity=LOW, threshold=ROUTINE)
    def odd() -> Bad:
        return Bad(select(things.c.id))

    assert alone(run, put, odd).error == (
        "the rule is judged in percent, but says no among=, so there is nothing to divide by"
    )


def test_a_rule_that_divides_by_zero(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def divides(row: Row) -> ColumnElement[bool]:
        return func.div(100, row.size - 1) > 1

    assert alone(run, put, divides).error == "division by zero (SQLSTATE 22012)"


def test_an_error_does_not_repeat_what_stands_in_the_rows(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def reads_numbers(row: Row) -> ColumnElement[bool]:
        return func.to_number(row.name, "9") > row.name.cast(JSONB).cast(things.c.size.type)

    put(thing("+1 312 555 0100"))

    assert "312" not in alone(run, put, reads_numbers).error


def test_a_rule_that_hangs_in_the_database(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE, timeout=0.2)
    def hangs(row: Row) -> ColumnElement[bool]:
        return func.pg_sleep(60).is_(None)

    assert alone(run, put, hangs, timeout=1).error == "timed out after 0.2 s (SQLSTATE 57014)"


def test_a_rule_that_hangs_in_python(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE, timeout=0.2)
    def hangs(row: Row) -> ColumnElement[bool]:
        threading.Event().wait(60)
        return row.size > 9

    assert alone(run, put, hangs).error == "hangs() did not return within 0.2 s"


def test_a_rule_that_ends_its_own_connection(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE, retries=0)
    def kills(row: Row) -> ColumnElement[bool]:
        return func.pg_terminate_backend(func.pg_backend_pid())

    error = alone(run, put, kills, workers=1).error

    assert error == "terminating connection due to administrator command (SQLSTATE 57P01)"


WRITES = [
    "true); delete from things; select (1",
    "true); commit; delete from things; select (1",
    "true); rollback; begin; delete from things; commit; select (1",
    "set_config('transaction_read_only', 'off', true) = '' or lo_create(0) = 1",
    "nextval('things_id_seq') > 0",
]


@pytest.mark.parametrize("attack", WRITES)
def test_a_rule_cannot_write(run: Run, put: Put, attack: str, shelves: Engine) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def writes(row: Row) -> ColumnElement[bool]:
        return literal_column(f"({attack})").is_(True)

    alone(run, put, writes)

    with shelves.connect() as connection:
        assert connection.execute(select(func.count()).select_from(things)).scalar_one() == 2


def test_a_check_cannot_write_either(run: Run, put: Put, shelves: Engine) -> None:
    @check(severity=LOW, threshold=above(critical=rows(1)))
    def writes() -> Bad:
        deleting: Any = text("with gone as (delete from things returning id) select id from gone").columns(id=Integer)
        return Bad(deleting)

    assert "WITH clause containing a data-modifying statement must be at the top level" in alone(run, put, writes).error


def test_a_rule_that_leaks_a_transaction(run: Run, put: Put, shelves: Engine) -> None:
    @metric_check(things, severity=LOW, threshold=above(critical=rows(1)))
    def leaks(row: Row) -> ColumnElement[Any]:
        return literal_column("count(*) from things; begin; select 1")

    assert alone(run, put, leaks).error == "cannot insert multiple commands into a prepared statement (SQLSTATE 42601)"
    with shelves.connect() as connection:
        idle = text("select count(*) from pg_stat_activity where state like 'idle in transaction%' and datname = :own")
        own = connection.engine.url.database
        assert connection.execute(idle, {"own": own}).scalar_one() == 0


def test_a_fixture_that_raises_fails_those_who_ask_for_it(run: Run, put: Put) -> None:
    @fixture
    def broken() -> int:
        raise LookupError("gone")

    @row_check(things, severity=LOW, threshold=ROUTINE)
    def asks(row: Row, broken: int) -> ColumnElement[bool]:
        return row.size > broken

    put(thing("a", size=10))

    report = run(broken, asks, fine)

    assert report.of("asks").error == "fixture 'broken' raised LookupError: gone"
    assert report.of("fine").status is Status.CRITICAL


def test_a_value_that_cannot_be_sent(run: Run, put: Put) -> None:
    @row_check(things, severity=LOW, threshold=ROUTINE)
    def sends(row: Row) -> ColumnElement[bool]:
        return row.name == bindparam("name", "nul \x00 and \ud800")

    assert alone(run, put, sends).status is Status.ERROR


@pytest.mark.parametrize(
    ("reading", "told"),
    [
        (func.min(literal_column("date 'infinity'")), "a value does not fit: a date beyond the year 9999, 'infinity'"),
        (func.max(literal_column("timestamp '2025-01-01'")), "the metric is a datetime, expected a number or an"
         " interval; subtract it from `now` for an age in hours"),
        (func.max(literal_column("'NaN'::float")), "the metric is nan, which cannot be judged"),
        (func.max(literal_column("'x'::text")), "the metric is a str, expected a number or an interval"),
        (literal_column("size"), "the metric gives a value for each row; expected one aggregate such as func.max(...)"),
    ],
)  # fmt: skip
def test_a_metric_that_is_no_figure(run: Run, put: Put, reading: ColumnElement[Any], told: str) -> None:
    @metric_check(things, severity=LOW, threshold=above(warn=rows(1)))
    def odd(row: Row) -> ColumnElement[Any]:
        return reading

    assert told in alone(run, put, odd).error


FRAMES: list[tuple[Callable[[pd.DataFrame], Any], str]] = [
    (lambda frame: frame["size"], "the rule returned a Series of int64; expected a boolean Series, true for a bad row"),
    (lambda frame: [True] * len(frame), "the rule returned list; expected a boolean Series, true for a bad row"),
    (lambda frame: frame[frame["size"] > 9]["size"] > 9, "the rule returned 1 answers for 2 rows or in another order;"
     " expected one for each row, with the index of the frame"),
    (lambda frame: frame["nmae"] > 9, "the rule raised KeyError{at}; its message may hold data and is left out"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "told"), FRAMES)
def test_a_pandas_rule_that_answers_wrongly(run: Run, put: Put, body: Callable[[pd.DataFrame], Any], told: str) -> None:
    @frame_check(things, columns=["size"], severity=LOW, threshold=ROUTINE)
    def odd(frame: pd.DataFrame) -> Any:
        return body(frame)

    line = body.__code__.co_firstlineno
    at = f" at test_bad_rules.py:{line}: {linecache.getline(__file__, line).strip()}"
    assert alone(run, put, odd).error == told.replace("{at}", at)


def test_a_pandas_rule_that_hangs(run: Run, put: Put) -> None:
    @frame_check(things, columns=["size"], severity=LOW, threshold=ROUTINE, timeout=0.2)
    def hangs(frame: pd.DataFrame) -> pd.Series[bool]:
        while True:
            pass

    assert alone(run, put, hangs).error == "hangs() did not return within 0.2 s"


def test_rules_that_would_show_people_are_refused_their_examples(run: Run, put: Put) -> None:
    @check(severity=LOW, threshold=above(critical=rows(0)))
    def shows_people() -> Bad:
        return Bad(select(things.c.id, things.c.phone.label("number")))

    put(thing("a", phone="+1 312 555 0100"))

    result = run(shows_people).of("shows_people")

    assert (result.status, result.count, result.examples) == (Status.CRITICAL, 1, ())
    assert result.note.endswith("would show the personal column number; select keys, not people")


def test_clean_up_that_fails_is_a_complaint_and_stops_nothing(run: Run, put: Put) -> None:
    @fixture
    def limit() -> Iterator[int]:
        yield 9
        raise OSError("still in use")

    @row_check(things, severity=LOW, threshold=ROUTINE)
    def above_the_limit(row: Row, limit: int) -> ColumnElement[bool]:
        return row.size > limit

    put(thing("a", size=10))

    report = run(limit, above_the_limit)

    assert report.of("above_the_limit").count == 1
    assert report.complaints == ("fixture 'limit' failed to clean up: OSError: still in use",)
