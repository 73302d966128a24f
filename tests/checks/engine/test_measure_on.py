"""Rules inside someone else's transaction: what an import is about to publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, delete, func, literal_column, select, text

from checks import Row, Severity, Status, above, percent, row_check
from checks.engine.authoring import MeasureError
from checks.engine.collecting.rules import Rules
from checks.engine.measuring.snapshot import OpenSession
from checks.engine.run import measure_on
from tests.checks.engine.conftest import request, thing, things

Put = Callable[..., None]


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))
def broken(row: Row) -> ColumnElement[bool]:
    """Divides by zero."""
    return func.div(1, row.size - row.size) > 1


def test_rules_see_what_is_not_committed_yet(shelves: Engine) -> None:
    with shelves.connect() as connection, connection.begin() as transaction:
        connection.execute(things.insert(), [thing("a", size=10)])
        report = measure_on(connection, Rules.of(big), request())
        transaction.rollback()

    assert report.of("big").count == 1


def test_before_and_after_are_compared_in_one_transaction(shelves: Engine) -> None:
    rules = Rules.of(big)
    with shelves.connect() as connection, connection.begin() as transaction:
        connection.execute(things.insert(), [thing("a", size=10)])
        before = measure_on(connection, rules, request())
        connection.execute(things.insert(), [thing("b", size=10)])
        after = measure_on(connection, rules, request(baseline=before.as_baseline()))
        transaction.rollback()

    result = after.of("big")
    assert (result.new, result.known, result.examples[0]) == (1, 1, {"name": "b", "place_id": 1})


def test_a_broken_rule_leaves_the_transaction_usable(shelves: Engine) -> None:
    with shelves.connect() as connection, connection.begin() as transaction:
        connection.execute(things.insert(), [thing("a", size=10)])
        report = measure_on(connection, Rules.of(big, broken), request())
        kept = connection.execute(select(func.count()).select_from(things)).scalar_one()
        transaction.rollback()

    assert (report.of("broken").status, report.of("big").count, kept) == (Status.ERROR, 1, 1)


def test_a_statement_that_ends_the_savepoint_leaves_a_connection_that_nobody_can_use(shelves: Engine) -> None:
    with shelves.connect() as connection, connection.begin() as transaction:
        session = OpenSession(connection)

        with pytest.raises(MeasureError, match=r"^the rule left its connection unusable: .*savepoint \"rally\""):
            session.all(text("release savepoint rally"), 10)  # type: ignore[arg-type]

        assert connection.invalidated
        transaction.rollback()


def test_what_a_rule_writes_is_undone(shelves: Engine) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))
    def writes(row: Row) -> ColumnElement[bool]:
        return literal_column("pg_try_advisory_xact_lock(4711)").is_(True)

    with shelves.connect() as connection, connection.begin() as transaction:
        connection.execute(things.insert(), [thing("a")])
        measure_on(connection, Rules.of(writes), request())
        held = text("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711")
        locks = connection.execute(held).scalar_one()
        transaction.rollback()

    assert locks == 0


def test_the_timeout_of_a_rule_does_not_outlive_it(shelves: Engine) -> None:
    with shelves.connect() as connection, connection.begin():
        connection.execute(text("set local statement_timeout = '77s'"))
        measure_on(connection, Rules.of(big, broken), request())
        found = connection.execute(text("show statement_timeout")).scalar_one()

    assert found == "77s"


def test_the_transaction_stays_its_owners(shelves: Engine, put: Put) -> None:
    put(thing("a", size=10))
    with shelves.connect() as connection:
        transaction: Any = connection.begin()
        connection.execute(delete(things))
        measure_on(connection, Rules.of(big), request())
        still_open = transaction.is_active
        transaction.rollback()
        after = connection.execute(select(func.count()).select_from(things)).scalar_one()

    assert (still_open, after) == (True, 1)
