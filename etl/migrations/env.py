"""Alembic's entry: runs the revisions on the connection that `etl.migrate` hands over."""

from __future__ import annotations

from alembic import context

from etl.tables import QUALITY, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=QUALITY,
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
