"""The tables are what the migrations make."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from etl.tables import QUALITY, metadata


def test_a_migrated_database_is_what_the_tables_say(connection: Connection) -> None:
    options = {"include_schemas": True, "version_table_schema": QUALITY}
    found = MigrationContext.configure(connection, opts=options)

    assert compare_metadata(found, metadata) == []
