"""The catalogue, and a database without constraints, so that tests can write the dirt that ours forbids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.scopes import SOURCES

CONSTRAINTS = text("""
    select format('alter table %s drop constraint %I cascade', conrelid::regclass, conname)
    from pg_constraint
    where contype in ('f', 'c', 'u') and connamespace in ('public'::regnamespace, 'quality'::regnamespace)
    union all
    select format('alter table %s alter column %I drop not null', attrelid::regclass, attname)
    from pg_attribute join pg_class on pg_class.oid = attrelid
    where attnotnull and attnum > 0 and attidentity = '' and relkind = 'r' and relnamespace = 'public'::regnamespace
      and not exists (select from pg_constraint where conrelid = attrelid and contype = 'p' and attnum = any(conkey))
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
