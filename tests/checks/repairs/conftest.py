"""A database without constraints, dirt to write into it, and repairs of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, text

from checks.engine.collect import collect
from checks.engine.rules import Rules
from checks.repairs import Means, Plan, apply, plan
from checks.scopes import SOURCES
from etl.repairs import Repair
from tests.checks.rules.conftest import CONSTRAINTS
from tests.checks.rules.entries import NOW, TODAY, Entry

SEQUENCES = text("""
    select format('select setval(%L, coalesce((select max(id) from %s), 0) + 1)',
                  pg_get_serial_sequence(c.oid::regclass::text, 'id'), c.oid::regclass)
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and pg_get_serial_sequence(c.oid::regclass::text, 'id') is not null
""")


@pytest.fixture(scope="session")
def catalogue() -> Rules:
    """Every rule of the project, with its fix."""
    return collect(SOURCES)


@pytest.fixture(scope="module")
def unconstrained(engine: Engine) -> Iterator[Connection]:
    """A transaction in which foreign keys, CHECKs and unique keys are dropped; rolled back in the end."""
    with engine.connect() as connection, connection.begin() as transaction:
        for statement in connection.execute(CONSTRAINTS).scalars().all():
            connection.exec_driver_sql(statement)
        yield connection
        transaction.rollback()


@pytest.fixture
def loose(unconstrained: Connection) -> Iterator[Connection]:
    """The unconstrained database as it was before the test."""
    with unconstrained.begin_nested() as savepoint:
        yield unconstrained
        savepoint.rollback()


def write(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write rows, and let ids go on behind them."""
    for entry in entries:
        connection.execute(insert(entry.table).values(entry.values))
    for statement in connection.execute(SEQUENCES).scalars().all():
        connection.exec_driver_sql(statement)


def means(connection: Connection, *feeds: Path) -> Means:
    return Means(connection, NOW, TODAY, feeds)


def planned(connection: Connection, rules: Rules, rule: str, *feeds: Path) -> Plan:
    return plan(rules, rule, means(connection, *feeds), "kim")


def repaired(connection: Connection, rules: Rules, rule: str, *feeds: Path) -> Repair:
    """Plan and apply the fix of a rule."""
    found = planned(connection, rules, rule, *feeds)
    assert found.repair is not None, found.why
    return apply(rules, found.repair.id, means(connection), "kim")
