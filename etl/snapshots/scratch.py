"""The rows of a snapshot in a schema of their own, inside a transaction: nobody else ever sees them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from etl.repairs.shape import Shape, find_shape
from etl.snapshots.errors import SnapshotError
from etl.snapshots.manifest import Held, Snapshot
from etl.snapshots.reading import lines

SCHEMA = "rally_restore"


@contextmanager
def loaded(connection: Connection, snapshot: Snapshot) -> Iterator[dict[str, Shape]]:
    """Load a snapshot for the block; the tables of the scratch schema by the label of the table that they stand for."""
    connection.execute(text(f"create schema {SCHEMA}"))
    yield {held.table: _load(connection, snapshot, held) for held in snapshot.tables}
    connection.execute(text(f"drop schema {SCHEMA} cascade"))


@contextmanager
def looking_at_scratch(connection: Connection) -> Iterator[None]:
    """Let statements that name no schema, such as those of rules, see the scratch tables for the block."""
    before = connection.execute(text("select current_setting('search_path')")).scalar_one()
    statement = text("select set_config('search_path', :path, true)")
    connection.execute(statement, {"path": f"{SCHEMA}, public"})
    yield
    connection.execute(statement, {"path": before})


def _load(connection: Connection, snapshot: Snapshot, held: Held) -> Shape:
    live = find_shape(connection, held.table)
    if live is None:
        raise SnapshotError(f"the database has no table {held.table}: run `rally-health init` first")
    unknown = [name for name in held.columns if name not in live.types]
    if unknown:
        raise SnapshotError(f"snapshot {snapshot.name} has columns of {held.table} that are gone: {', '.join(unknown)}")
    quote = connection.dialect.identifier_preparer.quote
    target, names = f"{SCHEMA}.{quote(live.name)}", ", ".join(quote(name) for name in held.columns)
    connection.exec_driver_sql(f"create table {target} as table {quote(live.schema)}.{quote(live.name)} with no data")
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    with driver.cursor() as cursor, cursor.copy(f"copy {target} ({names}) from stdin") as rows:
        for line in lines(snapshot, held.table):
            rows.write(line)
    connection.exec_driver_sql(f"analyze {target}")
    found = find_shape(connection, f"{SCHEMA}.{live.name}")
    assert found is not None  # noqa: S101 - just made
    return Shape(found.schema, found.name, {name: found.types[name] for name in held.columns}, live.key)
