"""How a statement is asked again, how long a rule's Python may take, and what an error is called."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, StatementError

from checks.engine.authoring import DeadlineError, MeasureError
from checks.engine.measuring import measure, snapshot
from checks.engine.measuring.measure import Asking, Measured
from checks.engine.measuring.scope import Scope
from checks.engine.measuring.snapshot import attempt, explained, not_free, timed_out, within


class Told:
    """A session that says how often it was renewed."""

    def __init__(self) -> None:
        self.renewed = 0

    def renew(self) -> None:
        self.renewed += 1


def failing(times: int, origin: psycopg.Error) -> Callable[[], str]:
    """Fails so many times, then answers."""
    left = iter(range(times))

    def ask() -> str:
        if next(left, None) is not None:
            raise OperationalError("select 1", None, origin)
        return "answered"

    return ask


@pytest.mark.parametrize(("failures", "retries"), [(0, 0), (1, 1), (2, 2), (1, 3)])
def test_a_transient_failure_is_asked_again_on_a_new_connection(
    monkeypatch: pytest.MonkeyPatch, failures: int, retries: int
) -> None:
    session: Any = Told()
    slept: list[float] = []
    monkeypatch.setattr(snapshot, "time", type("Clock", (), {"sleep": slept.append}))

    assert attempt(session, retries, 0.25, failing(failures, errors.SerializationFailure())) == "answered"
    assert (session.renewed, slept) == (failures, [0.25, 0.5, 1.0][:failures])


@pytest.mark.parametrize(
    ("failures", "retries", "origin", "renewed"),
    [
        (3, 2, errors.SerializationFailure(), 2),
        (1, 0, errors.SerializationFailure(), 0),
        (1, 2, errors.SyntaxError(), 0),
    ],
)
def test_what_fails_too_often_or_for_good_is_raised(
    failures: int, retries: int, origin: psycopg.Error, renewed: int
) -> None:
    session: Any = Told()

    with pytest.raises(OperationalError):
        attempt(session, retries, 0.0, failing(failures, origin))

    assert session.renewed == renewed


class Away(Told):
    """A session whose database is away, or answers again once it was renewed."""

    def __init__(self, *, answers: bool) -> None:
        super().__init__()
        self.answers = answers

    def all(self, statement: Any, timeout: float) -> list[Any]:
        if not self.answers:
            raise OperationalError("select 1", None, errors.AdminShutdown())
        return [(1,)]


@pytest.mark.parametrize(("answers", "hopeless"), [(True, False), (False, True)])
def test_a_database_that_does_not_answer_on_a_new_connection_is_not_asked_on(answers: bool, hopeless: bool) -> None:
    session: Any = Away(answers=answers)

    lost = OperationalError("select count(*)", None, errors.AdminShutdown())

    assert (measure.is_hopeless(session, lost), session.renewed) == (hopeless, 1)


def test_the_python_of_a_rule_answers_raises_or_is_given_up() -> None:
    release = threading.Event()

    assert within(9, "it()", lambda: 5) == 5
    with pytest.raises(IndexError):
        within(9, "it()", [].pop)
    with pytest.raises(MeasureError, match=r"^it raised SystemExit, which would end the whole run$"):
        within(9, "it()", sys.exit)
    with pytest.raises(DeadlineError, match=r"^it\(\) did not return within 0.05 s$"):
        within(0.05, "it()", release.wait)
    release.set()


def test_a_timeout_of_its_own_is_the_rules_own_error() -> None:
    def lame() -> None:
        raise TimeoutError("of a socket")

    with pytest.raises(TimeoutError, match=r"^of a socket$"):
        within(9, "it()", lame)


def test_a_rule_that_never_returns_keeps_no_process_alive() -> None:
    def thread() -> tuple[bool, str]:
        return threading.current_thread().daemon, threading.current_thread().name

    assert within(9, "it()", thread) == (True, "rule it()")


def caught(engine: Engine, statement: str, **values: Any) -> Exception:
    """The error of a statement."""
    with engine.connect() as connection:
        connection.execute(text("set local statement_timeout = 50"))
        with pytest.raises(DBAPIError) as failed:
            connection.execute(text(statement), values)
    return failed.value


def test_an_error_is_told_without_data(shelves: Engine) -> None:
    late = caught(shelves, "select pg_sleep(9)")
    value = caught(shelves, "select cast(:value as integer)", value="Jane Doe")
    unknown = caught(shelves, 'select "no_column" from things')
    long = caught(shelves, f"do $$ begin raise exception '{'x' * 400}'; end $$")

    assert explained(value) == 'invalid input syntax for type integer: "…" (SQLSTATE 22P02)'
    assert explained(unknown) == 'column "no_column" does not exist (SQLSTATE 42703)'
    assert explained(long) == "x" * 300
    assert (timed_out(late), timed_out(unknown)) == (True, False)


def test_an_error_says_what_it_is() -> None:
    late = OperationalError("select 1", None, errors.QueryCanceled())
    locked = OperationalError("select 1", None, errors.LockNotAvailable())

    assert explained(late, 2.5) == "timed out after 2.5 s (SQLSTATE 57014)"
    assert (timed_out(late), timed_out(locked), not_free(late), not_free(locked)) == (True, False, False, True)
    assert not explained(late).startswith("timed out")
    assert not explained(locked, 2.5).startswith("timed out")
    assert explained(MeasureError("the rule is lame")) == "the rule is lame"
    assert explained(StatementError("m", "select 1", {"name": "Jane"}, ValueError("Jane"))) == (
        "the statement cannot be sent: ValueError"
    )
    assert explained(ProgrammingError("select 'Jane'", None, errors.SyntaxError("Jane"))) == (
        "the statement failed (SyntaxError)"
    )


def test_rules_that_need_more_than_a_share_are_asked_once_more_in_the_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scan of 40 s timed out: each of its rules has 2 s at first, and the two slow ones share the 80 s left."""
    queries: Any = [
        SimpleNamespace(name=name, check=SimpleNamespace(mark=SimpleNamespace(timeout=40))) for name in "abcd"
    ]
    asked: list[tuple[str, int]] = []

    def alone(_: object, query: Any, __: object, seconds: float, whole: float) -> Iterator[Measured]:
        asked.append((query.name, round(seconds)))
        late = query.name in {"b", "d"} and seconds < 30
        yield Measured(query, whole, timed_out=True) if late else Measured(query, whole)

    monkeypatch.setattr(measure, "_asked_alone", alone)
    session: Any = Told()

    found = list(measure._one_by_one(session, measure.Scan(tuple(queries)), Asking(Scope(), 0.0)))

    assert asked == [("a", 2), ("b", 2), ("c", 2), ("d", 2), ("b", 40), ("d", 80)]
    assert [(one.query, one.timed_out) for one in found] == [(queries[place], False) for place in (0, 2, 1, 3)]


def test_a_rule_for_which_no_time_is_left_says_so() -> None:
    query: Any = SimpleNamespace()
    how: Any = None

    (found,) = measure._asked_alone(Told(), query, how, 0, 40)  # type: ignore[arg-type]

    assert found.error == "not measured: its scan timed out after 40 s, and the time to ask its rules alone is used up"
