"""Takes a snapshot: one moment of all tables, written beside its final place and put there when it is whole."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, literal, select, text

from etl.migrate import current
from etl.repairs.shape import Shape, find_shape
from etl.snapshots import manifest
from etl.snapshots.errors import SnapshotError
from etl.snapshots.manifest import COPIED, DUMP, Held, Snapshot
from etl.snapshots.tools import access, tool
from etl.tables import QUALITY, links, metadata, team_aliases

AUTOMATIC_KEPT = 10
"""Automatic snapshots that stay; older ones are removed when a new one is made."""


def written_tables() -> list[str]:
    """The tables that we write, parents first, as the ledger of repairs calls them."""
    platform = [f"public.{table.name}" for table in metadata.sorted_tables if table.schema != QUALITY]
    return [*platform, *(f"{QUALITY}.{table.name}" for table in (team_aliases, links))]


def holds_rows(engine: Engine) -> bool:
    """Whether there is anything to take a snapshot of."""
    with engine.begin() as connection:
        shapes = (find_shape(connection, label) for label in written_tables())
        return any(
            shape and connection.execute(select(literal(1)).select_from(shape.table).limit(1)).first()
            for shape in shapes
        )


def create(
    engine: Engine, root: Path, reason: str, who: str, *, automatic: bool = False, tools: bool = True
) -> Snapshot:
    """Take a snapshot below `root`; without `tools` also where `pg_dump` exists by COPY. Raises SnapshotError."""
    moment = datetime.now(UTC)
    folder = root / f"{moment:%Y%m%dT%H%M%S_%f}"
    fresh = folder.with_name(f"{folder.name}.new")
    try:
        # rows of people are in it
        fresh.mkdir(parents=True, mode=0o700)
        made = Snapshot(folder, moment, who, reason, automatic, COPIED, current(engine) or "", (), {})
        made = _fill(engine, fresh, made, tools=tools)
        manifest.write(made, fresh)
        _sync(fresh)
        fresh.rename(folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise SnapshotError(f"no snapshot can be written to {root}: {error.strerror or error}") from None
    if automatic:
        _thin_out(root)
    return made


def _fill(engine: Engine, folder: Path, made: Snapshot, *, tools: bool) -> Snapshot:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        shapes = [shape for label in written_tables() if (shape := find_shape(connection, label)) is not None]
        held = tuple(_held(connection, shape) for shape in shapes)
        labels = [shape.label for shape in shapes]
        if tools and not _partitioned(connection, labels) and _dumped(engine, connection, folder, labels):
            return replace(made, tables=held, method="pg_dump", files={DUMP: manifest.digest(folder / DUMP)})
        files = [_copied(connection, shape, folder) for shape in shapes]
        return replace(made, tables=held, files={path.name: manifest.digest(path) for path in files})


def _held(connection: Connection, shape: Shape) -> Held:
    rows = connection.execute(select(func.count()).select_from(shape.table)).scalar_one()
    return Held(shape.label, rows, tuple(shape.written(shape.types)))


def _partitioned(connection: Connection, labels: list[str]) -> bool:
    """Whether one of the tables has partitions: pg_dump, told a table, would leave out the rows of all of them."""
    known = [label.partition(".") for label in labels]
    found = text("select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                 " where c.relkind = 'p' and n.nspname = :schema and c.relname = :name")  # fmt: skip
    return any(connection.scalar(found, {"schema": schema, "name": name}) for schema, _, name in known)


def _dumped(engine: Engine, connection: Connection, folder: Path, labels: list[str]) -> bool:
    """Whether `pg_dump` wrote the same moment that this connection sees."""
    server = connection.execute(text("select current_setting('server_version_num')::integer / 10000")).scalar_one()
    program = tool("pg_dump", server)
    if program is None or tool("pg_restore", server) is None:
        return False
    moment = connection.execute(text("select pg_export_snapshot()")).scalar_one()
    command = [str(program), "--format=custom", "--data-only", "--no-password", f"--snapshot={moment}",
               f"--file={folder / DUMP}", *(f"--table={label}" for label in labels)]  # fmt: skip
    done = subprocess.run(command, env=access(engine), capture_output=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:  # behind a pooler, say: COPY needs no second connection
        (folder / DUMP).unlink(missing_ok=True)
    return done.returncode == 0


def _copied(connection: Connection, shape: Shape, folder: Path) -> Path:
    path = folder / f"{shape.label}.copy.gz"
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in shape.written(shape.types))
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    # of a query, for a table with partitions cannot be copied from
    statement = f"copy (select {names} from {quote(shape.schema)}.{quote(shape.name)}) to stdout"  # noqa: S608 - quoted
    with gzip.open(path, "wb", compresslevel=6) as file, driver.cursor() as cursor, cursor.copy(statement) as rows:
        for block in rows:
            file.write(block)
    return path


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _thin_out(root: Path) -> None:
    for old in [snapshot for snapshot in manifest.past(root) if snapshot.automatic][AUTOMATIC_KEPT:]:
        shutil.rmtree(old.folder, ignore_errors=True)
