"""The tables are what the migrations make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, literal, select
from sqlalchemy.exc import IntegrityError

from etl.kinds.schedules import fixture_kind
from etl.tables import QUALITY, is_bye_name, is_practice_name, metadata, schedule


@pytest.fixture(scope="module")
def migrated(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def test_a_migrated_database_is_what_the_tables_say(connection: Connection) -> None:
    options = {"include_schemas": True, "version_table_schema": QUALITY}
    found = MigrationContext.configure(connection, opts=options)

    assert compare_metadata(found, metadata) == []


@given(
    st.lists(st.sampled_from(["bye", "BYE", "Bye", "practice", "Practice", " ", "\t", "-", "_", "s", "é", "1", "A"]))
)
def test_import_rules_and_check_agree_about_who_is_a_team(migrated: Connection, parts: list[str]) -> None:
    home = "".join(parts)
    asked = select(is_bye_name(literal(home)), is_practice_name(literal(home)))
    row = {"match_date": "2025-01-01", "home_team": home, "away_team": "B - 1"}

    is_bye, is_practice = migrated.execute(asked).one()
    with migrated.begin_nested() as savepoint:
        try:
            migrated.execute(insert(schedule).values(row))
            is_taken = True
        except IntegrityError:
            is_taken = False
        savepoint.rollback()

    assert (fixture_kind(home, "B - 1") == "bye") is is_bye
    assert is_taken is (is_bye or is_practice)
